"""A tokenizer of a few tokens, and answers as an engine would give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fluxmlx.results import Completion, Event, Timings, TokenLogprobs, Usage

TIMES = Timings(0, 0, 0, 0)
# Half of a euro sign, its other half, words, a control token.
SPELLINGS = [b"a", b" b", b"\xe2\x82", b"\xac", b"c", b""]
END = 5


class FakeTokenizer:
    n_vocab = len(SPELLINGS)
    token_bytes = SPELLINGS
    is_special = [False] * 5 + [True]
    bos_id, eos_id, add_bos, first_piece_strips_space = None, END, False, False

    def token_text(self, token: int) -> str:
        return "<end>" if token == END else SPELLINGS[token].decode("utf-8", "replace")

    def encode(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        return [0] * len(text)

    def decode(self, ids: Sequence[int], *, skip_special: bool = True, continuation: bool = False) -> str:
        parts = [b"<end>" if token == END and not skip_special else SPELLINGS[token] for token in ids]
        return b"".join(parts).decode("utf-8", "replace")


def row(token: int, logprob: float, *top: tuple[int, float]) -> TokenLogprobs:
    return TokenLogprobs(token, logprob, top)


def answer(text: str, *rows: TokenLogprobs, end: TokenLogprobs | None = None, **more: Any) -> Completion:
    usage = Usage(3, len(rows))
    reason = "length" if end is None else "stop"
    return Completion(text, tuple(r.token for r in rows), reason, usage, TIMES, seed=1, logprobs=rows or None,
                      end_logprobs=end, **more)  # fmt: skip


def token_event(text: str, token: int, logprobs: TokenLogprobs | None = None, index: int = 0) -> Event:
    return Event(text, token, SPELLINGS[token], logprobs, index)


def end_event(text: str = "", *, index: int = 0, written: int = 1, end: TokenLogprobs | None = None) -> Event:
    return Event(
        text, index=index, finish_reason="stop", usage=Usage(3, written), timings=TIMES, end_logprobs=end
    )


def counts(usage: dict[str, Any]) -> tuple[int, int, int]:
    return usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]
