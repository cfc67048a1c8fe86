"""The native core refuses parameters that cannot be used, with name, value and range."""

from __future__ import annotations

import math
from typing import Any

import pytest

from fluxmlx.errors import InvalidArgumentError

testing = pytest.importorskip("fluxmlx._core", reason="needs the native core").__dict__.get("testing")
if testing is None:
    pytest.skip("needs a developer build: ci/develop", allow_module_level=True)

BAD = [
    *[(name, math.nan) for name in ("temperature", "top_p", "min_p", "typical_p", "repeat_penalty")],
    *[
        (name, math.inf)
        for name in ("temperature", "top_p", "min_p", "presence_penalty", "frequency_penalty")
    ],
    *[(name, -1.0) for name in ("temperature", "top_p", "min_p", "typical_p", "repeat_penalty")],
    ("temperature", 1e30),
    ("top_k", -2),
    ("top_p", 2.0),
    ("min_p", 5.0),
    ("repeat_penalty", 0.0),
    ("presence_penalty", -101.0),
    ("repeat_last_n", -2),
    ("n_logprobs", -2),
    ("n_logprobs", 10**6),
    ("logit_bias", [(100, 1.0)]),
    ("logit_bias", [(-1, 1.0)]),
    ("logit_bias", [(1, math.nan)]),
    ("logit_bias", [(1, math.inf)]),
    ("logit_bias", [(1, 1e30)]),
    ("logit_bias", [(1, 1.0)] * 1025),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_values_are_refused(name: str, value: Any) -> None:
    """Each value out of range is an error that begins with the parameter's name."""
    with pytest.raises(InvalidArgumentError, match=f"^{name} "):
        testing.validate_params({name: value}, 100)


@pytest.mark.parametrize("name", ["temperature", "top_p", "min_p", "typical_p", "presence_penalty"])
def test_zero_is_a_value(name: str) -> None:
    """Zero is allowed wherever it has a meaning."""
    testing.validate_params({name: 0.0}, 100)


def test_a_vocabulary_has_tokens() -> None:
    """An empty vocabulary is refused."""
    with pytest.raises(InvalidArgumentError, match="n_vocab is 0"):
        testing.validate_params({}, 0)


def test_a_sampler_validates() -> None:
    """A sampler cannot be made of bad parameters, nor for a vocabulary of a negative size."""
    with pytest.raises(InvalidArgumentError, match="top_p is 2"):
        testing.Sampler({"top_p": 2.0}, 10)
    with pytest.raises(InvalidArgumentError, match="n_vocab is -1"):
        testing.Sampler({"repeat_penalty": 1.1}, -1)
