"""Where a model is run: by a fluxmlx server where there is one, else in this process."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluxmlx.cli.client import Client, NoServerError, find_server
from fluxmlx.cli.host import VARIABLES

if TYPE_CHECKING:
    from fluxmlx.cli.answering import Answering

__all__ = ["Opening"]


@dataclass(frozen=True, slots=True)
class Opening:
    """How `run` opens a model, and opens the next one at /load.

    Attributes:
        ctx: positions of a sequence; None leaves it to the model.
        keep_alive: how long a server keeps the model; in this process it goes with the command.
        local: in this process whatever runs.
        insecure: a model that is pulled first may come from a registry without TLS, or at a private address.
    """

    ctx: int | None = None
    threads: int | None = None
    keep_alive: str | int | None = None
    local: bool = False
    insecure: bool = False

    def open(self, model: str) -> AbstractContextManager[Answering]:
        """A context manager of the loaded model.

        Raises:
            NoServerError: FLUXMLX_HOST names a server, and none answers there.
        """
        from fluxmlx.cli.in_process import open_in_process
        from fluxmlx.cli.on_server import open_on_server

        client = None if self.local or _is_path(model) else _server()
        if client is None:
            return open_in_process(model, ctx=self.ctx, threads=self.threads, insecure=self.insecure)
        return open_on_server(
            client,
            model,
            ctx=self.ctx,
            threads=self.threads,
            keep_alive=self.keep_alive,
            insecure=self.insecure,
        )


def _server() -> Client | None:
    """The server to use. At the usual address an Ollama is left alone: who runs fluxmlx does not mean it."""
    client = find_server()
    who = client.probe()
    if os.environ.get(VARIABLES[0]):
        if who is None:
            raise NoServerError(
                f"{VARIABLES[0]} is set, and no server answers at {client.host.url}; start it, or use --local"
            )
        return client
    return client if who and who.name == "fluxmlx" else None


def _is_path(model: str) -> bool:
    """Files of this machine are not a server's business."""
    from fluxmlx.hub.names import PathName, parse

    return isinstance(parse(model), PathName)
