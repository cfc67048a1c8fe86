"""Perplexity by windows, against its definition."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import pytest
import tiny_models

import fluxmlx
from fluxmlx.errors import InvalidArgumentError

TOKENS = [random.Random(3).randrange(97) for _ in range(210)]


def by_definition(engine: fluxmlx.Engine, windows: list[list[int]], n_counted: int) -> float:
    """e to the mean of what score() says of the last tokens of each window."""
    rows = [value for window in windows for value in engine.score(window).logprobs[-n_counted:]]
    return math.exp(-np.mean(np.array(rows, np.float64)))


@pytest.mark.parametrize(("ctx", "n_counted"), [(64, 31), (65, 32)])
def test_the_second_half_of_each_window_counts(engine: fluxmlx.Engine, ctx: int, n_counted: int) -> None:
    """Windows lie end to end; of n tokens the first n // 2 + 1 are context; the rest of the text is not read."""
    found = engine.perplexity(TOKENS, ctx=ctx)
    windows = [TOKENS[at : at + ctx] for at in (0, ctx, 2 * ctx)]
    assert found.perplexity == pytest.approx(by_definition(engine, windows, n_counted), rel=1e-6)
    assert (found.n_tokens, found.n_windows, found.ctx) == (3 * n_counted, 3, ctx)
    assert 0 < found.uncertainty < found.perplexity


def test_chunks_and_stride(engine: fluxmlx.Engine) -> None:
    """Of so many windows; and windows that overlap, of which the last `stride` tokens count."""
    assert engine.perplexity(TOKENS, ctx=64, chunks=2).n_windows == 2
    found = engine.perplexity(TOKENS, ctx=64, stride=20, chunks=4)
    windows = [TOKENS[at : at + 64] for at in (0, 20, 40, 60)]
    assert found.perplexity == pytest.approx(by_definition(engine, windows, 20), rel=1e-6)


def test_bos_takes_the_place_of_the_first_token(tmp_path: Path) -> None:
    """Where the model adds BOS, every window begins with it, as in llama.cpp."""
    tiny = tiny_models.Tiny()
    tokens, _, _ = tiny_models.byte_vocabulary()
    bos = tokens.index("<|im_start|>")
    path = tiny_models.write(tmp_path / "bos.gguf", tiny)
    with fluxmlx.load(path, device="cpu") as engine:
        engine.tokenizer.add_bos, engine.tokenizer.bos_id = True, bos
        found = engine.perplexity(TOKENS, ctx=64)
        windows = [[bos, *TOKENS[at + 1 : at + 64]] for at in (0, 64, 128)]
        assert found.perplexity == pytest.approx(by_definition(engine, windows, 31), rel=1e-6)


def test_progress_counts_windows(engine: fluxmlx.Engine) -> None:
    """The function that is given hears of every window."""
    heard: list[tuple[str, int, int]] = []
    engine.perplexity(TOKENS, ctx=64, progress=lambda *row: heard.append(row))
    assert heard[-1] == ("windows", 3, 3) and len(heard) == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ctx": 2}, "ctx must be an integer from 3 to 256, not 2"),
        ({"ctx": 257}, "ctx must be"),
        ({"chunks": 0}, "chunks must be"),
        ({"ctx": 64, "stride": 64}, "stride must be an integer from 1 to 63"),
        ({"ctx": 211}, "the text has 210 tokens; a window of ctx=211"),
    ],
)
def test_what_cannot_be_is_refused(engine: fluxmlx.Engine, options: dict[str, int], said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        engine.perplexity(TOKENS, **options)
