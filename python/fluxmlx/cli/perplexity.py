"""`fluxmlx perplexity`: how much a text surprises a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from fluxmlx.cli.completing import models
from fluxmlx.cli.guard import guarded

__all__ = ["perplexity"]


@guarded
def perplexity(
    model: Annotated[
        str,
        typer.Argument(help="A path to a .gguf file, or a model's name: smollm2.", autocompletion=models),
    ],
    file: Annotated[Path, typer.Argument(help="A text in UTF-8; - reads standard input.")],
    ctx: Annotated[
        int | None, typer.Option("--ctx", "--ctx-size", "-c", min=3, help="Tokens of a window; default: 512.")
    ] = None,
    chunks: Annotated[
        int | None, typer.Option("--chunks", min=1, help="Windows to read; default: all of the text.")
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option("--stride", min=1, help="Begin a window every so many tokens, and count its last ones."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option("--threads", "-t", min=1, help="CPU threads; default: all this process may use."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON.")] = False,
) -> None:
    """Measure the perplexity of a text, as llama.cpp's llama-perplexity does.

    The text is cut into windows of --ctx tokens. Each is read on its own, with BOS in place of its first token where
    the model adds one, and the tokens of its second half count. What is left at the end of the text is not read.
    """
    from dataclasses import asdict

    import fluxmlx
    from fluxmlx.perplexity import USUAL_CTX
    from fluxmlx.progress import Bars

    text = _read(file)
    with Bars() as bars, fluxmlx.load(model, ctx=ctx or USUAL_CTX, threads=threads, progress=bars) as engine:
        found = engine.perplexity(text, ctx=ctx, chunks=chunks, stride=stride, progress=bars)
    if as_json:
        typer.echo(json.dumps({"model": model, "file": str(file), **asdict(found)}, indent=2))
        return
    typer.echo(
        f"perplexity {found.perplexity:.4f} +/- {found.uncertainty:.4f}: {found.n_tokens} tokens of "
        f"{found.n_windows} windows of {found.ctx}"
    )


def _read(file: Path) -> str:
    from fluxmlx.errors import InvalidArgumentError

    data = typer.get_binary_stream("stdin").read() if str(file) == "-" else file.read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidArgumentError(
            f"{file} is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}; convert it first"
        ) from None
