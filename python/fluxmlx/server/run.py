"""The server as a process: its socket, its signals, its end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from fluxmlx.errors import InvalidArgumentError
from fluxmlx.server.addresses import url_of
from fluxmlx.server.app import create_app
from fluxmlx.server.connection import connection_class
from fluxmlx.server.middleware.heads import MAX_HEAD_BYTES
from fluxmlx.server.names import is_path
from fluxmlx.server.patience import Patience
from fluxmlx.server.pool import ModelPool
from fluxmlx.server.version import server_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fluxmlx.server.context import ServerContext
    from fluxmlx.server.protocols import Protocol
    from fluxmlx.server.settings import ServerSettings

__all__ = ["bind", "run_server"]

_LOG = logging.getLogger("fluxmlx.server")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_BACKLOG = 2048
_GRACE_S = 2.0  # for the last bytes of answers that were broken off
_LOOK_S = 0.02
_THREADS = 64  # of downloads, loads and uploads, some of which wait for others outside
_UNSENT_BYTES = 256 << 10  # that the system keeps for a client who does not read
_PATIENCE_S = 3.0  # of who asked twice, with threads that do not come back


def run_server(
    settings: ServerSettings,
    model: str | None = None,
    *,
    pool: ModelPool | None = None,
    protocols: Sequence[Protocol] | None = None,
    on_listening: Callable[[str], None] | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM, and returns once everything is closed.

    The first signal lets running answers finish, for `shutdown_timeout` at most; a second one ends them at once.

    Args:
        model: loaded at the start and for ever; may be a path, which clients then name by its file's stem.
        pool, protocols: as for `create_app`.
        on_listening: called with the server's URL as soon as it takes connections.

    Raises:
        InvalidArgumentError: the address cannot be listened on.
        FluxmlxError: the model cannot be loaded.
    """
    listener = bind(settings.host, settings.port)
    try:
        with contextlib.closing(listener), Patience(_PATIENCE_S) as patience:
            asyncio.run(_serve(settings, listener, model, pool, protocols, on_listening, patience))
    finally:
        gc.unfreeze()


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        InvalidArgumentError: it is taken, not allowed, or no address of this machine; the text says which.
    """
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, number, _, address = sorted(rows, key=lambda row: row[0] != socket.AF_INET)[0]
        listener = socket.socket(family, kind, number)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNSENT_BYTES)  # of each connection
            listener.bind(address)
            listener.listen(_BACKLOG)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        hint = "; another server runs there? choose another port, or 0 for a free one" if port else ""
        raise InvalidArgumentError(f"cannot listen on {url_of(host, port)}: {error.strerror}{hint}") from None
    return listener


async def _serve(
    settings: ServerSettings,
    listener: socket.socket,
    model: str | None,
    pool: ModelPool | None,
    protocols: Sequence[Protocol] | None,
    on_listening: Callable[[str], None] | None,
    patience: Patience,
) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "fluxmlx"))
    pool = pool or ModelPool(settings)
    app = create_app(settings, pool, protocols)
    config = uvicorn.Config(
        app, ws="none", loop="asyncio",
        http=connection_class(settings.header_timeout, settings.write_timeout, settings.max_connections),
        lifespan="off", log_config=None, access_log=False, server_header=False, backlog=_BACKLOG,
        headers=[("Server", f"fluxmlx/{server_version()}")],
        h11_max_incomplete_event_size=MAX_HEAD_BYTES, timeout_graceful_shutdown=int(_GRACE_S),
    )  # fmt: skip
    server = _Server(config, app.state.context, on_listening, patience)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    problem: Exception | None = None
    if model is not None:
        problem = await _preload(app.state.context, model, serving)
        server.should_exit = server.should_exit or problem is not None
    _settle()
    await serving
    if not server.force_exit:
        await pool.close()
    if problem is not None:
        raise problem


def _settle() -> None:
    """What is there by now stays, so the garbage collector need not go through it again while tokens wait."""
    gc.collect()
    gc.freeze()


async def _preload(context: ServerContext, model: str, serving: asyncio.Task[None]) -> Exception | None:
    """Loads the server's model; the error where it cannot be."""
    context.is_ready = False
    shown = Path(model).stem if is_path(model) else model
    names = [model, shown] if is_path(model) else []
    for name in (*names, *filter(None, [context.settings.alias])):
        context.pool.add_source(name, model)
    load = asyncio.create_task(_load(context.pool, shown))
    await asyncio.wait([load, serving], return_when=asyncio.FIRST_COMPLETED)
    if not load.done():
        load.cancel()
        await asyncio.wait([load])
        return None
    problem = load.result()
    context.is_ready = problem is None
    return problem if not context.is_draining else None


async def _load(pool: ModelPool, model: str) -> Exception | None:
    from fluxmlx.server.durations import FOR_EVER

    try:
        async with pool.lease(model, keep_alive=FOR_EVER):
            return None
    except Exception as error:  # noqa: BLE001  # it is raised once everything is closed
        return error


class _Server(uvicorn.Server):
    """uvicorn, with an end in three steps: no new work, running answers finish, the rest is broken off."""

    def __init__(
        self,
        config: uvicorn.Config,
        context: ServerContext,
        on_listening: Callable[[str], None] | None,
        patience: Patience,
    ) -> None:
        super().__init__(config)
        self._patience = patience
        self._context = context
        self._on_listening = on_listening
        self._ending: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        assert sockets
        host, port = sockets[0].getsockname()[:2]
        url = url_of(host, port)
        _LOG.info("listening on %s", url)
        if self._on_listening:
            self._on_listening(url)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Ours: the loop calls them, the second one means it, and the process ends with code 0."""
        loop = asyncio.get_running_loop()
        try:
            for number in _SIGNALS:
                loop.add_signal_handler(number, self._stop)
        except (ValueError, RuntimeError):  # not the main thread: a test, or somebody's own program
            yield
            return
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        if self._ending is None:
            self._context.is_draining = True
            self._ending = asyncio.create_task(self._drain())
        elif not self.force_exit:
            self.force_exit = self.should_exit = True
            self._patience.begin()

    async def _drain(self) -> None:
        context, loop = self._context, asyncio.get_running_loop()
        _LOG.info("stopping: %d requests run", context.in_flight)
        until = loop.time() + context.settings.shutdown_timeout
        while context.in_flight and loop.time() < until and not self.should_exit:
            await asyncio.sleep(_LOOK_S)
        await context.pool.close()
        until = loop.time() + _GRACE_S
        while context.in_flight and loop.time() < until and not self.should_exit:
            await asyncio.sleep(_LOOK_S)
        self.should_exit = True
