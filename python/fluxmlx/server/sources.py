"""Settings from where they are written: defaults <- file <- OLLAMA_* <- FLUXMLX_* <- flags."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from fluxmlx._checks import show
from fluxmlx.errors import InvalidArgumentError
from fluxmlx.server.addresses import host_and_port
from fluxmlx.server.durations import FOR_EVER, duration, keep_alive
from fluxmlx.server.settings import ServerSettings

__all__ = ["load_settings"]

Reader = Callable[[str, Any], Any]  # (where it is written, value) -> the value in its one form

_SIZES = {"": 1, "b": 1, "k": 10**3, "kb": 10**3, "kib": 2**10, "m": 10**6, "mb": 10**6, "mib": 2**20,
          "g": 10**9, "gb": 10**9, "gib": 2**30, "t": 10**12, "tb": 10**12, "tib": 2**40}  # fmt: skip


def load_settings(
    flags: Mapping[str, Any] | None = None,
    *,
    config: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> ServerSettings:
    """The settings that hold, the later source over the earlier: defaults, file, OLLAMA_*, FLUXMLX_*, flags.

    Args:
        flags: by the names of ServerSettings; what is None was not given. `host` may have a port in it.
        config: a YAML file of the same names; OLLAMA_ and FLUXMLX_ before them, and capitals, do not matter.
        environ: os.environ where it is None. An empty variable counts as not set.

    Raises:
        InvalidArgumentError: names the place and what was expected there.
    """
    environ = os.environ if environ is None else environ
    found: dict[str, Any] = {}
    if config is not None:
        found |= _from_file(Path(config))
    for prefix in ("OLLAMA_", "FLUXMLX_"):
        for name in _READERS if prefix == "FLUXMLX_" else _OLLAMAS:
            if text := environ.get(prefix + name.upper(), "").strip():
                _read(found, prefix + name.upper(), name, text)
    for name, value in (flags or {}).items():
        if value is not None:
            _read(found, f"--{name.replace('_', '-')}", name, value)
    return ServerSettings(**found)


def _from_file(path: Path) -> dict[str, Any]:
    import yaml

    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidArgumentError(f"the configuration file {str(path)!r} cannot be read: {error}") from None
    if not isinstance(rows, dict):
        raise InvalidArgumentError(f"the configuration file {str(path)!r} has no `name: value` lines")
    found: dict[str, Any] = {}
    for key, value in cast("dict[Any, Any]", rows).items():
        name = str(key).lower().replace("-", "_").removeprefix("ollama_").removeprefix("fluxmlx_")
        if value is not None:
            _read(found, f"{key} in {path.name}", name, value)
    return found


def _read(found: dict[str, Any], where: str, name: str, value: Any) -> None:
    if name not in _READERS:
        near = get_close_matches(name, _READERS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; the settings are {', '.join(_READERS)}"
        raise InvalidArgumentError(f"unknown setting {where}{hint}")
    if name == "host":
        found["host"], port = host_and_port(where, _text(where, value))
        if port is not None:
            found["port"] = port
        return
    found[name] = _READERS[name](where, value)


def _whole(low: int, high: int) -> Reader:
    def read(where: str, value: Any) -> int:
        text = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
        if not text.isascii() or not text.lstrip("+-").isdigit() or not low <= int(text[:20]) <= high:
            raise InvalidArgumentError(
                f"{where} is {show(value)}; expected a whole number from {low} to {high}"
            )
        return int(text)

    return read


def _size(where: str, value: Any) -> int:
    text = str(value).strip().lower().replace(" ", "")
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text[len(digits) :]
    if unit not in _SIZES or not digits.replace(".", "", 1).isdigit():
        raise InvalidArgumentError(
            f"{where} is {show(value)}; expected a size, such as 8GiB, or 0 for no limit"
        )
    return int(float(digits) * _SIZES[unit])


def _seconds(where: str, value: Any) -> float:
    seconds = duration(where, value)
    if seconds < 0:
        raise InvalidArgumentError(f"{where} is {show(value)}; expected a time that is not negative")
    return seconds


def _load_timeout(where: str, value: Any) -> float:
    seconds = duration(where, value)
    return seconds if seconds > 0 else FOR_EVER


def _flag(where: str, value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in ("1", "0", "true", "false", "yes", "no", "on", "off"):
        raise InvalidArgumentError(f"{where} is {show(value)}; expected true or false")
    return text in ("1", "true", "yes", "on")


def _names(where: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(one, str) for one in cast("list[Any]", value)
    ):
        raise InvalidArgumentError(f"{where} is {show(value)}; expected a list of names")
    return tuple(one.strip() for one in cast("list[str]", value) if one.strip())


def _text(where: str, value: Any) -> str:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool) or "\0" in str(value):
        raise InvalidArgumentError(f"{where} is {show(value)}; expected a text")
    return str(value).strip()


_COUNT = _whole(0, 2**31 - 1)
_READERS: Mapping[str, Reader] = {
    "host": _text,
    "port": _whole(0, 65535),
    "keep_alive": lambda where, value: keep_alive(where, value, bare=True),
    "load_timeout": _load_timeout,
    "max_queue": _whole(1, 2**31 - 1),
    "num_parallel": _whole(0, 4096),
    "max_loaded_models": _COUNT,
    "memory_budget": _size,
    "context_length": _whole(0, 2**27),
    "threads": _whole(0, 1024),
    "origins": _names,
    "allowed_hosts": _names,
    "api_key": _text,
    "no_auth": _flag,
    "admin": _flag,
    "max_body": _size,
    "max_connections": _whole(1, 2**31 - 1),
    "header_timeout": _seconds,
    "body_timeout": _seconds,
    "write_timeout": _seconds,
    "stream_ping": _seconds,
    "shutdown_timeout": _seconds,
    "access_log": _flag,
    "alias": _text,
}
_OLLAMAS = ("host", "keep_alive", "max_queue", "num_parallel", "context_length", "max_loaded_models", "origins",
            "load_timeout")  # fmt: skip
