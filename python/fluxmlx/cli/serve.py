"""`fluxmlx serve`: models over HTTP, in Ollama's and OpenAI's protocols."""

from __future__ import annotations

from typing import Annotated

import typer

from fluxmlx.cli.completing import models
from fluxmlx.cli.guard import guarded
from fluxmlx.errors import InvalidArgumentError

__all__ = ["serve"]


@guarded
def serve(
    model: Annotated[
        str | None,
        typer.Argument(
            help="A model to load at once and to keep; others come when asked for.", autocompletion=models
        ),
    ] = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Where to listen: an address, or ADDRESS:PORT [127.0.0.1].")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", help="0 takes a free one [11434].")] = None,
    keep_alive: Annotated[
        str | None,
        typer.Option("--keep-alive", help="How long an unused model stays: 5m, 0, -1 for ever [5m]."),
    ] = None,
    max_queue: Annotated[
        int | None, typer.Option("--max-queue", help="Requests that may wait; more are refused [512].")
    ] = None,
    num_parallel: Annotated[
        int | None,
        typer.Option("--num-parallel", "--parallel", "-np", help="Answers that a model writes together."),
    ] = None,
    context_length: Annotated[
        int | None,
        typer.Option("--context-length", "--ctx-size", "-c", help="Positions of one request [the model's]."),
    ] = None,
    max_loaded_models: Annotated[
        int | None, typer.Option("--max-loaded-models", help="Models in memory at once [as many as fit].")
    ] = None,
    memory_budget: Annotated[
        str | None, typer.Option("--memory-budget", help="Memory of all models together: 8GiB.")
    ] = None,
    threads: Annotated[int | None, typer.Option("--threads", "-t", help="CPU threads.")] = None,
    origins: Annotated[
        str | None, typer.Option("--origins", help="Web pages that may call, separated by commas [none].")
    ] = None,
    allowed_hosts: Annotated[
        str | None, typer.Option("--allowed-hosts", help="Further names of this server, separated by commas.")
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key", help="What clients must show; better in FLUXMLX_API_KEY, which `ps` hides."
        ),
    ] = None,
    no_auth: Annotated[
        bool | None, typer.Option("--no-auth", help="Let others than this machine in without a key.")
    ] = None,
    admin: Annotated[
        bool | None,
        typer.Option("--admin/--no-admin", help="Pull, create and delete over HTTP [on this machine only]."),
    ] = None,
    load_timeout: Annotated[
        str | None, typer.Option("--load-timeout", help="Longest load of a model; 0 for no limit [5m].")
    ] = None,
    shutdown_timeout: Annotated[
        str | None, typer.Option("--shutdown-timeout", help="For running answers after SIGTERM [30s].")
    ] = None,
    access_log: Annotated[
        bool | None, typer.Option("--access-log/--no-access-log", help="A line for each request [on].")
    ] = None,
    alias: Annotated[str | None, typer.Option("--alias", "-a", help="A further name of MODEL.")] = None,
    config: Annotated[
        str | None, typer.Option("--config", help="A YAML file of these settings, without the dashes.")
    ] = None,
) -> None:
    """Serve models over HTTP, as `ollama serve` does and as OpenAI's clients expect.

    Every option is a variable too: FLUXMLX_KEEP_ALIVE, and where Ollama has it OLLAMA_KEEP_ALIVE.
    """
    flags = {
        "host": host,
        "port": port,
        "keep_alive": keep_alive,
        "max_queue": max_queue,
        "num_parallel": num_parallel,
        "context_length": context_length,
        "max_loaded_models": max_loaded_models,
        "memory_budget": memory_budget,
        "threads": threads,
        "origins": origins,
        "allowed_hosts": allowed_hosts,
        "api_key": api_key,
        "no_auth": no_auth,
        "admin": admin,
        "load_timeout": load_timeout,
        "shutdown_timeout": shutdown_timeout,
        "access_log": access_log,
        "alias": alias,
    }
    from fluxmlx.server import load_settings, run_server

    settings = load_settings(flags, config=config)
    _log_to_stderr()
    try:
        run_server(settings, model)
    except InvalidArgumentError:
        if who := _who_is_at(settings.host, settings.port):
            raise InvalidArgumentError(who) from None
        raise


def _log_to_stderr() -> None:
    """The server's log: a line for each request, and what went wrong."""
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger = logging.getLogger("fluxmlx")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _who_is_at(name: str, port: int) -> str | None:
    """Who has the address, where it is a server of our kind."""
    from fluxmlx.cli.client import Client
    from fluxmlx.cli.host import Host

    client = Client(Host(name, port))
    who = client.probe() if port else None
    if who is None:
        return None
    other = "another fluxmlx" if who.name == "fluxmlx" else "an Ollama"
    return (
        f"{client.host.url} is taken by {other} (version {who.version}); stop it, or choose another address with "
        "--port or FLUXMLX_HOST"
    )
