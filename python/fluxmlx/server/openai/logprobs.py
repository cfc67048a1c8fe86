"""Log-probabilities in the two shapes of OpenAI's interfaces."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence
from typing import Any

from fluxmlx.results import TokenLogprobs
from fluxmlx.tokenizer import Tokenizer

__all__ = ["LegacyLogprobs", "chat_logprobs", "joined", "spell", "token_bytes"]

# JSON has no infinity; this is what OpenAI's servers write of tokens that cannot come.
_LEAST = -9999.0


def token_bytes(tokenizer: Tokenizer, token: int) -> bytes:
    """What a token stands for; of a control token, its spelling."""
    if tokenizer.is_special[token]:
        return tokenizer.token_text(token).encode("utf-8", "replace")
    return tokenizer.token_bytes[token]


def spell(data: bytes) -> str:
    """A token as the key of a mapping: two that are different bytes are different keys."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)


def chat_logprobs(tokenizer: Tokenizer, rows: Iterable[TokenLogprobs]) -> dict[str, Any]:
    """The `logprobs` of a chat's choice."""
    content = [
        _entry(tokenizer, row.token, row.logprob)
        | {"top_logprobs": [_entry(tokenizer, token, logprob) for token, logprob in row.top]}
        for row in rows
    ]
    return {"content": content, "refusal": None}


def _entry(tokenizer: Tokenizer, token: int, logprob: float) -> dict[str, Any]:
    data = token_bytes(tokenizer, token)
    return {"token": data.decode("utf-8", "replace"), "logprob": max(logprob, _LEAST), "bytes": list(data)}


class LegacyLogprobs:
    """Builds the `logprobs` of /v1/completions, token by token: four lists of one length.

    Args:
        n_top: how many of the most likely tokens a row shows; the chosen one is always among them.
        strips_space: whether the text lacks the space that its first token has.
    """

    def __init__(self, tokenizer: Tokenizer, *, n_top: int, strips_space: bool = False) -> None:
        self._tokenizer = tokenizer
        self._n_top = n_top
        self._strips_space = strips_space
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._offset = 0  # characters so far

    def prompt(
        self, ids: Sequence[int], rows: Sequence[TokenLogprobs], *, n_silent: int = 0
    ) -> dict[str, Any]:
        """The rows of an echoed prompt; the first token follows nothing, and has no probability.

        Args:
            rows: of each token but the first.
            n_silent: tokens at the beginning that are not in the echoed text.
        """
        found = _empty()
        for index, token in enumerate(ids):
            row = rows[index - 1] if index else None
            self._add(found, token, row, has_text=index >= n_silent)
        return found

    def answer(self, rows: Iterable[TokenLogprobs], *, end: TokenLogprobs | None = None) -> dict[str, Any]:
        """The rows of tokens that were written; `end` is the one that ended the answer and is not in its text."""
        found = _empty()
        for row in rows:
            self._add(found, row.token, row, has_text=not self._tokenizer.is_special[row.token])
        if end is not None:
            self._add(found, end.token, end, has_text=False)
        return found

    def _add(self, found: dict[str, Any], token: int, row: TokenLogprobs | None, *, has_text: bool) -> None:
        data = token_bytes(self._tokenizer, token)
        found["tokens"].append(spell(data))
        found["token_logprobs"].append(row and max(row.logprob, _LEAST))
        found["top_logprobs"].append(row and self._top(row))
        found["text_offset"].append(self._offset)
        if has_text:
            if self._strips_space:
                data, self._strips_space = data.removeprefix(b" "), False
            self._offset += len(self._decoder.decode(data))

    def _top(self, row: TokenLogprobs) -> dict[str, float]:
        """Best first; of two tokens that are spelled alike, the more likely one."""
        top: dict[str, float] = {}
        for token, logprob in row.top[: self._n_top]:
            top.setdefault(spell(token_bytes(self._tokenizer, token)), max(logprob, _LEAST))
        top[spell(token_bytes(self._tokenizer, row.token))] = max(row.logprob, _LEAST)
        return top


def joined(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Several of these, one after the other."""
    return {key: [value for part in parts for value in part[key]] for key in _empty()}


def _empty() -> dict[str, Any]:
    return {"text_offset": [], "token_logprobs": [], "tokens": [], "top_logprobs": []}
