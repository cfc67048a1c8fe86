"""Sampling options by any of their names become one checked record."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxmlx.errors import InvalidArgumentError, ModelFileError
from fluxmlx.sampling import ALIASES, SamplingParams

NATIVE = (
    "temperature top_k top_p min_p typical_p repeat_penalty presence_penalty frequency_penalty repeat_last_n "
    "seed stop stop_token_ids ignore_eos min_tokens max_tokens logit_bias logprobs prompt_logprobs n speculation "
    "cache_prompt logits_processor"
)
HUGE = 10**5000  # more digits than Python turns into text
NUMBERS = (
    "temperature",
    "top_p",
    "min_p",
    "typical_p",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
)
INTEGERS = ("top_k", "repeat_last_n", "seed", "min_tokens", "max_tokens", "logprobs", "prompt_logprobs", "n")


def test_the_defaults_are_those_of_the_python_surface() -> None:
    """Nothing given: temperature 0.8, top_k 40, top_p 0.95, min_p 0.05, penalties off, no limit."""
    params = SamplingParams.from_options({})
    assert params == SamplingParams()
    assert (params.temperature, params.top_k, params.top_p, params.min_p) == (0.8, 40, 0.95, 0.05)
    assert (params.repetition_penalty, params.max_tokens, params.seed, params.logprobs) == (
        1.0,
        None,
        None,
        None,
    )


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_every_alias_is_its_option(alias: str, name: str) -> None:
    """An option by its other name gives the same record as by its own."""
    value: Any = "x" if name == "stop" else 1
    params = SamplingParams.from_options({alias: value})
    assert params == SamplingParams.from_options({name: value}) != SamplingParams(seed=1)
    assert name in {field.name for field in dataclasses.fields(SamplingParams)}


@pytest.mark.parametrize("options", [{"temp": 1, "temperature": 1}, {"num_predict": 5, "max_new_tokens": 6}])
def test_one_option_under_two_names_is_an_error(options: dict[str, Any]) -> None:
    """Two names of one option at once are refused, and the text has both."""
    first, second = options
    with pytest.raises(InvalidArgumentError, match=f"'{first}' and '{second}' are the same option"):
        SamplingParams.from_options(options)


@pytest.mark.parametrize(
    ("name", "nearest"), [("temperatu", "temperature"), ("topk", "top_k"), ("num_predic", "num_predict")]
)
def test_an_unknown_option_names_the_nearest(name: str, nearest: str) -> None:
    """A misspelt option is an error with the nearest name and the list of all."""
    with pytest.raises(InvalidArgumentError, match=f"'{name}'; did you mean '{nearest}'.*min_p, typical_p"):
        SamplingParams.from_options({name: None})


def test_none_is_an_option_that_was_not_given() -> None:
    """None leaves the base's value, and does not collide with another name of the option."""
    base = SamplingParams(temperature=0.5, max_tokens=7)
    assert SamplingParams.from_options({"temp": None, "max_tokens": None}, base=base) == base
    assert SamplingParams.from_options({"max_tokens": None, "num_predict": 9}, base=base).max_tokens == 9


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, 1e30, -101, HUGE, True, "0.5", None, [], 1j],
    ids=lambda v: type(v).__name__,
)
def test_bad_numbers_are_refused(name: str, value: Any) -> None:
    """Not a number, not finite, out of range: an error that begins with the name and has the range."""
    with pytest.raises(InvalidArgumentError, match=rf"^{name} must be a number from .* to .*, not "):
        SamplingParams(**{name: value})


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize(
    "value",
    [-5, 2**64, HUGE, 1.5, 2.0, True, False, "10", [1], math.nan],
    ids=lambda v: f"{type(v).__name__}",
)
def test_bad_integers_are_refused(name: str, value: Any) -> None:
    """Not an integer, or out of range: an error that begins with the name."""
    with pytest.raises(InvalidArgumentError, match=f"^{name} must be "):
        SamplingParams(**{name: value})


BAD: list[tuple[str, Any, str]] = [
    ("max_tokens", -2, "from 0 to 2147483647, or None or -1 for no limit, not -2"),
    ("max_tokens", 2**63, "not 9223372036854775808"),
    ("logprobs", 10**6, "from 0 to 1024 .* not 1000000"),
    ("repetition_penalty", 0, "from 0.01 to 100, not 0"),
    ("temperature", -1, "from 0 to 100, not -1"),
    ("top_p", 2, "from 0 to 1, not 2"),
    ("n", 10**9, "from 1 to 128, not 1000000000"),
    ("ignore_eos", 1, "True or False, not 1"),
    ("stop", "", "none of them empty, not ''"),
    ("stop", ["a", 5], "not 5"),
    ("stop", ["x"] * 10_000, "10000 entries; the limit is 16"),
    ("stop", "é" * 129, "258 bytes; the limit is 256"),
    ("stop", "\ud800", "UTF-8"),
    ("stop", b"x", "a list of strings"),
    ("stop_token_ids", [1, -1], "an id must be an integer from 0"),
    ("stop_token_ids", [True], "not True"),
    ("stop_token_ids", 5, "a list of token ids, not 5"),
    ("logit_bias", {"abc": 1}, "a token id must be an integer .* not 'abc'"),
    ("logit_bias", {-1: 1}, "not -1"),
    ("logit_bias", {5: math.nan}, "of token 5 .* not nan"),
    ("logit_bias", {5: 1e308}, "to 1e\\+06, not 1e\\+308"),
    ("logit_bias", {5: "1"}, "not '1'"),
    ("logit_bias", {5: 1, "5": 2}, "two values for token 5"),
    ("logit_bias", dict.fromkeys(range(10**6), 0), "1000000 entries; the limit is 1024"),
    ("logit_bias", [(5, 1.0)], "a mapping from token ids"),
]


@pytest.mark.parametrize(("name", "value", "text"), BAD)
def test_bad_values_are_named(name: str, value: Any, text: str) -> None:
    """Every other bad value is an error with the name, the range and the value, and a short one."""
    with pytest.raises(InvalidArgumentError, match=f"^{name}.*{text}") as caught:
        SamplingParams.from_options({name: value})
    assert len(str(caught.value)) < 250


def test_an_alias_is_what_the_error_names() -> None:
    """The error of a bad value has the name that the caller wrote."""
    with pytest.raises(InvalidArgumentError, match=r"^num_predict must be"):
        SamplingParams.from_options({"num_predict": -5})


def test_values_are_kept_in_one_form() -> None:
    """One stop string or several, numpy's numbers, JSON's keys and two spellings of none come out equal."""
    params = SamplingParams(stop="a", top_k=np.int32(5), temperature=np.float32(0.5), max_tokens=-1, seed=-1)
    assert params == SamplingParams(stop=["a"], top_k=5, temperature=0.5)
    assert type(params.top_k) is int
    assert SamplingParams(logit_bias={"5": 1, 6: -100}).logit_bias == {5: 1.0, 6: -math.inf}


def test_min_tokens_fit_into_max_tokens() -> None:
    """More tokens at least than at most is an error."""
    with pytest.raises(InvalidArgumentError, match="min_tokens is 6, more than max_tokens, 5"):
        SamplingParams.from_options({"min_tokens": 6}, base=SamplingParams(max_tokens=5))


def test_the_models_defaults_lie_between_surface_and_request() -> None:
    """general.sampling.* of the file goes over the surface's defaults, and the request over both."""
    metadata = {
        "general.sampling.temp": 0.6,
        "general.sampling.top_k": 20,
        "general.sampling.penalty_last_n": -1,
    }
    metadata |= {"general.sampling.penalty_repeat": 1.05, "general.sampling.mirostat": 2, "general.name": "x"}
    base = SamplingParams(top_p=0.9).with_model_defaults(metadata)
    assert SamplingParams.from_options({"top_k": 7}, base=base) == SamplingParams(
        temperature=0.6, top_k=7, top_p=0.9, repeat_last_n=-1, repetition_penalty=1.05
    )


@pytest.mark.parametrize("value", [math.nan, -1.0, "0.6", True, None])
def test_a_bad_default_in_the_file_is_the_files_error(value: Any) -> None:
    """A default of the file that cannot be used is an error with its key and value."""
    with pytest.raises(
        ModelFileError, match=r"the model file's default general\.sampling\.temp must be .* not "
    ):
        SamplingParams().with_model_defaults({"general.sampling.temp": value})


def test_a_seed_is_picked_once_and_kept() -> None:
    """with_seed picks a seed where there is none, which JSON can carry, and keeps one that is there."""
    picked = SamplingParams().with_seed()
    assert picked.seed is not None and 0 <= picked.seed < 2**53
    assert picked.with_seed() is picked
    assert picked.to_native()["seed"] == picked.seed
    assert len({SamplingParams().to_native()["seed"] for _ in range(20)}) == 20
    assert SamplingParams(seed=2**64 - 1).to_native()["seed"] == 2**64 - 1


def test_the_native_record_has_exactly_its_fields() -> None:
    """to_native has the native core's names, bytes for stop strings, and -1 for what is off."""
    native = SamplingParams(
        stop=["é"], stop_token_ids=[3], logit_bias={4: 2, 5: -100}, repetition_penalty=1.1
    ).to_native()
    assert list(native) == NATIVE.split()
    assert native["stop"] == ["é".encode()]
    assert native["logit_bias"] == [(4, 2.0), (5, -math.inf)]
    assert (native["max_tokens"], native["logprobs"], native["prompt_logprobs"]) == (-1, -1, -1)
    assert (native["repeat_penalty"], native["stop_token_ids"], native["ignore_eos"]) == (1.1, [3], False)


@given(
    st.fixed_dictionaries(
        {
            "temperature": st.floats(0, 100),
            "repetition_penalty": st.floats(0.01, 100),
            "top_k": st.integers(-1, 2**31 - 1),
        }
        | {name: st.floats(0, 1) for name in ("top_p", "min_p", "typical_p")}
        | {name: st.floats(-100, 100) for name in ("presence_penalty", "frequency_penalty")}
        | {"logit_bias": st.dictionaries(st.integers(0, 99), st.floats(max_value=1e6), max_size=5)}
        | {"seed": st.integers(0, 2**64 - 1), "repeat_last_n": st.integers(-1, 2**31 - 1)}
    )
)
def test_what_python_allows_the_core_allows(options: dict[str, Any]) -> None:
    """No value that passes here is refused by the native core: the two keep the same ranges."""
    testing = getattr(pytest.importorskip("fluxmlx._core"), "testing", None)
    if testing is None:
        pytest.skip("needs a developer build: ci/develop")
    native = SamplingParams(**options).to_native()
    testing.validate_params(native, 100)
    assert 0 <= testing.Sampler(native, 100).sample(np.zeros(100, dtype=np.float32), [1, 2])[0] < 100


def test_the_documentation_has_every_alias() -> None:
    """The table of names in docs/sampling.md is the table in the code."""
    page = (Path(__file__).parents[1] / "docs" / "sampling.md").read_text()
    rows = re.findall(r"^\| (`.*`) \| (`.*`) \|$", page.split("## Names")[1], re.MULTILINE)
    names = [(re.findall(r"\w+", aliases), target.strip("`")) for target, aliases in rows]
    assert {alias: target for aliases, target in names for alias in aliases} == dict(ALIASES)
