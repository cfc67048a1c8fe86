"""Options by the names that published models use: none stops a load.

Those of gpt-oss-20b, Qwen3-30B-A3B, Gemma 3 12B and Phi-3 mini 4k were held against copies of their files, and so were
the numbers that stretch the contexts of Devstral 2 and scale Granite 4.1; the others were written from memory.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from fluxmlx.checkpoint import families
from fluxmlx.checkpoint.quantization import QUANTIZATION_KEYS, read_quantizations
from fluxmlx.errors import UnsupportedModelError

CONFIGS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "published_configs.json").read_text()
)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_option_is_known(name: str) -> None:
    """Its family reads all that changes what the model computes."""
    family, options = families.find(CONFIGS[name], name)
    keys = family.describe(options).keys
    read_quantizations(CONFIGS[name], name)
    for option in QUANTIZATION_KEYS:
        options.raw(option)
    options.refuse_unread()
    text = CONFIGS[name].get("text_config", CONFIGS[name])
    assert keys["block_count"] == text["num_hidden_layers"]
    assert keys["embedding_length"] == text["hidden_size"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gemma-3-4b", {"attention.head_count": 8, "rope.freq_base": 1e6, "rope.scaling.factor": 8.0}),
        ("Phi-4-mini", {"rope.dimension_count": 96, "rope.scaling.original_context_length": 4096}),
        ("Qwen1.5-MoE-A2.7B", {"expert_weights_norm": False, "expert_used_count": 4}),
        ("Olmo-3-7B", {"rope.scaling.factor": 8.0, "attention.sliding_window": 4096}),
        ("Ministral-3-3B", {"attention.temperature_scale": 0.1, "rope.scaling.yarn_log_multiplier": 1.0}),
        ("Devstral-2-123B", {"rope.scaling.factor": 64.0, "rope.scaling.yarn_beta_fast": 4.0}),
        ("Phi-3-mini-4k", {"attention.sliding_window": 2047, "rope.dimension_count": 96}),
        ("granite-4.1-3b", {"attention.scale": 0.015625, "logit_scale": 10.0}),
        ("gemma-3-12b", {"attention.head_count_kv": 8, "attention.sliding_window": 1024}),
        ("gpt-oss-20b", {"expert_feed_forward_length": 2880, "attention.sliding_window": 128}),
    ],
)
def test_what_is_told_to_the_engine(name: str, expected: dict[str, Any]) -> None:
    """Some keys of some models, written out."""
    family, options = families.find(CONFIGS[name], name)
    keys = family.describe(options).keys
    assert {key: keys[key] for key in expected} == expected


def test_a_window_that_is_said_twice() -> None:
    """Gemma 2's files have its window under two names; two windows are refused."""
    for size, is_known in ((4096, True), (512, False)):
        family, options = families.find(CONFIGS["gemma-2-2b"] | {"sliding_window_size": size}, "gemma-2-2b")
        with (
            contextlib.nullcontext()
            if is_known
            else pytest.raises(UnsupportedModelError, match="size is 512")
        ):
            family.describe(options)
            options.refuse_unread()


def test_phi_magnitude() -> None:
    """The magnitude of a stretched Phi follows from how far it was stretched."""
    family, options = families.find(CONFIGS["Phi-3.5-mini"], "Phi-3.5-mini")
    described = family.describe(options)
    assert described.keys["rope.scaling.attn_factor"] == pytest.approx(1.190238)
    assert described.vectors["rope_factors_long.weight"].shape == (48,)
