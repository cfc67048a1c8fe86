"""Checks of one value that came from outside: each names it, its range and the value it refuses."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, cast

from fluxmlx.errors import InvalidArgumentError

INT32_MAX = 2**31 - 1
MAX_STOPS = 16
MAX_STOP_BYTES = 256
MAX_LIST = 1024
MAX_BIAS = 1e6
BAN_BIAS = -100.0  # OpenAI's value for "never": the token is taken out, however likely the model finds it

Check = Callable[[str, Any], Any]  # (name, value) -> the value in its one form


def show(value: object) -> str:
    """The value for an error's text, cut short."""
    if isinstance(value, int) and abs(value) >= 2**128:
        return f"an integer of {value.bit_length()} bits"
    return reprlib.repr(value)


def refuse(name: str, wanted: str, value: object) -> InvalidArgumentError:
    """The error to raise for a value that is not what is wanted."""
    return InvalidArgumentError(f"{name} must be {wanted}, not {show(value)}")


def number(low: float, high: float) -> Check:
    """A check for a real number in a range; what comes out is a float."""

    def check(name: str, value: Any) -> float:
        # A bool is a number to Python only, NaN fails every comparison, an integer may be too large. Asking for Real
        # takes longer than all the rest.
        is_number = type(value) is float or (not isinstance(value, bool) and isinstance(value, Real))
        if not is_number or not low <= cast("float", value) <= high:
            raise refuse(name, f"a number from {low:g} to {high:g}", value)
        return float(value)

    return check


_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", re.ASCII | re.IGNORECASE)


def byte_count(name: str, value: Any, least: int = 1) -> int:
    """A number of bytes, also as a text: "4GB" is 4 * 10^9, "4GiB" is 4 * 2^30."""
    n = value
    if isinstance(value, str) and (found := _SIZE.fullmatch(value)):
        number, unit, binary = found.groups()
        n = int(float(number) * (1024 if binary else 1000) ** " kmgt".index(unit.lower() or " "))
    if isinstance(n, bool) or not isinstance(n, Integral) or not least <= int(n) < 2**63:
        raise refuse(name, f"a number of bytes from {least}, or a text such as '4GB' or '512MiB'", value)
    return int(n)


def integer(low: int, high: int, *, none: str = "", none_values: tuple[int | None, ...] = ()) -> Check:
    """A check for an integer in a range, or one of the values that mean None."""

    def check(name: str, value: Any) -> int | None:
        if value is None and None in none_values:
            return None
        if type(value) is not int and (isinstance(value, bool) or not isinstance(value, Integral)):
            raise refuse(name, f"an integer from {low} to {high}{none}", value)
        if int(value) in none_values:
            return None
        if not low <= int(value) <= high:
            raise refuse(name, f"an integer from {low} to {high}{none}", value)
        return int(value)

    return check


def flag(name: str, value: Any) -> bool:
    """A check for True or False, and not 1 or 0."""
    if not isinstance(value, bool):
        raise refuse(name, "True or False", value)
    return value


def optional_flag(name: str, value: Any) -> bool | None:
    """A check for True, False or None."""
    if value is not None and not isinstance(value, bool):
        raise refuse(name, "True, False or None", value)
    return value


def sequence(name: str, value: Any, what: str, limit: int) -> Sequence[Any]:
    """A check for a list or tuple of at most `limit` items, whose kind `what` names."""
    if not isinstance(value, (list, tuple)):
        raise refuse(name, f"a list of {what}", value)
    items = cast("Sequence[Any]", value)
    if len(items) > limit:
        raise InvalidArgumentError(f"{name} has {len(items)} entries; the limit is {limit}")
    return items


_token = integer(0, INT32_MAX)


def stop_strings(name: str, value: Any) -> tuple[str, ...]:
    """A check for one stop string or a list of them; what comes out is a tuple."""
    items = sequence(name, (value,) if isinstance(value, str) else value, "strings", MAX_STOPS)
    for item in items:
        if not isinstance(item, str) or not item:
            raise refuse(name, "a string, or a list of strings, none of them empty", item)
        try:
            size = len(item.encode())
        except UnicodeEncodeError:
            raise refuse(name, "text that can be written as UTF-8", item) from None
        if size > MAX_STOP_BYTES:
            raise InvalidArgumentError(f"{name} has a string of {size} bytes; the limit is {MAX_STOP_BYTES}")
    return tuple(items)


def token_ids(name: str, value: Any) -> tuple[int, ...]:
    """A check for a list of token ids; what comes out is a tuple."""
    return tuple(_token(f"{name}: an id", item) for item in sequence(name, value, "token ids", MAX_LIST))


def logit_bias(name: str, value: Any) -> dict[int, float]:
    """A check for a mapping from token ids, or their decimal spellings, to numbers."""
    if not isinstance(value, Mapping):
        raise refuse(name, "a mapping from token ids to numbers", value)
    items = cast("Mapping[Any, Any]", value)
    if len(items) > MAX_LIST:
        raise InvalidArgumentError(f"{name} has {len(items)} entries; the limit is {MAX_LIST}")
    out: dict[int, float] = {}
    for key, bias in items.items():
        # The keys of a JSON object are strings always.
        decimal = isinstance(key, str) and key.isascii() and key.isdigit() and len(key) <= 10
        token = _token(f"{name}: a token id", int(key) if decimal else key)
        if token in out:
            raise InvalidArgumentError(f"{name} has two values for token {token}")
        checked = number(float("-inf"), MAX_BIAS)(f"{name} of token {token}", bias)
        out[token] = checked if checked > BAN_BIAS else float("-inf")
    return out


def logits_function(name: str, value: Any) -> Any:
    """A check for what can be called, or None."""
    if value is not None and not callable(value):
        raise refuse(name, "a function of token ids and logits, or None", value)
    return value
