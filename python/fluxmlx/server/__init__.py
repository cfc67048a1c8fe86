"""The server: Ollama's and OpenAI's protocols over HTTP. This module is the whole interface.

    fluxmlx.server.run_server(fluxmlx.server.load_settings({"port": 0}))

`create_app` gives the application alone, for another ASGI server. Every name is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fluxmlx.server.app import create_app
    from fluxmlx.server.pool import ModelPool
    from fluxmlx.server.run import run_server
    from fluxmlx.server.settings import ServerSettings
    from fluxmlx.server.sources import load_settings

__all__ = ["ModelPool", "ServerSettings", "create_app", "load_settings", "run_server"]

_HOMES = {
    "ModelPool": "fluxmlx.server.pool",
    "ServerSettings": "fluxmlx.server.settings",
    "create_app": "fluxmlx.server.app",
    "load_settings": "fluxmlx.server.sources",
    "run_server": "fluxmlx.server.run",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fluxmlx.server' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
