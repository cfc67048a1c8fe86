"""Options by the names that published models use, written from memory and not from their files: none stops a load."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from fluxmlx.checkpoint import families
from fluxmlx.errors import UnsupportedModelError

CONFIGS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "published_configs.json").read_text()
)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_option_is_known(name: str) -> None:
    """Its family reads all that changes what the model computes."""
    family, options = families.find(CONFIGS[name], name)
    keys = family.describe(options).keys
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
