"""`fluxmlx show`: what is in a model file, read without loading the model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from fluxmlx.cli.guard import guarded

if TYPE_CHECKING:
    from fluxmlx.cli.summary import File, Summary, TypeTotal

__all__ = ["show"]


@guarded
def show(
    model: Annotated[
        str, typer.Argument(help="A path to a .gguf file, a short name (smollm2), or pypi:PACKAGE.")
    ],
    template: Annotated[bool, typer.Option("--template", help="Only the chat template.")] = False,
    metadata: Annotated[bool, typer.Option("--metadata", help="Only the metadata, unabridged.")] = False,
    tensors: Annotated[bool, typer.Option("--tensors", help="Only the tensors, every one.")] = False,
    licence: Annotated[bool, typer.Option("--license", help="Only the licence.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON; lists of more than 32 are null without --metadata.")
    ] = False,
) -> None:
    """Print what is in a model file."""
    from fluxmlx.cli import sections
    from fluxmlx.cli.summary import summarise, totals

    file = _open(model)
    held, types = file.metadata, totals(file.tensors)
    summary = summarise(held, types)
    if as_json:
        typer.echo(
            json.dumps(_document(file, held, summary, types, whole=metadata), indent=2, allow_nan=False)
        )
        return
    chosen: list[str] = []
    if template:
        chosen.append(sections.template(held, file.path))
    if metadata:
        chosen.append(sections.metadata(held, file.metadata_types, whole=True))
    if tensors:
        chosen.append(sections.tensors(file.tensors))
    if licence:
        chosen.append(sections.licence(held, file.path))
    typer.echo("\n\n".join(chosen) if chosen else sections.everything(file, held, summary, types))


def _open(model: str) -> File:
    from fluxmlx.hub import CallbackProgress, resolve
    from fluxmlx.progress import Bars

    with Bars() as bars:
        path = resolve(model, progress=CallbackProgress(bars))
    from fluxmlx._native import core

    return core.GgufFile(path)


def _document(
    file: File, held: Mapping[str, Any], summary: Summary, types: Sequence[TypeTotal], *, whole: bool
) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "path": str(file.path),
        **asdict(summary),
        "metadata": {key: _plain(value, whole=whole) for key, value in held.items()},
        "tensor_types": [asdict(row) for row in types],
        "tensors": [
            {"name": row.name, "type": row.type, "shape": list(row.shape), "n_bytes": row.n_bytes}
            for row in file.tensors
        ],
    }


def _plain(value: Any, *, whole: bool) -> Any:
    """A value that JSON can hold: numbers that are not finite become text, long lists null unless `whole`."""
    if isinstance(value, float) and value - value != 0:
        return str(value)
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return [_plain(item, whole=whole) for item in items] if whole or len(items) <= 32 else None
    return value
