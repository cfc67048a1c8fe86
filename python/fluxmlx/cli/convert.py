"""`fluxmlx convert`: a model's file again, in another type."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fluxmlx.cli.completing import models
from fluxmlx.cli.guard import guarded

if TYPE_CHECKING:
    from fluxmlx.conversion import Conversion, Fate

__all__ = ["convert"]


@guarded
def convert(
    source: Annotated[
        str, typer.Argument(help="A .gguf file, or a model's name: smollm2.", autocompletion=models)
    ],
    target: Annotated[Path, typer.Argument(help="The .gguf file to write.")],
    quantize: Annotated[
        str | None,
        typer.Option(
            "--quantize", "-q", help="The type of most weights: Q8_0, Q4_K_M, F16, ...; default: as it is."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Write over a file that is there.")] = False,
    threads: Annotated[
        int | None,
        typer.Option("--threads", "-t", min=1, help="CPU threads; default: all this process may use."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="What became of every tensor, as JSON.")] = False,
) -> None:
    """Write a model as a GGUF file of another type.

    Types are those of llama.cpp: F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K_S, Q3_K_M, Q3_K_L,
    Q4_K_S, Q4_K_M, Q5_K_S, Q5_K_M and Q6_K. Weights that are quantised already lose more: begin with F16 or BF16 where
    you can.
    """
    from fluxmlx.conversion import convert as write
    from fluxmlx.progress import Bars

    with Bars() as bars:
        done = write(source, target, quantize=quantize, threads=threads, force=force, progress=bars)
    typer.echo(_document(done) if as_json else _summary(done))


def _summary(done: Conversion) -> str:
    from fluxmlx.cli.human import size, table

    counts = Counter((fate.before, fate.after) for fate in done.tensors)
    rows = [(f"{before} -> {after}" if before != after else f"{before} as it is", f"{n} tensors",
             size(sum(fate.n_bytes for fate in done.tensors if (fate.before, fate.after) == (before, after))))
            for (before, after), n in counts.items()]  # fmt: skip
    lines = [table(rows), *_reasons(done.tensors), f"{done.target}: {size(done.n_bytes)}"]
    return "\n".join(lines)


def _reasons(tensors: tuple[Fate, ...]) -> list[str]:
    """Of each reason for another type than was asked for, how many tensors it concerns."""
    counts = Counter((fate.after, fate.reason) for fate in tensors if fate.reason)
    return [f"{kind} for {n} tensors: {reason}" for (kind, reason), n in counts.items()]


def _document(done: Conversion) -> str:
    from dataclasses import asdict

    return json.dumps({**asdict(done), "target": str(done.target)}, indent=2)
