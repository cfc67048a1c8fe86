"""Every error that fluxmlx raises on purpose. All of them are `FluxmlxError`."""

from __future__ import annotations

__all__ = [
    "CancelledError",
    "CapabilityError",
    "ChatTemplateError",
    "DownloadError",
    "EngineClosedError",
    "EngineError",
    "FluxmlxError",
    "InvalidArgumentError",
    "ModelFileError",
    "ModelIOError",
    "ModelNotFoundError",
    "OutOfMemoryError",
    "QueueFullError",
    "TokenizerError",
    "UnsupportedModelError",
]


class FluxmlxError(Exception):
    """Base of every error raised by fluxmlx."""


class InvalidArgumentError(FluxmlxError, ValueError):
    """The caller passed a value that cannot be used."""


class ModelFileError(FluxmlxError, ValueError):
    """A model file is damaged, or is not what it says it is."""


class UnsupportedModelError(FluxmlxError):
    """The file is well-formed, but this build of fluxmlx cannot run it."""


class CapabilityError(FluxmlxError):
    """The model or the build lacks what was asked for."""


class ModelIOError(FluxmlxError, OSError):
    """The operating system refused to open or read a file."""


class OutOfMemoryError(FluxmlxError, MemoryError):
    """The request needs more memory than there is; the text has both numbers."""


class CancelledError(FluxmlxError):
    """The work was stopped because the caller asked for it."""


class EngineClosedError(FluxmlxError, RuntimeError):
    """The engine was closed before or during the call."""


class EngineError(FluxmlxError, RuntimeError):
    """MLX or the engine failed while it worked on this request."""


class QueueFullError(FluxmlxError, RuntimeError):
    """Too many requests wait already: by count, or by the tokens of their prompts. Try again later."""


class ModelNotFoundError(FluxmlxError, LookupError):
    """No model goes by that name."""


class DownloadError(FluxmlxError, OSError):
    """A download failed, or what arrived is not what was asked for."""


class TokenizerError(FluxmlxError, ValueError):
    """The vocabulary in the model file cannot be turned into a tokenizer."""


class ChatTemplateError(FluxmlxError, ValueError):
    """The chat template refused the messages, or is not a valid template."""
