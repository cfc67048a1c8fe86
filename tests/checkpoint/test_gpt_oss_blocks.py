"""gpt-oss's own files: which bytes of them the core is given, and files that do not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import checkpoint_builder as builder
import numpy as np
import pytest
from gpt_oss_models import CONFIG, EXPERTS, QUANTIZATION, tensors

from fluxmlx.checkpoint import open_checkpoint
from fluxmlx.errors import ModelFileError, UnsupportedModelError

BLOCKS, SCALES = f"{EXPERTS}gate_up_proj_blocks", f"{EXPERTS}gate_up_proj_scales"
Stored = dict[str, tuple[str, np.ndarray]]


def write(folder: Path, quantization: Any = QUANTIZATION, **changes: tuple[str, np.ndarray] | None) -> Stored:
    """A checkpoint some of whose tensors are other ones, None for one that is missing."""
    stored = tensors(np.random.default_rng(0))
    stored |= {EXPERTS + name: value for name, value in changes.items() if value is not None}
    for name in (EXPERTS + name for name, value in changes.items() if value is None):
        del stored[name]
    config = CONFIG | {"quantization_config": quantization}
    (folder / "config.json").write_text(json.dumps(config))
    builder.write_safetensors(folder / "model.safetensors", stored)
    return stored


def test_the_blocks_of_each_row(tmp_path: Path) -> None:
    """Gate has the even rows and up the odd ones; a block is a scale and 16 bytes of codes, as in the file."""
    stored = write(tmp_path)
    opened = open_checkpoint(tmp_path)
    native = opened.native()
    entries = {entry.name: entry for entry in opened.entries}
    for turn, name in enumerate(("gate", "up")):
        entry = entries[f"blk.0.ffn_{name}_exps.weight"]
        assert (entry.type, entry.shape) == ("mxfp4", (64, 32, 4))
        codes, scales = stored[BLOCKS][1][:, turn::2], stored[SCALES][1][:, turn::2]
        expected = np.concatenate([scales[..., None], codes], axis=-1)
        assert native.tensor_bytes(entry.name) == expected.tobytes()
    assert (entries["blk.0.ffn_down_exps.weight"].shape) == (32, 64, 4)


def test_the_bias_of_each_row(tmp_path: Path) -> None:
    """Biases of gate and up take turns as the rows do."""
    stored = write(tmp_path)
    values = stored[f"{EXPERTS}gate_up_proj_bias"][1].astype(np.uint32) << 16
    native = open_checkpoint(tmp_path).native()
    for turn, name in enumerate(("gate", "up")):
        assert native.tensor_bytes(f"blk.0.ffn_{name}_exps.bias") == values[:, turn::2].tobytes()


def test_experts_that_were_dequantised(tmp_path: Path) -> None:
    """Experts as plain numbers run although config.json still names the method."""
    plain: dict[str, Any] = {
        "gate_up_proj_blocks": None,
        "gate_up_proj_scales": None,
        "gate_up_proj": ("BF16", np.zeros((4, 64, 64), np.uint16)),
    }
    write(tmp_path, **plain)
    entries = {entry.name: entry for entry in open_checkpoint(tmp_path).entries}
    assert entries["blk.0.ffn_up_exps.weight"].type == "BF16"
    assert entries["blk.0.ffn_down_exps.weight"].type == "mxfp4"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"gate_up_proj_scales": None}, "_blocks.*its scales are missing"),
        ({"gate_up_proj_blocks": None}, "_scales.*its codes are missing"),
        (
            {"gate_up_proj_blocks": ("U8", np.zeros((4, 64, 2, 8), np.uint8))},
            r"its shape is \(4, 64, 2, 8\); expected experts, rows, groups, and 16 bytes",
        ),
        ({"gate_up_proj_blocks": ("U8", np.zeros((4, 64, 32), np.uint8))}, r"its shape is \(4, 64, 32\)"),
        ({"gate_up_proj_blocks": ("U8", np.zeros((0, 64, 2, 16), np.uint8))}, r"its shape is \(0, 64, 2, 16\)"),
        ({"gate_up_proj_blocks": ("U32", np.zeros((4, 64, 2, 16), np.uint32))}, "its dtype is U32; expected U8"),
        (
            {"gate_up_proj_scales": ("U8", np.zeros((4, 64, 1), np.uint8))},
            r"its shape is \(4, 64, 1\); 4 bits in groups of 32 ask for \(4, 64, 2\)",
        ),
        ({"gate_up_proj_scales": ("BF16", np.zeros((4, 64, 2), np.uint16))}, "its dtype is BF16; expected U8"),
        ({"gate_up_proj": ("BF16", np.zeros((4, 64, 64), np.uint16))}, "are the same one"),
        (
            {
                "gate_up_proj_blocks": ("U8", np.zeros((4, 63, 2, 16), np.uint8)),
                "gate_up_proj_scales": ("U8", np.zeros((4, 63, 2), np.uint8)),
            },
            "it has 63 rows, which are no 2 parts",
        ),
    ],
)  # fmt: skip
def test_pieces_that_do_not_fit(changes: dict[str, Any], text: str, tmp_path: Path) -> None:
    """A piece that is missing, or of another shape or dtype, is an error with its name."""
    write(tmp_path, **changes)
    with pytest.raises(ModelFileError, match=rf"gate_up_proj.*{text}"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("quantization", "text"),
    [
        ({"quant_method": "mxfp8"}, "quant_method is 'mxfp8'"),
        ({"quant_method": "mxfp4", "group_size": 64}, "does not know what 'group_size' asks for"),
        (None, r"config\.json does not say how"),
    ],
)
def test_methods_that_are_not_known(quantization: Any, text: str, tmp_path: Path) -> None:
    """Another method, and what is said beside a known one, stop the load."""
    write(tmp_path, quantization)
    with pytest.raises(UnsupportedModelError, match=text):
        open_checkpoint(tmp_path)
