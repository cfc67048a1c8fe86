"""JSON files of a checkpoint, read as what strangers wrote."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, cast

from fluxmlx.errors import ModelFileError, ModelIOError

__all__ = ["parse_object", "read_bytes", "read_object"]

_MOST_BYTES = 256 << 20  # tokenizer.json of the largest vocabularies has 35 MB


def read_object(path: Path) -> dict[str, Any]:
    """The object in a file.

    Raises:
        ModelFileError: it is no JSON object, a key is there twice, or it is too large.
        ModelIOError: it cannot be read.
    """
    return parse_object(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """All of a small regular file; raises ModelFileError, ModelIOError."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise ModelFileError(f"{path} is not a regular file")
        if status.st_size > _MOST_BYTES:
            raise ModelFileError(f"{path} has {status.st_size} bytes; expected at most {_MOST_BYTES}")
        return path.read_bytes()
    except OSError as error:
        raise ModelIOError(f"cannot read {path}: {error.strerror}") from error


def parse_object(data: bytes, name: str) -> dict[str, Any]:
    """The object in bytes; `name` is for the error's text."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise ModelFileError(f"{name}: the key {twice[:80]!r} is there twice")
        return found

    try:
        value = json.loads(data, object_pairs_hook=unique)
    except RecursionError:
        raise ModelFileError(f"{name} is nested too deeply") from None
    except ValueError as error:
        raise ModelFileError(f"{name} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ModelFileError(f"{name} holds a {type(value).__name__}; expected a JSON object")
    return cast("dict[str, Any]", value)
