"""GGUF files of NVFP4 with a factor for each matrix, or each expert: the same bits as F16 with the factors in it."""

from __future__ import annotations

from pathlib import Path

import family_models
import numpy as np
import pytest
import tiny_models
from family_cases import CASES
from test_bad_models import STRING, rewrite
from tiny_models import Tiny

import fluxmlx
import gguf
from fluxmlx import errors

pytestmark = pytest.mark.engine
IDS = [72, 101, 108, 108, 111, 44, 32, 119, 111, 114, 108, 100, 256, 33, 10, 7, 200, 257, 90]
MIXED = dict.fromkeys(("attn_q", "attn_v", "attn_output", "ffn_gate", "ffn_up"), "NVFP4")


def scored(path: Path, **options: object) -> np.ndarray:
    """The log-probability of each token but the first."""
    with fluxmlx.load(path, device="cpu", cache_type="f32", **options) as engine:
        return np.array(engine.score(IDS).logprobs[1:])


def dense(path: Path, **changes: np.ndarray) -> Path:
    """Two layers, some of whose matrices are NVFP4 with a factor."""
    names = [f"blk.{i}.{name}" for i in range(2) for name in MIXED]
    more = {f"{name}.scale": np.array([0.3 + 0.1 * i]) for i, name in enumerate(names)}
    more |= {f"{names[0]}.input_scale": np.array([0.01])}
    return tiny_models.write(path, Tiny(n_ff=128, mixed=MIXED), more=more | changes)


def experts(path: Path) -> Path:
    """A mixture of eight whose stacks have a factor for each expert, and the other matrices one."""
    case = CASES["qwen3moe"]
    rng = np.random.default_rng(0)
    matrices = {
        name: shape for name, shape in case.tensors().items() if len(shape) > 1 and "ffn_gate_inp" not in name
    }
    factors = {
        f"{name.removesuffix('weight')}scale": rng.uniform(0.2, 2, shape[0] if len(shape) == 3 else 1)
        for name, shape in matrices.items()
    }
    more = {name: values.astype(np.float32) for name, values in factors.items()}
    return family_models.write(path, case, "NVFP4", **more)


def meant(path: Path) -> Path:
    """The file with F16 in place of NVFP4, every number with its factor."""
    reader = gguf.GGUFReader(path)
    found = {tensor.name: tensor for tensor in reader.tensors}
    tensors: dict[str, np.ndarray | None] = {}
    for name, tensor in found.items():
        if name.endswith("scale"):
            tensors[name] = None
        elif tensor.tensor_type.name == "NVFP4":
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            factors = found[name.removesuffix("weight") + "scale"].data
            shape = (-1, *(1,) * (values.ndim - 1)) if len(factors) > 1 else (1,)
            tensors[name] = (values * factors.reshape(shape)).astype(np.float16)
    architecture = reader.fields["general.architecture"].contents()
    return rewrite(path, keys={"general.architecture": (STRING, architecture)}, tensors=tensors)


@pytest.mark.parametrize("ops", ["kernels", "composed"])
@pytest.mark.parametrize("write", [dense, experts])
def test_the_same_bits(write: object, ops: str, tmp_path: Path) -> None:
    """Both forms of the ops compute what they compute of the F16 file; the factors do something."""
    path = write(tmp_path / "tiny.gguf")  # type: ignore[operator]
    found = scored(path, ops=ops)
    assert np.array_equal(found, scored(meant(path), ops=ops))
    assert np.array_equal(scored(path, ops=ops, prefill_chunk=3, threads=3), found) or ops == "composed"
    assert found.std() > 0.1


@pytest.mark.parametrize(
    ("values", "error", "text"),
    [
        (np.ones(2), errors.ModelFileError, "'blk.1.ffn_up.scale' has 2 numbers of type F32; expected one"),
        (np.array([np.nan]), errors.ModelFileError, "'blk.1.ffn_up.scale' has nan"),
        (
            np.array([1e9]),
            errors.UnsupportedModelError,
            "'blk.1.ffn_up.weight' has the number .* holds up to 65504",
        ),
    ],
)
def test_factors_that_cannot_be(
    values: np.ndarray, error: type[Exception], text: str, tmp_path: Path
) -> None:
    """A factor of another shape, none at all, and one too large are errors with the tensor's name."""
    path = dense(tmp_path / "tiny.gguf", **{"blk.1.ffn_up.scale": values})
    with pytest.raises(error, match=text):
        scored(path)


def test_factors_of_other_types(tmp_path: Path) -> None:
    """Nobody knows what a factor beside another type means: such a file is refused."""
    path = tiny_models.write(tmp_path / "tiny.gguf", Tiny(), more={"blk.0.ffn_up.scale": np.ones(1)})
    with pytest.raises(errors.UnsupportedModelError, match=r"blk\.0\.ffn_up\.scale"):
        scored(path)
