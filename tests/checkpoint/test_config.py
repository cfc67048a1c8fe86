"""config.json: what is read, and that nothing that changes the computation is passed over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import checkpoint_builder as builder
import numpy as np
import pytest

from fluxmlx.checkpoint import open_checkpoint
from fluxmlx.errors import ModelFileError, UnsupportedModelError

BAD_VALUES = {
    "num_hidden_layers": ["40", 0, -1, 1e308, True, [2], None, 2**40],
    "hidden_size": ["64", 0, 63, 1e308, None],
    "num_attention_heads": [0, "4", None],
    "num_key_value_heads": [3, 0, "2"],
    "head_dim": [1, 1.5, "16"],
    "rms_norm_eps": [-1, "1e-5", 2, float("nan")],
    "rope_theta": [0, -1, float("inf"), "10000"],
    "max_position_embeddings": [0, 2**31, "256"],
    "vocab_size": [287, "288", 0],
    "rope_scaling": ["linear", {"type": "linear", "factor": 0}, {"type": "yarn", "factor": "4"}],
    "tie_word_embeddings": [1, "true", False],
    "model_type": [7, None],
}
UNSUPPORTED = {
    "hidden_act": "relu",
    "rope_scaling": {"type": "dynamic", "factor": 2.0},
    "quantization": {"bits": 3, "group_size": 7},
    "quantization_config": {"quant_method": "gptq"},
    "partial_rotary_factor_2": 0.5,
    "num_experts": 4,
    "layer_types": ["full_attention", "linear_attention"],
    "use_qk_norm": True,
    "attn_logit_softcapping": 50.0,
    "model_type": "mamba",
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in BAD_VALUES for value in BAD_VALUES[name]]
)
def test_bad_values(name: str, value: Any, tmp_path: Path) -> None:
    """A value of the wrong kind or out of range is an error that names the option."""
    folder = builder.write_llama(tmp_path, **{name: value})
    with pytest.raises(ModelFileError, match=name if name != "rope_scaling" else "rope_scaling|factor"):
        open_checkpoint(folder)


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_options_that_nobody_knows(name: str, tmp_path: Path) -> None:
    """What would change the computation, and is not known, is refused by name."""
    folder = builder.write_llama(tmp_path, **{name: UNSUPPORTED[name]})
    with pytest.raises(UnsupportedModelError, match=name.split("_", maxsplit=1)[0]):
        open_checkpoint(folder)


def test_an_option_inside_the_scaling_is_read_too(tmp_path: Path) -> None:
    """An option of the rotation that nobody knows is refused as well."""
    scaling = {"rope_type": "linear", "factor": 2.0, "warp": 3}
    folder = builder.write_llama(tmp_path, rope_scaling=scaling)
    with pytest.raises(UnsupportedModelError, match=r"rope_scaling.*'warp'"):
        open_checkpoint(folder)


def test_options_that_are_off_change_nothing(tmp_path: Path) -> None:
    """Nulls, zeros and flags that are off, and what only describes, are passed over."""
    folder = builder.write_llama(
        tmp_path, attention_dropout=0.1, torch_dtype="bfloat16", new_flag=False, new_list=[], use_cache=True
    )
    assert open_checkpoint(folder).metadata["llama.block_count"] == 2


def test_notes_change_nothing(tmp_path: Path) -> None:
    """Published files carry notes of the libraries that wrote them, and flags that nothing reads any more."""
    notes = {"_name_or_path": "x", "_model_name_or_path": "x", "_attn_implementation_autoset": True}
    dead = {"is_llama_config": True, "rope_interleaved": False, "transformers.js_config": {"dtype": "q4"}}
    folder = builder.write_llama(tmp_path, **notes, **dead)
    assert open_checkpoint(folder).metadata["llama.block_count"] == 2


def test_old_and_new_spelling_of_the_rotation(tmp_path: Path) -> None:
    """rope_theta and rope_scaling mean what rope_parameters means."""
    old = builder.write_llama(
        tmp_path / "old", rope_theta=5e5, rope_scaling={"type": "linear", "factor": 2.0}
    )
    parameters = {"rope_theta": 5e5, "rope_type": "linear", "factor": 2.0}
    new = builder.write_llama(tmp_path / "new", rope_theta=None, rope_parameters=parameters)
    found = [open_checkpoint(folder).metadata for folder in (old, new)]
    assert found[0] | {"general.name": ""} == found[1] | {"general.name": ""}
    assert found[0]["llama.rope.freq_base"] == 5e5
    assert found[0]["llama.rope.scaling.factor"] == 2.0


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"more": "model.layers.0.self_attn.gate.weight"}, "does not know what the tensor"),
        ({"more": "model.layers.2.input_layernorm.weight"}, "does not know what the tensor"),
        (
            {"more": "model.layers.0.self_attn.q_proj.scales"},
            "is quantised, and config.json does not say how",
        ),
        ({"dtype": "F8_E4M3"}, "has the dtype F8_E4M3"),
    ],
)
def test_tensors_that_nobody_knows(change: dict[str, str], text: str, tmp_path: Path) -> None:
    """A tensor without a meaning here, or of a dtype that cannot be used, is refused by name."""
    folder = builder.write_llama(tmp_path)
    tensors = builder.llama_tensors()
    if "more" in change:
        tensors[change["more"]] = ("F32", np.ones((64, 64), np.float32))
    else:
        tensors["model.layers.0.self_attn.q_proj.weight"] = (change["dtype"], np.ones((64, 64), np.uint8))
    builder.write_safetensors(folder / "model.safetensors", tensors)
    with pytest.raises(UnsupportedModelError, match=text):
        open_checkpoint(folder)


def test_a_window_of_all_layers(tmp_path: Path) -> None:
    """The first Mistral's window is kept where it is shorter than the context, and else says nothing."""
    short = builder.write_llama(tmp_path / "short", model_type="mistral", sliding_window=16)
    long = builder.write_llama(tmp_path / "long", model_type="mistral", sliding_window=256)
    assert open_checkpoint(short).metadata["llama.attention.sliding_window"] == 16
    assert "llama.attention.sliding_window" not in open_checkpoint(long).metadata


def test_biases_are_those_of_the_options(tmp_path: Path) -> None:
    """A bias that is missing, and one too many, are errors that name it."""
    folder = builder.write_llama(tmp_path, attention_bias=True)
    with pytest.raises(ModelFileError, match=r"'blk\.0\.attn_k\.bias'.*missing"):
        open_checkpoint(folder)
    folder = builder.write_llama(tmp_path)
    more = {"model.layers.1.self_attn.q_proj.bias": ("F32", np.ones(64, np.float32))}
    builder.write_safetensors(folder / "model.safetensors", builder.llama_tensors() | more)
    with pytest.raises(UnsupportedModelError, match=r"'blk\.1\.attn_q\.bias'"):
        open_checkpoint(folder)


def test_a_permuted_bias(tmp_path: Path) -> None:
    """Biases of q and k take the order of their rows."""
    folder = builder.write_llama(tmp_path, attention_bias=True)
    biases = {
        f"model.layers.{i}.self_attn.{name}_proj.bias": ("F32", np.arange(n, dtype=np.float32))
        for i in range(2)
        for name, n in (("q", 64), ("k", 32), ("v", 32), ("o", 64))
    }
    builder.write_safetensors(folder / "model.safetensors", builder.llama_tensors() | biases)
    found = {entry.name: values for entry, values in open_checkpoint(folder).arrays()}
    assert found["blk.0.attn_v.bias"].tolist() == list(range(32))
    assert found["blk.0.attn_q.bias"][:18].tolist() == [
        0,
        8,
        1,
        9,
        2,
        10,
        3,
        11,
        4,
        12,
        5,
        13,
        6,
        14,
        7,
        15,
        16,
        24,
    ]
