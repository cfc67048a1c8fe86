"""Typed, checked access to GGUF metadata values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fluxmlx.errors import TokenizerError

PREFIX = "tokenizer.ggml."


def describe(value: object) -> str:
    """A short, safe spelling of a value for an error text."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


class Fields:
    """The `tokenizer.ggml.*` values of one file; every getter raises TokenizerError on a wrong type."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self._metadata = metadata

    def text(self, key: str) -> str | None:
        value = self._metadata.get(PREFIX + key)
        if value is None or isinstance(value, str):
            return value
        raise self._wrong(key, "a string", value)

    def flag(self, key: str) -> bool | None:
        value = self._metadata.get(PREFIX + key)
        if value is None or isinstance(value, bool):
            return value
        raise self._wrong(key, "true or false", value)

    def token_id(self, key: str, n_vocab: int) -> int | None:
        value = self._metadata.get(PREFIX + key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(key, "a token id", value)
        if not 0 <= value < n_vocab:
            raise TokenizerError(f"{PREFIX}{key} is {value}, but the vocabulary has ids 0 to {n_vocab - 1}")
        return value

    def array(self, key: str) -> Sequence[Any] | None:
        value = self._metadata.get(PREFIX + key)
        if value is None or isinstance(value, list):
            return value
        raise self._wrong(key, "an array", value)

    def strings(self, key: str, *, limit: int, limit_bytes: int) -> list[str] | None:
        """An array of strings, at most `limit` of them, none longer than `limit_bytes` of UTF-8."""
        values = self.array(key)
        if values is None:
            return None
        if len(values) > limit:
            raise TokenizerError(f"{PREFIX}{key} has {len(values)} entries; at most {limit} are supported")
        if set(map(type, values)) - {str}:  # all at once: there are hundreds of thousands
            index = next(i for i, value in enumerate(values) if not isinstance(value, str))
            raise self._wrong(f"{key}[{index}]", "a string", values[index])
        if max(map(len, values), default=0) * 4 > limit_bytes:
            self._check_lengths(key, values, limit_bytes)
        self._check_unicode(key, values)
        return list(values)

    @staticmethod
    def _check_lengths(key: str, values: Sequence[str], limit_bytes: int) -> None:
        for index, value in enumerate(values):
            if len(value) * 4 > limit_bytes and len(value.encode("utf-8", "surrogatepass")) > limit_bytes:
                raise TokenizerError(
                    f"{PREFIX}{key}[{index}] is longer than {limit_bytes} bytes: {describe(value)}"
                )

    def numbers(self, key: str, kind: type, *, n_vocab: int) -> list[Any] | None:
        """An array of numbers with one entry for each token."""
        values = self.array(key)
        if values is None:
            return None
        if len(values) != n_vocab:
            raise TokenizerError(f"{PREFIX}{key} has {len(values)} entries, but there are {n_vocab} tokens")
        allowed = {int} if kind is int else {int, float}
        if set(map(type, values)) - allowed or (kind is float and any(map(math.isnan, values))):
            index = next(i for i, v in enumerate(values) if type(v) not in allowed or math.isnan(v))
            wanted = "a number" if kind is float else "an integer"
            raise self._wrong(f"{key}[{index}]", wanted, values[index])
        return list(values)

    def data(self, key: str, *, limit: int) -> bytes | None:
        """An array of bytes, signed or not, at most `limit` of them."""
        values = self.array(key)
        if values is None:
            return None
        if len(values) > limit:
            raise TokenizerError(f"{PREFIX}{key} has {len(values)} entries; at most {limit} are supported")
        if set(map(type, values)) - {int} or not all(-128 <= value < 256 for value in values):
            index = next(i for i, v in enumerate(values) if type(v) is not int or not -128 <= v < 256)
            raise self._wrong(f"{key}[{index}]", "a byte", values[index])
        return bytes(value & 255 for value in values)

    def _check_unicode(self, key: str, values: Sequence[str]) -> None:
        try:
            "".join(values).encode("utf-8")
        except UnicodeEncodeError:
            for index, value in enumerate(values):
                if any(0xD800 <= ord(character) < 0xE000 for character in value):
                    raise self._wrong(f"{key}[{index}]", "valid Unicode", value) from None

    @staticmethod
    def _wrong(key: str, expected: str, value: object) -> TokenizerError:
        return TokenizerError(
            f"{PREFIX}{key} must be {expected}, not {describe(value)} ({type(value).__name__})"
        )
