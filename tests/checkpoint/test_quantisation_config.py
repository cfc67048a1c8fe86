"""What config.json says of quantised matrices, and tensors that do not fit it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import checkpoint_builder as builder
import numpy as np
import pytest

from fluxmlx.checkpoint import open_checkpoint
from fluxmlx.checkpoint.quantization import Quantization, read_quantizations
from fluxmlx.errors import ModelFileError, UnsupportedModelError

NAME = "model.layers.1.mlp.up_proj"  # (96, 64)


def pieces(**changes: tuple[str, np.ndarray] | None) -> dict[str, tuple[str, np.ndarray]]:
    """Four bits in groups of 32 of one matrix."""
    found = {
        "weight": ("U32", np.zeros((96, 8), np.uint32)),
        "scales": ("BF16", np.zeros((96, 2), np.uint16)),
        "biases": ("BF16", np.zeros((96, 2), np.uint16)),
    } | changes
    return {f"{NAME}.{leaf}": value for leaf, value in found.items() if value is not None}


def write(folder: Path, quantization: Any = None, **changes: tuple[str, np.ndarray] | None) -> Path:
    """A checkpoint with one quantised matrix."""
    if quantization is None:
        quantization = {"group_size": 32, "bits": 4}
    builder.write_llama(folder, quantization=quantization)
    tensors = builder.llama_tensors()
    del tensors[f"{NAME}.weight"]
    builder.write_safetensors(folder / "model.safetensors", tensors | pieces(**changes))
    return folder


def test_one_matrix_among_others(tmp_path: Path) -> None:
    """A matrix with scales becomes an entry of three planes; those without stay as they are."""
    entries = {entry.name: entry for entry in open_checkpoint(write(tmp_path)).entries}
    entry = entries["blk.1.ffn_up.weight"]
    assert (entry.type, entry.shape) == ("affine 4 bit g32 BF16", (64, 96))
    assert [plane.row_bytes for plane in entry.planes] == [32, 4, 4]
    assert entries["blk.0.ffn_up.weight"].type == "F32"


def test_own_ways() -> None:
    """A module has its own way, the common one, or none; what its way leaves out is its mode's default."""
    config = {
        "quantization": {
            "group_size": 32, "bits": 4, "a": {"bits": 8, "group_size": 128}, "b": False, "c": True,
            "d": {"mode": "nvfp4"}, "e": {"bits": 3},
        }
    }  # fmt: skip
    found = read_quantizations(config, "config.json")
    assert found is not None and found.of("b") is None
    assert found.of("a") == Quantization("affine", 128, 8)
    assert found.of("c") == found.of("z") == Quantization("affine", 32, 4)
    assert found.of("d") == Quantization("nvfp4", 16, 4)
    assert found.of("e") == Quantization("affine", 64, 3)
    assert read_quantizations({}, "config.json") is None


@pytest.mark.parametrize(
    ("quantization", "text"),
    [
        ({"bits": 7}, r"bits is 7; this version knows 2, 3, 4, 5, 6, 8 of mode affine"),
        ({"bits": True}, r"bits is True"),
        ({"group_size": 48}, r"group_size is 48; this version knows 32, 64, 128"),
        ({"mode": "int4"}, r"mode is 'int4'; this version knows affine, mxfp4, mxfp8, nvfp4"),
        ({"mode": "nvfp4", "group_size": 32}, r"group_size is 32; this version knows 16 of mode nvfp4"),
        ({"quant_method": "gptq", "bits": 4}, r"quant_method is 'gptq'.*mlx_lm.convert"),
        ({"bits": 4, NAME: {"bits": 9}}, rf"{NAME}: bits is 9"),
        ({"bits": 4, NAME: {"rank": 9}}, r"does not know what 'rank' asks for"),
        ({"bits": 4, "rank": 9}, r"does not know what 'rank' asks for"),
    ],
)
def test_unknown_ways(quantization: dict[str, Any], text: str, tmp_path: Path) -> None:
    """What this version does not know is refused with its name, its value and what is known."""
    folder = builder.write_llama(tmp_path, quantization=quantization)
    with pytest.raises(UnsupportedModelError, match=text):
        open_checkpoint(folder)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"scales": None}, "its scales are missing"),
        ({"biases": None}, "its biases are missing, and its mode is affine"),
        ({"weight": None}, "its codes are missing"),
        (
            {"weight": ("U32", np.zeros((96, 7), np.uint32))},
            "rows of 7 words are no groups of 32 weights with 4 bits",
        ),
        ({"weight": ("U32", np.zeros((96 * 8,), np.uint32))}, "expected a matrix"),
        ({"weight": ("F32", np.zeros((96, 8), np.float32))}, "its dtype is F32; expected U32"),
        ({"scales": ("BF16", np.zeros((96, 4), np.uint16))}, r"its shape is \(96, 4\).* ask for \(96, 2\)"),
        ({"scales": ("U8", np.zeros((96, 2), np.uint8))}, "its dtype is U8; expected F32 or F16 or BF16"),
        ({"biases": ("F16", np.zeros((96, 2), np.float16))}, r"it is F16 \(96, 2\), and the scales are BF16"),
    ],
)
def test_pieces_that_do_not_fit(changes: dict[str, Any], text: str, tmp_path: Path) -> None:
    """A piece that is missing, or of another shape or dtype, is an error with the tensor's name."""
    with pytest.raises(ModelFileError, match=f"{NAME}.*{text}"):
        open_checkpoint(write(tmp_path, **changes))


@pytest.mark.parametrize("said", [False, {"bits": 8, "group_size": 32}])
def test_config_against_tensors(said: Any, tmp_path: Path) -> None:
    """Four bits where config.json says eight, or none, are an error."""
    quantization = {"group_size": 32, "bits": 4, NAME: said}
    with pytest.raises(ModelFileError, match=NAME):
        open_checkpoint(write(tmp_path, quantization))


def test_config_without_a_word(tmp_path: Path) -> None:
    """Scales that config.json says nothing of are refused."""
    folder = write(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    del config["quantization"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UnsupportedModelError, match=r"config\.json does not say how"):
        open_checkpoint(folder)
