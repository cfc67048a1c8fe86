"""GET /v1/models and /v1/models/{id}."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from fluxmlx._native import info
from fluxmlx.chat.reasoning import can_think
from fluxmlx.errors import FluxmlxError
from fluxmlx.server.catalogue import Catalogue
from fluxmlx.server.context import ServerContext
from fluxmlx.server.names import not_found, own_name
from fluxmlx.server.openai.serving import Server

if TYPE_CHECKING:
    from fluxmlx.engine import Engine

__all__ = ["router"]

router = APIRouter(tags=["openai"])


@router.get("/v1/models")
async def list_models(server: Server) -> dict[str, Any]:
    """The models on this machine, with the device and what they can do; of those that are loaded, also the context."""
    from fluxmlx import hub

    stored = await asyncio.to_thread(hub.list_models)
    sources = server.pool.sources
    times = {name: _written(source) for name, source in sources.items() if name != source}
    times |= {row.name: int(row.modified_at.timestamp()) for row in stored}
    return {"object": "list", "data": [await _row(server, name, created) for name, created in times.items()]}


@router.get("/v1/models/{model:path}")
async def retrieve_model(model: str, server: Server) -> dict[str, Any]:
    """One model; slashes may be in its name."""
    from fluxmlx import hub

    if own := own_name(server.pool.sources, model):
        return await _row(server, own, _written(server.pool.sources[own]))
    server.pool.find(model)  # raises where the name is none
    try:
        shown = await asyncio.to_thread(hub.show, model)
    except FluxmlxError:
        raise not_found(model) from None
    return await _row(server, model, int(shown.modified_at.timestamp()))


async def _row(server: ServerContext, name: str, created: int) -> dict[str, Any]:
    found = server.pool.find(name)
    engine: Engine | None = None if found is None else found.engine
    row: dict[str, Any] = {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": name.split("/")[-2] if "/" in name else "library",
        "ready": engine is not None,
        "state": "ready" if engine is not None else "unloaded" if found is None else "loading",
    }
    if engine is None:
        known = await asyncio.to_thread(Catalogue(server.pool).capabilities, name)
        return row | {"device": str(info()["default_device"]), "capabilities": known}
    return row | {
        "device": engine.info["device"],
        "max_model_len": engine.capabilities.n_ctx,
        "capabilities": _capabilities(engine),
    }


def _capabilities(engine: Engine) -> list[str]:
    """In the words of Ollama."""
    found = ["completion"]
    if engine.has_chat_template and can_think(engine.chat_template.source):
        found.append("thinking")
    return found


def _written(source: str) -> int:
    """When a model's file was written; a name has no such time."""
    try:
        return int(Path(source).stat().st_mtime)
    except OSError:
        return 0
