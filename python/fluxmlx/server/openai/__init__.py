"""The protocol of OpenAI's servers, and vLLM's of tokenizers."""

from __future__ import annotations

from fastapi import APIRouter

from fluxmlx.server.openai import chats, completions, embeddings, models, tokens
from fluxmlx.server.openai.errors import error_body
from fluxmlx.server.protocols import Protocol

__all__ = ["PROTOCOL"]

_router = APIRouter()
for _part in (completions, chats, embeddings, models, tokens):
    _router.include_router(_part.router)

PROTOCOL = Protocol(
    name="openai",
    router=_router,
    prefixes=("/v1/", "/tokenize", "/detokenize", "/tokenizer_info"),
    error_body=error_body,
)
