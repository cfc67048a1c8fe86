"""What may be given as a prompt, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import fluxmlx
from fluxmlx import errors

PROMPT = [72, 101, 108, 108, 111]


@pytest.mark.parametrize(
    "ids",
    [(72, 105), np.array([72, 105]), [np.int64(72), 105], iter([72, 105])],
    ids=["tuple", "array", "scalars", "iterator"],
)
def test_any_integers_are_token_ids(engine: fluxmlx.Engine, ids: object) -> None:
    """Tuples, arrays and iterators of integers are prompts like lists."""
    assert engine.generate(ids, max_tokens=1, ignore_eos=True).usage.prompt_tokens == 2


@pytest.mark.parametrize("prompt", [b"hello", None, 5, {"a": 1}], ids=str)
def test_what_is_no_prompt(engine: fluxmlx.Engine, prompt: object) -> None:
    """Bytes, mappings and single values are refused: none of them is a list of token ids by intention."""
    with pytest.raises(errors.InvalidArgumentError, match="expected a text, or a list of token ids"):
        engine.generate(prompt)


@pytest.mark.parametrize("top", [-1, None, True, 1025])
def test_bad_top_of_a_score(engine: fluxmlx.Engine, top: object) -> None:
    """`top` of a score is checked under its own name."""
    with pytest.raises(errors.InvalidArgumentError, match="top must be an integer from 0 to 1024"):
        engine.score(PROMPT, top=top)


def test_params_are_an_object(engine: fluxmlx.Engine) -> None:
    """A dict in the place of SamplingParams is an error that says how to give options."""
    with pytest.raises(errors.InvalidArgumentError, match="options by name"):
        engine.generate(PROMPT, {"temperature": 0})
