"""The verbs put together. Nothing here imports the engine: `fluxmlx --help` must stay quick."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from fluxmlx.cli import bash, runner
from fluxmlx.cli.bench import bench
from fluxmlx.cli.convert import convert
from fluxmlx.cli.cp import cp
from fluxmlx.cli.create import create
from fluxmlx.cli.info import info, version
from fluxmlx.cli.listing import list_models
from fluxmlx.cli.perplexity import perplexity
from fluxmlx.cli.ps import ps
from fluxmlx.cli.pull import pull
from fluxmlx.cli.rm import rm
from fluxmlx.cli.run import RunCommand, run
from fluxmlx.cli.serve import serve
from fluxmlx.cli.show import show
from fluxmlx.cli.stop import stop
from fluxmlx.cli.unoffered import helps, push

__all__ = ["app", "start"]

app = typer.Typer(
    name="fluxmlx",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serve)
app.command("run", cls=RunCommand)(run)
app.command("pull")(pull)
app.command("list")(list_models)
app.command("ls", hidden=True)(list_models)
app.command("ps")(ps)
app.command("stop")(stop)
app.command("show")(show)
app.command("cp")(cp)
app.command("rm")(rm)
app.command("create")(create)
app.command("info")(info)
app.command("bench")(bench)
app.command("perplexity")(perplexity)
app.command("convert")(convert)
app.command("runner", hidden=True)(runner.runner)
app.command("help", hidden=True)(helps)
app.command("push", hidden=True)(push)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fluxmlx {version()}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool,
        typer.Option("--version", "-v", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Run GGUF and MLX language models natively on Apple's MLX."""


def start() -> None:
    """Runs the command line in a process of its own."""
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]  # closed by the caller: nobody listens
        raise SystemExit(1)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if bash.is_asking():
        bash.complete(lambda: app(prog_name="fluxmlx"))
    app(prog_name="fluxmlx")
