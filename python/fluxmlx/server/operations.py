"""The routes for whoever runs the server."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, PlainTextResponse, Response

from fluxmlx.server.context import Server

__all__ = ["router"]

router = APIRouter(tags=["operations"])


@router.get("/health")
async def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/ready")
async def ready(server: Server) -> JSONResponse:
    """200 while new work is taken; 503 while the server's model is loaded, and once it is told to stop."""
    status = "draining" if server.is_draining else "ready" if server.is_ready else "loading"
    return JSONResponse({"status": status}, 200 if status == "ready" else 503)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(server: Server) -> Response:
    """The server's numbers, as Prometheus reads them."""
    server.metrics.in_flight.set(server.in_flight)
    return Response(server.metrics.page(), media_type=CONTENT_TYPE_LATEST)
