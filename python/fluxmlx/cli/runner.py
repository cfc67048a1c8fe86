"""`fluxmlx runner`: one model in a process of its own, for a parent that talks to it by HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from fluxmlx.cli.guard import guarded

__all__ = ["runner"]


@guarded
def runner(
    model: Annotated[str, typer.Option("--model", help="Path of a GGUF file, or a model's name.")],
    port: Annotated[
        int, typer.Option("--port", help="Where to listen on 127.0.0.1; 0 takes a free one.")
    ] = 0,
    dialect: Annotated[
        str, typer.Option("--runner-dialect", help="ollama, plain, mlx; auto goes by each request.")
    ] = "auto",
    parallel: Annotated[int, typer.Option("--parallel", help="Answers that are written together.")] = 0,
    context: Annotated[int, typer.Option("--ctx-size", help="Positions of one sequence.")] = 0,
    mlx_engine: Annotated[bool, typer.Option("--mlx-engine", hidden=True)] = False,
    ollama_engine: Annotated[bool, typer.Option("--ollama-engine", hidden=True)] = False,
) -> None:
    """Serve one model to a parent process; docs/openai.md has the routes."""
    from fluxmlx.errors import InvalidArgumentError
    from fluxmlx.server import ModelPool, load_settings, run_server
    from fluxmlx.server.runner import DIALECTS, runner_protocol

    if dialect not in ("auto", *DIALECTS):
        raise InvalidArgumentError(
            f"--runner-dialect is {dialect[:40]!r}; expected auto, {', '.join(DIALECTS)}"
        )
    del ollama_engine  # there is one engine; parents name theirs
    wanted = "mlx" if mlx_engine and dialect == "auto" else dialect
    set_to = None if wanted == "auto" else wanted
    flags = {"host": "127.0.0.1", "port": port, "num_parallel": parallel, "context_length": context}
    settings = load_settings(flags, environ={})
    run_server(
        settings,
        model,
        pool=ModelPool(settings),
        protocols=[runner_protocol(model, set_to)],
        on_listening=lambda url: typer.echo(f"listening on {url}", err=True),
    )
