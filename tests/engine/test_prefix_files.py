"""What was read of a prompt, in a file: the same bytes in another engine, and every damaged or foreign file refused."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import tiny_models
from prefixes import LONG, OPTIONS

import fluxmlx
from fluxmlx import errors


@pytest.fixture(scope="module")
def saved(tiny_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prefix") / "long.prefix"
    with fluxmlx.load(tiny_path, device="cpu", ctx=2048) as engine:
        assert engine.save_prefix(LONG, path) == 192
    assert [file.name for file in path.parent.iterdir()] == ["long.prefix"]
    return path


def test_another_engine_goes_on_from_the_file(fresh: fluxmlx.Engine, saved: Path) -> None:
    """Nothing but the last of its tokens is read, and answers are equal to the bit."""
    assert fresh.load_prefix(saved) == 192
    hit = fresh.generate(LONG, **OPTIONS)
    assert hit.usage.cached_tokens == 192
    assert fresh.stats().prompt_tokens == 1 + 8
    miss = fresh.generate(LONG, cache_prompt=False, **OPTIONS)
    assert (hit.text, hit.tokens, hit.logprobs) == (miss.text, miss.tokens, miss.logprobs)


def test_the_file_is_the_same_however_it_was_read(fresh: fluxmlx.Engine, saved: Path, tmp_path: Path) -> None:
    """Saved behind a hit, or after a load, it has the same bytes; an old file is replaced."""
    again = tmp_path / "again"
    again.write_bytes(b"something old")
    fresh.load_prefix(saved)
    fresh.save_prefix(LONG, again)
    assert again.read_bytes() == saved.read_bytes()


def test_any_damage_is_refused(fresh: fluxmlx.Engine, saved: Path, tmp_path: Path) -> None:
    """A changed byte, a missing end, too much of it, other files and none: errors that say so, and nothing is kept."""
    content, damaged, rng = saved.read_bytes(), tmp_path / "damaged", random.Random(0)
    n = len(content)
    cases = [content[:end] for end in (0, 1, 15, 20, 60, n // 2, n - 1)] + [content + b"x", b"GGUF" * 99]
    for i in range(200):
        place = rng.randrange(600 if i % 2 else n)  # half of them in the header
        cases.append(content[:place] + bytes([content[place] ^ rng.randint(1, 255)]) + content[place + 1 :])
    for case in cases:
        damaged.write_bytes(case)
        with pytest.raises(errors.ModelFileError, match=r"damaged or cut short|not a file of save_prefix"):
            fresh.load_prefix(damaged)
    with pytest.raises(FileNotFoundError):
        fresh.load_prefix(tmp_path / "none")
    assert fresh.generate(LONG, **OPTIONS).usage.cached_tokens == 0


def test_foreign_files_are_refused(tiny_path: Path, saved: Path, tmp_path: Path) -> None:
    """One of other weights, or of another type of cache, says what differs."""
    other = tiny_models.write(tmp_path / "other.gguf", tiny_models.Tiny(tied=False, seed=9))
    with (
        fluxmlx.load(other, device="cpu", ctx=2048) as engine,
        pytest.raises(errors.ModelFileError, match="another model or cache: its model is"),
    ):
        engine.load_prefix(saved)
    with (
        fluxmlx.load(tiny_path, device="cpu", ctx=2048, cache_type="f32") as engine,
        pytest.raises(errors.ModelFileError, match="its cache_type is f16, not f32"),
    ):
        engine.load_prefix(saved)


def test_what_cannot_be_saved(tiny_path: Path, fresh: fluxmlx.Engine, tmp_path: Path) -> None:
    """Less than a block, a place that is none, and an engine whose caches cannot be shared."""
    with pytest.raises(errors.InvalidArgumentError, match="63 tokens; expected 64 or more"):
        fresh.save_prefix(LONG[:63], tmp_path / "short")
    with pytest.raises(OSError, match="none"):
        fresh.save_prefix(LONG, tmp_path / "none" / "file")
    with (
        fluxmlx.load(tiny_path, device="cpu", ops="composed") as engine,
        pytest.raises(errors.CapabilityError, match='ops="kernels" only'),
    ):
        engine.save_prefix(LONG, tmp_path / "composed")
    assert list(tmp_path.iterdir()) == []
