"""Checkpoints: folders with config.json, safetensors files and tokenizer.json, as Hugging Face and MLX keep models.

A checkpoint is shown to the rest of the package as the GGUF file that it would be: the same metadata keys, the same
tensor names, types and shapes. Nothing of it is copied; a table says which bytes of which file each tensor is. It works
without the native core, which `Checkpoint.native()` alone needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fluxmlx.checkpoint.folder import is_checkpoint
from fluxmlx.checkpoint.model import Checkpoint, open_checkpoint
from fluxmlx.checkpoint.table import Entry, Part, Plane, RowOrder

if TYPE_CHECKING:
    from fluxmlx import _core

__all__ = [
    "Checkpoint",
    "Entry",
    "Part",
    "Plane",
    "RowOrder",
    "is_checkpoint",
    "open_checkpoint",
    "open_model",
]


def open_model(path: Path) -> Checkpoint | _core.GgufFile:
    """The GGUF file, or the checkpoint, at a path: what they say of themselves is read alike."""
    if path.is_dir():
        return open_checkpoint(path)
    from fluxmlx._native import core

    return core.GgufFile(str(path))
