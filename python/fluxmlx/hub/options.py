"""The parameters that a model can bring, by Ollama's names, and what an engine makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from fluxmlx.errors import InvalidArgumentError

__all__ = ["add_parameter", "checked", "is_known", "load_options", "sampling_options"]

_SAMPLING: Mapping[str, type] = {
    "temperature": float,
    "top_k": int,
    "top_p": float,
    "min_p": float,
    "typical_p": float,
    "repeat_penalty": float,
    "presence_penalty": float,
    "frequency_penalty": float,
    "repeat_last_n": int,
    "seed": int,
    "num_predict": int,
    "stop": list,
}
_LOADING: Mapping[str, tuple[type, str]] = {"num_ctx": (int, "ctx"), "num_thread": (int, "threads")}
# Known to Ollama's Modelfiles, and without meaning for this engine: kept, and passed over.
_WITHOUT_EFFECT: Mapping[str, type] = {
    "num_batch": int, "num_gpu": int, "main_gpu": int, "num_keep": int, "draft_num_predict": int, "num_gqa": int,
    "use_mmap": bool, "use_mlock": bool, "low_vram": bool, "f16_kv": bool, "numa": bool, "vocab_only": bool,
    "logits_all": bool, "penalize_newline": bool, "mirostat": int, "mirostat_tau": float, "mirostat_eta": float,
    "tfs_z": float, "rope_frequency_base": float, "rope_frequency_scale": float,
}  # fmt: skip
_TYPES: Mapping[str, type] = {
    **_SAMPLING,
    **{name: kind for name, (kind, _) in _LOADING.items()},
    **_WITHOUT_EFFECT,
}


def add_parameter(params: dict[str, Any], name: str, text: str) -> None:
    """Adds a PARAMETER line; `stop` may come several times.

    Raises:
        InvalidArgumentError: there is no such parameter, or the text is not of its type.
    """
    kind = _type(name)
    if kind is list:
        params[name] = [*params.get(name, []), text]
    elif kind is bool:
        if text.lower() not in ("true", "false"):
            raise InvalidArgumentError(f"{name} is {text[:40]!r}; expected true or false")
        params[name] = text.lower() == "true"
    else:
        try:
            params[name] = kind(text)
        except (ValueError, OverflowError):
            raise InvalidArgumentError(
                f"{name} is {text[:40]!r}; expected {'a whole number' if kind is int else 'a number'}"
            ) from None


def checked(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as a request gives them, each of its type; InvalidArgumentError where one is not."""
    found: dict[str, Any] = {}
    for name, value in params.items():
        kind = _type(name)
        if kind is list:
            rows = cast("list[Any]", value) if isinstance(value, list) else [value]
            right, value = all(isinstance(row, str) for row in rows), rows
        else:
            numeric = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MOST
            right = isinstance(value, bool) if kind is bool else numeric and kind(value) == value
            value = kind(value) if right else value
        if not right:
            raise InvalidArgumentError(f"option {name!r} must be of type {_WORDS[kind]}")
        found[name] = value
    return found


def is_known(name: str) -> bool:
    """Whether there is such a parameter, with a meaning here or without."""
    return name in _TYPES


def sampling_options(params: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a request among a model's parameters; what has no effect is named in the log."""
    passed = sorted(name for name in params if name not in _SAMPLING and name not in _LOADING)
    if passed:
        import logging

        logging.getLogger("fluxmlx").info(
            "parameters of the model without effect here: %s", ", ".join(passed)
        )
    return {name: value for name, value in params.items() if name in _SAMPLING}


def load_options(params: Mapping[str, Any]) -> dict[str, int]:
    """The options of `fluxmlx.load` among a model's parameters."""
    found: dict[str, int] = {}
    for name, (_, target) in _LOADING.items():
        value = params.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            found[target] = value
    return found


_MOST = 1e300  # what every kind of number can hold
_WORDS = {int: "integer", float: "float", bool: "boolean", list: "list of strings"}


def _type(name: str) -> type:
    if name in _TYPES:
        return _TYPES[name]
    from difflib import get_close_matches

    near = get_close_matches(name, _TYPES, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; the parameters are {', '.join(_TYPES)}"
    raise InvalidArgumentError(f"unknown parameter {name[:40]!r}{hint}")
