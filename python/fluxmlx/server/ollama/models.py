"""What there is: /api/tags, /api/show, /api/ps; and what changes it without a download: copy and delete."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from fastapi import APIRouter, Depends
from starlette.responses import Response

from fluxmlx import hub
from fluxmlx.checkpoint import open_model
from fluxmlx.errors import InvalidArgumentError, ModelNotFoundError
from fluxmlx.hub.names import model_name
from fluxmlx.server.admin import require_admin
from fluxmlx.server.catalogue import Catalogue, supported
from fluxmlx.server.clock import rfc3339, rfc3339_after
from fluxmlx.server.context import Server
from fluxmlx.server.errors import RequestError
from fluxmlx.server.names import source_of
from fluxmlx.server.ollama.schemas import CopyRequest, ModelRequest, ShowRequest

if TYPE_CHECKING:
    from fluxmlx.hub import Details, ModelInfo
    from fluxmlx.server.loaded import LoadedModel

__all__ = ["router"]

router = APIRouter(tags=["ollama"])
ADMIN = [Depends(require_admin)]
_SHORT = 5  # longer lists of the metadata are shown to who asks for all
_HIDDEN = ("general.name", "tokenizer.chat_template")


@router.head("/api/tags", include_in_schema=False)
@router.get("/api/tags")
async def tags(server: Server) -> dict[str, Any]:
    """Every model on this machine, the newest first."""
    rows = await asyncio.to_thread(Catalogue(server.pool).entries)
    return {
        "models": [
            {
                "name": row.name,
                "model": row.name,
                "modified_at": rfc3339(row.modified_at),
                "size": row.size,
                "digest": row.digest,
                "details": details(row.details),
            }
            for row in rows
        ]
    }


@router.post("/api/show")
async def show(body: ShowRequest, server: Server) -> dict[str, Any]:
    """All that is known about one model."""
    if not body.model:
        raise InvalidArgumentError("model is required")
    try:
        info = await asyncio.to_thread(Catalogue(server.pool).info, body.model)
    except ModelNotFoundError:
        raise _missing(body.model) from None
    optional = {
        "license": "\n".join(info.files.licences),
        "modelfile": info.modelfile,
        "parameters": info.parameters,
        "template": body.template or info.files.template or info.metadata.get("tokenizer.chat_template", ""),
        "system": body.system or info.files.system,
        "messages": [dict(row) for row in info.files.messages],
    }
    return {
        **{name: value for name, value in optional.items() if value},
        "details": details(info.details),
        "model_info": _model_info(info, verbose=body.verbose),
        "capabilities": supported(info),
        "modified_at": rfc3339(info.modified_at),
        **({"tensors": await asyncio.to_thread(_tensors, info)} if body.verbose else {}),
    }


@router.get("/api/ps")
async def ps(server: Server) -> dict[str, Any]:
    """The models in memory, the one that stays longest first."""
    catalogue = Catalogue(server.pool)
    models = server.pool.loaded()
    entries = {row.name.lower(): row for row in await asyncio.to_thread(catalogue.entries)} if models else {}
    return {"models": [_running(model, entries) for model in models]}


@router.post("/api/copy", dependencies=ADMIN)
async def copy(body: CopyRequest, server: Server) -> Response:
    """Gives a model a second name."""
    for field, name in (("source", body.source), ("destination", body.destination)):
        try:
            model_name(name)
        except InvalidArgumentError:
            raise InvalidArgumentError(f'{field} "{name[:200]}" is invalid') from None
    source = source_of(server.pool.sources, body.source)
    try:
        await asyncio.to_thread(hub.copy, source, body.destination)
    except ModelNotFoundError:
        raise RequestError(404, f'model "{body.source}" not found', code="model_not_found") from None
    return Response()


@router.delete("/api/delete", dependencies=ADMIN)
async def delete(body: ModelRequest, server: Server) -> Response:
    """Takes a model off the disk; who uses it now goes on, and then it leaves memory, too."""
    if not body.model:
        raise InvalidArgumentError("model is required")
    try:
        await asyncio.to_thread(hub.delete, body.model)
        server.pool.unload(body.model)
    except ModelNotFoundError:
        raise _missing(body.model) from None
    return Response()


def details(row: Details) -> dict[str, Any]:
    """The numbers that people choose a model by."""
    return {
        "parent_model": row.parent_model,
        "format": row.format,
        "family": row.family,
        "families": list(row.families) or None,
        "parameter_size": row.parameter_size,
        "quantization_level": row.quantization_level,
    }


def _missing(name: str) -> RequestError:
    shown = name if len(name) <= 200 else name[:200] + "..."
    return RequestError(404, f"model '{shown}' not found", code="model_not_found")


def _model_info(info: ModelInfo, *, verbose: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in info.metadata.items():
        if name in _HIDDEN:
            continue
        if isinstance(value, (list, tuple)):
            rows = cast("list[Any]", value)
            found[name] = [_plain(row) for row in rows] if verbose or len(rows) <= _SHORT else []
        else:
            found[name] = _plain(value)
    return found


def _tensors(info: ModelInfo) -> list[dict[str, Any]]:
    rows = open_model(info.files.path).tensors
    return [{"name": row.name, "type": row.type, "shape": list(row.shape)} for row in rows]


def _plain(value: Any) -> Any:
    """A value that JSON has."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def _running(model: LoadedModel, entries: Mapping[str, Any]) -> dict[str, Any]:
    row = entries.get(model.name.lower()) or entries.get(f"{model.name.lower()}:latest")
    engine = model.engine
    size = model.size + engine.stats().cache_bytes
    return {
        "name": row.name if row else model.name,
        "model": row.name if row else model.name,
        "size": size,
        "digest": row.digest if row else "",
        "details": details(row.details) if row else details(hub.Details()),
        "expires_at": rfc3339_after(model.expires_in),
        "size_vram": 0 if engine.info.get("device") == "cpu" else size,
        "context_length": engine.capabilities.n_ctx,
    }
