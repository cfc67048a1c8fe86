"""The two routes by which clients see that a server is there, and which."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import PlainTextResponse

__all__ = ["OLLAMA_VERSION", "router"]

router = APIRouter(tags=["ollama"])

# The version of Ollama whose interface this is; clients compare it, and refuse one that is too old.
OLLAMA_VERSION = "0.13.2"


@router.head("/", include_in_schema=False)
@router.get("/", response_class=PlainTextResponse)
async def root() -> PlainTextResponse:
    """The sentence that clients look for."""
    return PlainTextResponse("Ollama is running")


@router.head("/api/version", include_in_schema=False)
@router.get("/api/version")
async def version() -> dict[str, str]:
    """The version of the interface."""
    return {"version": OLLAMA_VERSION}
