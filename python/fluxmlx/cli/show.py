"""`fluxmlx show`: what is in a model, read without loading it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from fluxmlx.cli.completing import models
from fluxmlx.cli.guard import guarded
from fluxmlx.errors import ModelNotFoundError

if TYPE_CHECKING:
    from fluxmlx.hub import ModelInfo
    from fluxmlx.hub.summary import File

__all__ = ["show"]


_MODEL_HELP = "A path to a .gguf file or a folder, or a model's name: smollm2, llama3.2:1b, hf.co/USER/REPO."


@guarded
def show(
    model: Annotated[str, typer.Argument(help=_MODEL_HELP, autocompletion=models)],
    template: Annotated[bool, typer.Option("--template", help="Only the chat template.")] = False,
    system: Annotated[bool, typer.Option("--system", help="Only the system message.")] = False,
    parameters: Annotated[bool, typer.Option("--parameters", help="Only the parameters.")] = False,
    modelfile: Annotated[bool, typer.Option("--modelfile", help="Only the Modelfile that makes it.")] = False,
    metadata: Annotated[bool, typer.Option("--metadata", help="Only the metadata, unabridged.")] = False,
    tensors: Annotated[bool, typer.Option("--tensors", help="Only the tensors, every one.")] = False,
    licence: Annotated[bool, typer.Option("--license", help="Only the licence.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Nothing cut short: all metadata, and every tensor.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON; lists of more than 32 are null without --metadata.")
    ] = False,
) -> None:
    """Print what is in a model."""
    from fluxmlx.cli import sections

    info, file = _open(model)
    if as_json:
        document = _document(info, file, whole=metadata)
        typer.echo(json.dumps(document, indent=2, allow_nan=False))
        return
    makers: list[tuple[bool, Callable[[], str]]] = [
        (modelfile, lambda: sections.clean(info.modelfile.rstrip("\n"))),
        (parameters, lambda: sections.clean(info.parameters)),
        (system, lambda: sections.clean(info.files.system or "")),
        (template, lambda: sections.template(info)),
        (metadata, lambda: sections.metadata(file.metadata, file.metadata_types, whole=True)),
        (tensors, lambda: sections.tensors(file.tensors)),
        (licence, lambda: sections.licence(info)),
    ]
    chosen = [make() for wanted, make in makers if wanted]
    typer.echo("\n\n".join(chosen) if chosen else sections.everything(info, file, whole=verbose))


def _open(model: str) -> tuple[ModelInfo, File]:
    from fluxmlx import hub
    from fluxmlx.checkpoint import open_model
    from fluxmlx.hub.names import PathName, parse

    try:
        info = hub.show(model)
    except ModelNotFoundError as error:
        if isinstance(parse(model), PathName):
            raise
        raise ModelNotFoundError(
            f"model {model!r} is not on this machine; `fluxmlx pull {model}` fetches it"
        ) from error
    return info, open_model(info.files.path)


def _document(info: ModelInfo, file: File, *, whole: bool) -> dict[str, Any]:
    from dataclasses import asdict

    from fluxmlx.hub.summary import summarise, totals

    types, files = totals(file.tensors), info.files
    return {
        "model": files.name,
        "digest": files.digest,
        "path": str(file.path),
        **asdict(summarise(file.metadata, types)),
        "capabilities": list(info.capabilities),
        "template": files.template,
        "system": files.system,
        "params": dict(files.params),
        "messages": [dict(row) for row in files.messages],
        "licenses": list(files.licences),
        "modelfile": info.modelfile,
        "modified_at": info.modified_at.isoformat(),
        "metadata": {key: _plain(value, whole=whole) for key, value in file.metadata.items()},
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
