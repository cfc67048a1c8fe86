"""Checkpoints that were quantised, as GGUF files: the same codes where a type has room for them."""

from __future__ import annotations

import json
from pathlib import Path

import checkpoint_builder as build
import numpy as np
import pytest

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")
pytest.importorskip("mlx.core", reason="quantises the models of these tests")
pytest.importorskip("safetensors", reason="writes the models of these tests")

import gpt_oss_models
from quantised_models import Way, quantise

import fluxmlx
from fluxmlx import _core
from fluxmlx.checkpoint import open_checkpoint
from fluxmlx.conversion.mlx_blocks import choice_for, to_gguf
from fluxmlx.errors import InvalidArgumentError

AFFINE = [
    f"affine {bits} bit g{group} {dtype}"
    for bits in (2, 3, 4, 5)
    for group in (32, 64, 128)
    for dtype in ("F16", "BF16", "F32")
]
# Way -> the type of its matrices in a GGUF file.
WAYS = {
    "2": (Way(bits=2), "Q4_1"),
    "3": (Way(bits=3, group_size=64), "Q4_1"),
    "4": (Way(bits=4, group_size=64, dtype="F16"), "Q4_1"),
    "5": (Way(bits=5), "Q5_1"),
    "6": (Way(bits=6), "F16"),
    "8": (Way(bits=8, group_size=64), "F16"),
    "mxfp4": (Way("mxfp4", 32, 4), "MXFP4"),
    "mxfp8": (Way("mxfp8", 32, 8), "F16"),
    "nvfp4": (Way("nvfp4", 16, 4), "NVFP4"),
}
IDS = [72, 101, 108, 108, 111, 44, 32, 119, 111, 114]


def random_blocks(kind: str, n: int = 64) -> bytes:
    """Blocks of any codes, with scales and biases of either sign that float16 holds."""
    rng = np.random.default_rng(5)
    if kind == "mxfp4":
        return rng.integers(0, 256, (n, 17), np.uint8).tobytes()
    if kind == "nvfp4":
        blocks = rng.integers(0, 256, (n, 36), np.uint8)
        blocks[:, :4][blocks[:, :4] & 127 == 127] = 0
        return blocks.tobytes()
    _, bits, _, group, dtype = kind.split()
    numbers = build.as_dtype(rng.choice([-1, 1], (n, 2)) * rng.integers(64, 128, (n, 2)) / 4096, dtype)
    codes = rng.integers(0, 256, (n, int(group[1:]) * int(bits) // 8), np.uint8)
    return np.concatenate([np.ascontiguousarray(numbers).view(np.uint8), codes], axis=1).tobytes()


@pytest.mark.parametrize("kind", [*AFFINE, "mxfp4", "nvfp4"])
def test_the_same_values(kind: str) -> None:
    """Blocks of GGUF's type mean to the bit what those of MLX's mean."""
    blocks = random_blocks(kind)
    found = _core.dequantize(to_gguf(blocks, kind), choice_for(kind).type)
    assert np.array_equal(found, _core.dequantize(blocks, kind))


def test_numbers_that_do_not_fit() -> None:
    """Beyond float16, and no numbers."""
    large = np.full((1, 20), 0x7F, np.uint8)  # 1e38 and more in BF16
    with pytest.raises(InvalidArgumentError, match="beyond what float16 holds"):
        to_gguf(large.tobytes(), "affine 4 bit g32 BF16")
    with pytest.raises(InvalidArgumentError, match="a scale is not a number"):
        to_gguf(np.full(36, 0xFF, np.uint8).tobytes(), "nvfp4")


@pytest.fixture(scope="module", params=WAYS)
def quantised(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A tiny checkpoint, its matrices in each way, and GGUF's type for them."""
    folder = build.write_llama(tmp_path_factory.mktemp("source") / "tiny")
    way, expected = WAYS[request.param]
    return quantise(folder, way)[0], expected


def test_as_it_is(quantised: tuple[Path, str], tmp_path: Path) -> None:
    """Without a type that is asked for: every value is there, or the float16 next to it, and the report says so."""
    folder, expected = quantised
    done = fluxmlx.convert(folder, tmp_path / "m.gguf")
    opened, file = open_checkpoint(folder), _core.GgufFile(tmp_path / "m.gguf")
    types, native = {row.name: row.type for row in file.tensors}, opened.native()
    before = {entry.name: entry.type for entry in opened.entries}
    for fate in done.tensors:
        assert fate.before == before[fate.name]
        values = _core.dequantize(native.tensor_bytes(fate.name), fate.before)
        found = _core.dequantize(file.tensor_bytes(fate.name), types[fate.name])
        if fate.before not in ("F32", expected) and types[fate.name] == "F16":
            values = values.astype(np.float16).astype(np.float32)
            assert "GGUF has no type for" in fate.reason
        assert np.array_equal(found, values), fate.name
    assert set(types.values()) == {"F32", expected}
    assert file.metadata["general.quantization_version"] == 2


def test_another_type(quantised: tuple[Path, str], tmp_path: Path) -> None:
    """What the matrices mean is encoded, but for a type that they have already."""
    folder, own = quantised
    done = fluxmlx.convert(folder, tmp_path / "q.gguf", quantize="Q4_1")
    native, file = open_checkpoint(folder).native(), _core.GgufFile(tmp_path / "q.gguf")
    for fate in done.tensors:
        if fate.after != "Q4_1":
            assert len(native.tensor_bytes(fate.name)) == 64 * 4 or fate.name == "token_embd.weight"
            continue
        values = _core.dequantize(native.tensor_bytes(fate.name), fate.before)
        found = file.tensor_bytes(fate.name)
        if own != "Q4_1" or fate.before == "F32":
            assert found == _core.encode(values, "Q4_1")
        else:
            assert np.array_equal(_core.dequantize(found, "Q4_1"), values)


@pytest.mark.engine
def test_the_same_logits(quantised: tuple[Path, str], tmp_path: Path) -> None:
    """The folder and its file score alike."""
    folder, expected = quantised
    fluxmlx.convert(folder, tmp_path / "m.gguf")
    scores = [scored(path) for path in (folder, tmp_path / "m.gguf")]
    np.testing.assert_allclose(*scores, atol=2e-2 if expected == "F16" else 1e-4)


def scored(path: Path) -> np.ndarray:
    with fluxmlx.load(path, device="cpu", ops="composed", cache_type="f32") as engine:
        return np.array(engine.score(IDS).logprobs[1:])


@pytest.mark.engine
def test_gpt_oss(tmp_path: Path) -> None:
    """OpenAI's own files become a file of MXFP4 that scores alike, and one of Q8_0."""
    folder = tmp_path / "gpt-oss"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(gpt_oss_models.CONFIG))
    tensors = gpt_oss_models.tensors(np.random.default_rng(0))
    build.write_safetensors(folder / "model.safetensors", tensors)
    build.byte_tokenizer(folder)
    done = fluxmlx.convert(folder, tmp_path / "m.gguf")
    assert {fate.after for fate in done.tensors if "exps.weight" in fate.name} == {"MXFP4"}
    np.testing.assert_allclose(scored(tmp_path / "m.gguf"), scored(folder), atol=1e-5)
    fluxmlx.convert(folder, tmp_path / "q.gguf", quantize="Q8_0")
    types = {row.type for row in _core.GgufFile(tmp_path / "q.gguf").tensors}
    assert types == {"F32", "Q8_0"}
