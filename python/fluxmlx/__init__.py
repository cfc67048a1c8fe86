"""Run GGUF language models natively on Apple's MLX.

    import fluxmlx

    with fluxmlx.load("smollm2") as engine:
        print(engine.chat([{"role": "user", "content": "Why is the sky blue?"}]).text)

Every name here is loaded when it is first used, so that the import itself costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fluxmlx._native import info
    from fluxmlx.engine import Engine
    from fluxmlx.loading import load
    from fluxmlx.results import Completion, Event, Score, Timings, TokenLogprobs, Usage
    from fluxmlx.sampling import SamplingParams

    __version__: str

__all__ = [
    "Completion",
    "Engine",
    "Event",
    "SamplingParams",
    "Score",
    "Timings",
    "TokenLogprobs",
    "Usage",
    "__version__",
    "info",
    "load",
]

_HOMES = {
    "Completion": "fluxmlx.results",
    "Engine": "fluxmlx.engine",
    "Event": "fluxmlx.results",
    "SamplingParams": "fluxmlx.sampling",
    "Score": "fluxmlx.results",
    "Timings": "fluxmlx.results",
    "TokenLogprobs": "fluxmlx.results",
    "Usage": "fluxmlx.results",
    "info": "fluxmlx._native",
    "load": "fluxmlx.loading",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("fluxmlx")
    if name not in _HOMES:
        raise AttributeError(f"module 'fluxmlx' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
