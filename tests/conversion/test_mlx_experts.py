"""Folders in MLX's form of models with experts, and of quantised ones: they run with the bits that they should have."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")
pytest.importorskip("mlx.core", reason="needs MLX")
pytest.importorskip("torch", reason="the models are made by PyTorch: pip install torch==2.13.0")
pytest.importorskip("transformers", reason="the models are those of transformers")

import checkpoint_builder as builder
import family_models
import hf_models
import mlx.core as mx
from family_cases import CASES
from gpt_oss_models import publish
from quantised_models import Way, quantise

import fluxmlx
from fluxmlx.conversion import convert_to_mlx
from fluxmlx.errors import InvalidArgumentError

pytestmark = pytest.mark.engine
FAMILIES = ["mixtral", "qwen2moe", "qwen3moe", "gpt-oss"]
EXPERTS = {"gpt-oss": "mlp.experts", "mixtral": "block_sparse_moe.switch_mlp"}
IDS = [72, 101, 108, 108, 111, 44, 32, 119, 111, 114, 108, 100, 256, 33, 10, 7, 200, 257, 90]


def scored(path: Path) -> np.ndarray:
    """The log-probability of each token but the first."""
    with fluxmlx.load(path, device="cpu", cache_type="f32") as engine:
        return np.array(engine.score(IDS).logprobs[1:])


@pytest.fixture(scope="module", params=FAMILIES)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Each family with experts, saved by `transformers`."""
    folder = tmp_path_factory.mktemp("experts")
    model = hf_models.load(family_models.write(folder / "tiny.gguf", CASES[request.param]))
    model.save_pretrained(folder / "model")
    return request.param, builder.byte_tokenizer(folder / "model")


def test_as_it_is(saved: tuple[str, Path], tmp_path: Path) -> None:
    """Experts are one stack under MLX's names, and the model scores as before to the bit."""
    name, folder = saved
    convert_to_mlx(folder, tmp_path / "m")
    tensors = mx.load(str(tmp_path / "m" / "model.safetensors"))
    experts = EXPERTS.get(name, "mlp.switch_mlp")
    for part in ("gate_proj", "up_proj", "down_proj"):
        assert tensors[f"model.layers.0.{experts}.{part}.weight"].ndim == 3
    assert not any("experts.0." in key or "gate_up" in key for key in tensors)
    assert np.array_equal(scored(tmp_path / "m"), scored(folder))


def test_with_bits(saved: tuple[str, Path], tmp_path: Path) -> None:
    """Matrices, those of experts too, are MLX's to the bit; routers stay as they are."""
    _, folder = saved
    convert_to_mlx(folder, tmp_path / "m", bits=4, group_size=32)
    routers = dict.fromkeys(("mlp.gate", "moe.gate", "shared_expert_gate", "router"))
    expected, _ = quantise(folder, Way(bits=4, dtype="F32", own=routers))
    assert np.array_equal(scored(tmp_path / "m"), scored(expected))
    fluxmlx.convert(tmp_path / "m", tmp_path / "m.gguf", quantize="Q8_0")
    assert (
        np.median(np.abs(scored(tmp_path / "m.gguf") - scored(expected))) < 0.1
    )  # experts may change places


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """gpt-oss in OpenAI's form."""
    folder = tmp_path_factory.mktemp("published")
    model = hf_models.load(family_models.write(folder / "tiny.gguf", CASES["gpt-oss"]))
    return builder.byte_tokenizer(publish(model, folder / "model"))


def test_gpt_oss(published: Path, tmp_path: Path) -> None:
    """Its experts keep their codes and scales, also where the rest gets 8 bits: mlx-community's form."""
    convert_to_mlx(published, tmp_path / "m")
    assert np.array_equal(scored(tmp_path / "m"), scored(published))
    convert_to_mlx(published, tmp_path / "q8", bits=8)
    said = json.loads((tmp_path / "q8" / "config.json").read_text())["quantization"]
    assert {key: said[key] for key in ("mode", "bits", "group_size")} == {
        "mode": "mxfp4", "bits": 4, "group_size": 32
    }  # fmt: skip
    assert said["model.layers.0.self_attn.q_proj"] == {"mode": "affine", "bits": 8, "group_size": 64}
    assert not any("router" in key or "experts" in key for key in said)
    before, after = (mx.load(str(tmp_path / name / "model.safetensors")) for name in ("m", "q8"))
    experts = [key for key in before if "experts" in key]
    assert len(experts) == 4 * 9 and all(mx.array_equal(before[key], after[key]) for key in experts)
    assert np.median(np.abs(scored(tmp_path / "q8") - scored(published))) < 0.1


def test_what_is_quantised_stays(saved: tuple[str, Path], tmp_path: Path) -> None:
    """A folder of MLX's is copied to the bit; there is nothing in it that could be quantised once more."""
    name, folder = saved
    if name != "qwen3moe":
        pytest.skip("one family is enough")
    quantised, _ = quantise(shutil.copytree(folder, tmp_path / "source"), Way(bits=8))
    convert_to_mlx(quantised, tmp_path / "m")
    before, after = (mx.load(str(path / "model.safetensors")) for path in (quantised, tmp_path / "m"))
    assert before.keys() == after.keys() and all(mx.array_equal(before[key], after[key]) for key in before)
    assert np.array_equal(scored(tmp_path / "m"), scored(quantised))
    with pytest.raises(
        InvalidArgumentError, match=r"no matrices that could be quantised; begin with the original"
    ):
        convert_to_mlx(quantised, tmp_path / "again", bits=4)
