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
    from fluxmlx.aio import AsyncStream
    from fluxmlx.conversion import Conversion, convert
    from fluxmlx.engine import Engine
    from fluxmlx.errors import (
        CancelledError,
        CapabilityError,
        ChatTemplateError,
        DownloadError,
        EngineClosedError,
        EngineError,
        FluxmlxError,
        InvalidArgumentError,
        ModelFileError,
        ModelIOError,
        ModelNotFoundError,
        OutOfMemoryError,
        QueueFullError,
        TokenizerError,
        UnsupportedModelError,
    )
    from fluxmlx.facts import Capabilities, Stats
    from fluxmlx.loading import load
    from fluxmlx.results import Completion, Embedding, Event, Perplexity, Score, Timings, TokenLogprobs, Usage
    from fluxmlx.sampling import SamplingParams
    from fluxmlx.streaming import Stream

    __version__: str

__all__ = [
    "AsyncStream",
    "CancelledError",
    "Capabilities",
    "CapabilityError",
    "ChatTemplateError",
    "Completion",
    "Conversion",
    "DownloadError",
    "Embedding",
    "Engine",
    "EngineClosedError",
    "EngineError",
    "Event",
    "FluxmlxError",
    "InvalidArgumentError",
    "ModelFileError",
    "ModelIOError",
    "ModelNotFoundError",
    "OutOfMemoryError",
    "Perplexity",
    "QueueFullError",
    "SamplingParams",
    "Score",
    "Stats",
    "Stream",
    "Timings",
    "TokenLogprobs",
    "TokenizerError",
    "UnsupportedModelError",
    "Usage",
    "__version__",
    "convert",
    "info",
    "load",
]

_HOMES = {
    "AsyncStream": "fluxmlx.aio",
    "CancelledError": "fluxmlx.errors",
    "Capabilities": "fluxmlx.facts",
    "CapabilityError": "fluxmlx.errors",
    "ChatTemplateError": "fluxmlx.errors",
    "Completion": "fluxmlx.results",
    "Conversion": "fluxmlx.conversion",
    "DownloadError": "fluxmlx.errors",
    "Embedding": "fluxmlx.results",
    "Engine": "fluxmlx.engine",
    "EngineClosedError": "fluxmlx.errors",
    "EngineError": "fluxmlx.errors",
    "Event": "fluxmlx.results",
    "FluxmlxError": "fluxmlx.errors",
    "InvalidArgumentError": "fluxmlx.errors",
    "ModelFileError": "fluxmlx.errors",
    "ModelIOError": "fluxmlx.errors",
    "ModelNotFoundError": "fluxmlx.errors",
    "OutOfMemoryError": "fluxmlx.errors",
    "Perplexity": "fluxmlx.results",
    "QueueFullError": "fluxmlx.errors",
    "SamplingParams": "fluxmlx.sampling",
    "Score": "fluxmlx.results",
    "Stats": "fluxmlx.facts",
    "Stream": "fluxmlx.streaming",
    "Timings": "fluxmlx.results",
    "TokenLogprobs": "fluxmlx.results",
    "TokenizerError": "fluxmlx.errors",
    "UnsupportedModelError": "fluxmlx.errors",
    "Usage": "fluxmlx.results",
    "convert": "fluxmlx.conversion",
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
