"""Vectors that stand for a text."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from reference import Reference

import fluxmlx

pytestmark = pytest.mark.engine

PROMPT = [random.Random(1).randrange(100) for _ in range(90)]


@pytest.fixture(scope="module", params=["kernels", "composed"])
def loaded(request: pytest.FixtureRequest, tiny_path: Path) -> Iterator[fluxmlx.Engine]:
    with fluxmlx.load(tiny_path, device="cpu", ops=request.param, cache_type="f32") as engine:
        yield engine


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_is_the_state_behind_the_last_norm(loaded: fluxmlx.Engine, tiny_path: Path, pooling: str) -> None:
    states = Reference(tiny_path).states(PROMPT)
    expected = states[-1] if pooling == "last" else states.mean(0)
    found = loaded.embed(PROMPT, pooling=pooling, normalize=False)
    assert found.vector.dtype == np.float32 and found.vector.shape == expected.shape
    cosine = found.vector @ expected / np.linalg.norm(found.vector) / np.linalg.norm(expected)
    assert cosine > (0.99999 if loaded.info["ops"] == "composed" else 0.999)
    assert found.usage == fluxmlx.Usage(len(PROMPT), 0)


def test_has_length_one_unless_asked_otherwise(engine: fluxmlx.Engine) -> None:
    unit, raw = engine.embed(PROMPT), engine.embed(PROMPT, normalize=False)
    assert np.linalg.norm(unit.vector) == pytest.approx(1, abs=1e-6)
    assert np.allclose(raw.vector / np.linalg.norm(raw.vector), unit.vector, atol=1e-6)
    assert np.linalg.norm(raw.vector) != pytest.approx(1, abs=1e-3)


def test_last_is_the_default_where_the_file_says_nothing(engine: fluxmlx.Engine) -> None:
    assert np.array_equal(engine.embed(PROMPT).vector, engine.embed(PROMPT, pooling="last").vector)
    assert not np.array_equal(engine.embed(PROMPT).vector, engine.embed(PROMPT, pooling="mean").vector)


@pytest.mark.parametrize(("said", "expected"), [(1, "mean"), (3, "last")])
def test_pooling_of_the_file(tmp_path: Path, said: int, expected: str) -> None:
    path = tiny_models.write(tmp_path / "pooled.gguf", tiny_models.Tiny(extra={"llama.pooling_type": said}))
    with fluxmlx.load(path, device="cpu") as engine:
        assert np.array_equal(engine.embed(PROMPT).vector, engine.embed(PROMPT, pooling=expected).vector)


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_same_bits_in_any_chunks_and_beside_any_others(tiny_path: Path, pooling: str) -> None:
    with fluxmlx.load(tiny_path, device="cpu", prefill_chunk=512) as whole:
        alone = whole.embed(PROMPT, pooling=pooling).vector
    with fluxmlx.load(tiny_path, device="cpu", prefill_chunk=7, threads=1) as engine:
        running = engine.submit(PROMPT[:5], max_tokens=50)
        many = engine.embed([PROMPT[:20], PROMPT, PROMPT[:40]], pooling=pooling)
        running.cancel()
    assert np.array_equal(many[1].vector, alone)
    assert len({vector.vector.tobytes() for vector in many}) == 3


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_same_bits_where_the_prompt_was_read_before(tiny_path: Path, pooling: str) -> None:
    with fluxmlx.load(tiny_path, device="cpu") as engine:
        cold = engine.embed(PROMPT, pooling=pooling).vector
        engine.generate([*PROMPT, 7], max_tokens=2)
        assert np.array_equal(engine.embed(PROMPT, pooling=pooling).vector, cold)


def test_awaited(engine: fluxmlx.Engine) -> None:
    async def both() -> tuple[fluxmlx.Embedding, list[fluxmlx.Embedding]]:
        return await engine.aembed(PROMPT), await engine.aembed([PROMPT, PROMPT[:3]])

    one, many = asyncio.run(both())
    assert np.array_equal(one.vector, engine.embed(PROMPT).vector)
    assert np.array_equal(many[0].vector, one.vector)


def test_whole_context_can_be_embedded(tiny_path: Path) -> None:
    with fluxmlx.load(tiny_path, device="cpu", ctx=32) as engine:
        assert engine.embed(PROMPT[:32]).usage.prompt_tokens == 32
        with pytest.raises(fluxmlx.InvalidArgumentError, match="33 tokens"):
            engine.embed(PROMPT[:33])


def test_unknown_pooling_names_the_known(engine: fluxmlx.Engine) -> None:
    with pytest.raises(fluxmlx.InvalidArgumentError, match=r"pooling is 'cls'; expected 'last' or 'mean'"):
        engine.embed(PROMPT, pooling="cls")
