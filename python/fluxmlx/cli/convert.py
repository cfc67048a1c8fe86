"""`fluxmlx convert`: a model's file again, in another type."""

from __future__ import annotations

import json
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fluxmlx.cli.completing import models
from fluxmlx.cli.guard import guarded

if TYPE_CHECKING:
    from fluxmlx.conversion import Conversion, Fate

__all__ = ["convert"]


class Format(StrEnum):
    """What models are written as."""

    gguf = "gguf"
    mlx = "mlx"


@guarded
def convert(
    source: Annotated[
        str,
        typer.Argument(
            help="A .gguf file, a folder with config.json, or a name: smollm2.", autocompletion=models
        ),
    ],
    target: Annotated[Path, typer.Argument(help="The .gguf file, or MLX's folder, to write.")],
    quantize: Annotated[
        str | None,
        typer.Option(
            "--quantize", "-q", help="The type of most weights: Q8_0, Q4_K_M, F16, ...; default: as it is."
        ),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.gguf,
    bits: Annotated[
        int | None, typer.Option("--bits", help="With --format mlx: 2, 3, 4, 5, 6 or 8 for each weight.")
    ] = None,
    group: Annotated[
        int, typer.Option("--group", help="With --format mlx: 32, 64 or 128 weights that share a scale.")
    ] = 64,
    force: Annotated[bool, typer.Option("--force", "-f", help="Write over a file that is there.")] = False,
    threads: Annotated[
        int | None,
        typer.Option("--threads", "-t", min=1, help="CPU threads; default: all this process may use."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="What became of every tensor, as JSON.")] = False,
) -> None:
    """Write a model as a GGUF file: another GGUF file in other types, or a folder with safetensors files.

    Types are those of llama.cpp: F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K_S, Q3_K_M, Q3_K_L,
    Q4_K_S, Q4_K_M, Q5_K_S, Q5_K_M and Q6_K. Weights that are quantised already lose more: begin with F16 or BF16 where
    you can. --format mlx makes a folder as mlx-lm does, of one with safetensors files.
    """
    from fluxmlx.conversion import convert as to_gguf
    from fluxmlx.conversion import convert_to_mlx
    from fluxmlx.progress import Bars

    if (form is Format.mlx and quantize is not None) or (form is Format.gguf and bits is not None):
        raise typer.BadParameter("--quantize is for GGUF files, --bits for --format mlx")
    with Bars() as bars:
        if form is Format.mlx:
            done = convert_to_mlx(source, target, bits=bits, group_size=group, progress=bars)
        else:
            done = to_gguf(source, target, quantize=quantize, threads=threads, force=force, progress=bars)
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
