"""SmolLM2-135M-Instruct Q4_1 against the float64 reference in $FLUXMLX_TEST_DATA/smollm2-golden.json.

The reference was made with transformers' LlamaForCausalLM in float64 over the weights dequantised from the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fluxmlx


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[dict[str, Any]]:
    return json.loads((shared_data / "smollm2-golden.json").read_text())["cases"]


@pytest.fixture(scope="module")
def kernels(smollm2: Path) -> Iterator[fluxmlx.Engine]:
    with fluxmlx.load(smollm2, device="cpu") as engine:
        yield engine


@pytest.mark.slow
def test_composed_values(cases: list[dict[str, Any]], smollm2: Path) -> None:
    """The composed float32 path gives every prompt and next-token log-probability within 1e-3."""
    with fluxmlx.load(smollm2, device="cpu", ops="composed", cache_type="f32") as engine:
        assert max(error_of(engine, case) for case in cases) < 1e-3


def test_composed_values_of_one_prompt(cases: list[dict[str, Any]], smollm2: Path) -> None:
    """The quick form of the test above: the first prompt."""
    with fluxmlx.load(smollm2, device="cpu", ops="composed", cache_type="f32") as engine:
        assert error_of(engine, cases[0]) < 1e-3


def test_kernel_values(cases: list[dict[str, Any]], smollm2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our kernels with float activations and a float32 cache give the same values as closely."""
    monkeypatch.setenv("FLUXMLX_FORCE_LAYOUT", "blocks")
    with fluxmlx.load(smollm2, device="cpu", cache_type="f32") as engine:
        assert max(error_of(engine, case) for case in cases) < 1e-3


def test_greedy_follows_the_reference(cases: list[dict[str, Any]], kernels: fluxmlx.Engine) -> None:
    """The greedy continuation is the reference's up to the first step whose margin is below 0.5, at least."""
    for case in cases:
        margins = case["greedy_margin"]
        certain = next((i for i, margin in enumerate(margins) if margin < 0.5), len(margins))
        answer = kernels.generate(
            case["prompt_tokens"], temperature=0, max_tokens=len(case["greedy"]), ignore_eos=True
        )
        assert list(answer.tokens[:certain]) == case["greedy"][:certain]


def test_prompts_are_tokenized_alike(cases: list[dict[str, Any]], kernels: fluxmlx.Engine) -> None:
    """The tokenizer rebuilt from the file gives the reference's ids."""
    for case in cases:
        assert kernels.tokenize(case["prompt"], parse_special=True) == case["prompt_tokens"]


def error_of(engine: fluxmlx.Engine, case: dict[str, Any]) -> float:
    """The largest difference to any reference value of the case."""
    answer = engine.generate(
        case["prompt_tokens"], temperature=0, max_tokens=1, prompt_logprobs=0, logprobs=64, ignore_eos=True
    )
    assert answer.logprobs is not None
    ours = [row.logprob for row in answer.prompt_logprobs or ()]
    top = dict(answer.logprobs[0].top)
    theirs = case["prompt_logprobs"][1:]
    errors = np.abs(np.subtract(ours, theirs)).tolist() if theirs else []
    return max([*errors, *(abs(top[token] - value) for token, value in case["next_top20"])])
