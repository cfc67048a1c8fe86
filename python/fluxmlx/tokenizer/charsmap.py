"""SentencePiece's table of characters that become others."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from fluxmlx.errors import TokenizerError

__all__ = ["check_charsmap", "decoded"]

_PAGE = 256  # units of the table that share all but the lowest byte of their index


def decoded(part: dict[str, Any]) -> bytes:
    """The table of a normalizer of tokenizer.json, which has it in base64, checked."""
    try:
        table = base64.b64decode(part["precompiled_charsmap"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise TokenizerError("tokenizer.json: precompiled_charsmap is not base64") from None
    check_charsmap(table, "tokenizer.json: precompiled_charsmap")
    return table


def check_charsmap(charsmap: bytes, name: str) -> None:
    """Refuses a table that would lead the library outside of it: it does not look itself.

    The table is a size, a double array of so many bytes, and the texts that characters become, each with a zero byte
    at its end. A unit of the array that stands for a character has the index of its children, combined with its own by
    exclusive or; one that ends a match has the place of a text.
    """
    import numpy as np

    size = int.from_bytes(charsmap[:4], "little")
    texts = charsmap[4 + size :]
    if size == 0 or size % (4 * _PAGE) or len(charsmap) < 4 + size or not texts.endswith(b"\0"):
        raise TokenizerError(f"{name} of {len(charsmap)} bytes is damaged: its array would have {size} bytes")
    units = np.frombuffer(charsmap, "<u4", count=size // 4, offset=4)
    ends = units >> 31 == 1
    children = np.arange(len(units), dtype=np.uint64) ^ (
        (units >> 10).astype(np.uint64) << ((units & 1 << 9) >> 6).astype(np.uint64)
    )
    outside = np.flatnonzero(~ends & (children >= len(units)) | ends & (units & 0x7FFFFFFF >= len(texts)))
    if len(outside):
        raise TokenizerError(f"{name} is damaged: unit {outside[0]} of {len(units)} points outside of it")
