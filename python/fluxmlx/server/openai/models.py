"""GET /v1/models and /v1/models/{id}."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from fluxmlx.chat.reasoning import can_think
from fluxmlx.errors import FluxmlxError
from fluxmlx.server.context import ServerContext
from fluxmlx.server.names import not_found
from fluxmlx.server.openai.serving import Server

if TYPE_CHECKING:
    from fluxmlx.engine import Engine

__all__ = ["router"]

router = APIRouter(tags=["openai"])


@router.get("/v1/models")
async def list_models(server: Server) -> dict[str, Any]:
    """The models on this machine. Of those that are loaded, also the device, the context and the capabilities."""
    from fluxmlx import hub

    stored = await asyncio.to_thread(hub.list_models)
    sources = server.pool.sources
    times = {name: _written(source) for name, source in sources.items() if name != source}
    times |= {row.name: int(row.modified_at.timestamp()) for row in stored}
    return {"object": "list", "data": [_row(server, name, created) for name, created in times.items()]}


@router.get("/v1/models/{model:path}")
async def retrieve_model(model: str, server: Server) -> dict[str, Any]:
    """One model, with its capabilities whether it is loaded or not; slashes may be in its name."""
    from fluxmlx import hub

    if model in server.pool.sources:
        return _row(server, model, _written(server.pool.sources[model]))
    found = server.pool.find(model)  # raises where the name is none
    try:
        info = await asyncio.to_thread(hub.show, model)
    except FluxmlxError:
        raise not_found(model) from None
    row = _row(server, model, int(info.modified_at.timestamp()))
    return (
        row
        if found is not None and found.engine is not None
        else row | {"capabilities": [*info.capabilities]}
    )


def _row(server: ServerContext, name: str, created: int) -> dict[str, Any]:
    found = server.pool.find(name)
    engine: Engine | None = None if found is None else found.engine
    state = "ready" if engine is not None else "unloaded" if found is None else "loading"
    row: dict[str, Any] = {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": name.split("/")[-2] if "/" in name else "library",
        "ready": engine is not None,
        "state": state,
    }
    if engine is not None:
        row |= {
            "device": engine.info["device"],
            "max_model_len": engine.capabilities.n_ctx,
            "capabilities": _capabilities(engine),
        }
    return row


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
