"""The options of a load, checked, as the core takes them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, cast

from fluxmlx._checks import byte_count, number, optional_flag, show
from fluxmlx.errors import InvalidArgumentError

__all__ = ["native_options"]

_MAX_THREADS = 1024
_DEVICES = ("auto", "cpu", "gpu")
_OPS = ("auto", "kernels", "composed")
_CACHE_TYPES = ("f16", "f32", "q8_0")


def native_options(*, device: str, ops: str | None, **given: Any) -> dict[str, Any]:
    """What `load()` is given -> what `_core.Engine` takes; 0, or None where 0 has a meaning, leaves the choice to it.

    Raises:
        InvalidArgumentError: an option, or a variable that stands for one, has a value that cannot be used.
    """
    options: dict[str, Any] = {
        "device": _choice("device", device, _DEVICES),
        "ops": _choice("ops", ops, _OPS) if ops is not None else _ops_from_environment(device),
    }
    return options | {name: _CHECKS[name](name, value) for name, value in given.items()}


def _whole(most: int = 2**31 - 1) -> Callable[[str, Any], int]:
    def check(name: str, value: int | None) -> int:
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise InvalidArgumentError(f"{name} is {show(value)}; expected a whole number from 1 to {most}")
        return value

    return check


def _seconds(name: str, value: float | None) -> float:
    return 0.0 if value is None else cast("float", number(0.001, 3600)(name, value))


def _choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise InvalidArgumentError(f"{name} is {show(value)}; expected {' or '.join(map(repr, choices))}")
    return value


def _cache_type(name: str, value: str) -> str:
    return _choice(name, value, _CACHE_TYPES)


def _threads(name: str, value: int | None) -> int:
    if value is not None:
        return _whole(_MAX_THREADS)(name, value)
    text = os.environ.get("FLUXMLX_THREADS", "").strip()
    decimal = text.isascii() and text.isdigit() and len(text) < 10
    return _whole(_MAX_THREADS)("FLUXMLX_THREADS", int(text) if decimal else text or None)


def _memory(name: str, value: int | str | None) -> int:
    return 0 if value is None else byte_count(name, value)


def _memory_or_none(name: str, value: int | str | None) -> int | None:
    return None if value is None else byte_count(name, value, 0)


def _ops_from_environment(device: str) -> str:
    from fluxmlx._native import info

    value = _choice("FLUXMLX_CPU_OPS", os.environ.get("FLUXMLX_CPU_OPS") or "auto", _OPS)
    on_cpu = device == "cpu" or (device == "auto" and info()["default_device"] == "cpu")
    return value if on_cpu else "auto"


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "cache_type": _cache_type,
    "ctx": _whole(2**27),
    "threads": _threads,
    "prefill_chunk": _whole(),
    "max_sequences": _whole(4096),
    "target_latency": _seconds,
    "max_memory": _memory,
    "max_queue": _whole(),
    "max_queue_tokens": _whole(),
    "prefix_memory": _memory_or_none,
    "speculation": optional_flag,
}
