"""Ollama's protocol: the routes under /api."""

from __future__ import annotations

from fastapi import APIRouter

from fluxmlx.server.errors import plain_error_body
from fluxmlx.server.ollama import answers, embeddings, models, service, transfers
from fluxmlx.server.protocols import Protocol
from fluxmlx.server.streams import JsonResponse

__all__ = ["PROTOCOL"]

_router = APIRouter(default_response_class=JsonResponse)
for _part in (service, answers, embeddings, models, transfers):
    _router.include_router(_part.router)

PROTOCOL = Protocol("ollama", _router, ("/api/",), plain_error_body, raw=("/api/blobs/",))
