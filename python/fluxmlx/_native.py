"""The native core, imported once, with an error that says what to do where it cannot be."""

from __future__ import annotations

import re
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fluxmlx import _core

__all__ = ["core", "info", "require_engine"]

_WHICH_EXTRA = (
    "MLX's own library is missing. On Linux it comes with an extra: pip install 'fluxmlx[cpu]', "
    "'fluxmlx[cuda12]' or 'fluxmlx[cuda13]'"
)


def _import_core() -> ModuleType:
    try:
        from fluxmlx import _core
    except ImportError as error:
        raise ImportError(_advice(str(error))) from error
    return _core


def _advice(text: str) -> str:
    """What to do about a core that cannot be imported, before what the system says of it."""
    if "undefined symbol" in text or "Symbol not found" in text:
        wrong = "the installed MLX is not the version that this fluxmlx was built for"
        return f"{wrong}: {_right_mlx()} ({text})"
    if "libmlx" in text:
        return f"{_WHICH_EXTRA} ({text})"
    if "_core" in text:
        return f"the native core of fluxmlx is missing or damaged: reinstall fluxmlx ({text})"
    return text


def _right_mlx() -> str:
    """What to do about a wrong MLX: its pinned version is in the installed package's metadata."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        wanted = " ".join(requires("fluxmlx") or ())
    except PackageNotFoundError:
        wanted = ""
    pin = re.search(r"\bmlx\[cpu\]==([0-9.]+)", wanted)
    return _pip_install(pin[1]) if pin else "reinstall fluxmlx"


def _pip_install(mlx_version: str) -> str:
    return f"pip install 'mlx[cpu]=={mlx_version}', or your backend's name for cpu"


if not TYPE_CHECKING:
    _core = _import_core()

core = _core


def info() -> dict[str, Any]:
    """What this build is and what it found: versions, devices, instruction sets, threads."""
    return core.info()


def require_engine() -> None:
    """Raises UnsupportedModelError where this build has no engine, EngineError where MLX is another version."""
    from fluxmlx.errors import EngineError, UnsupportedModelError

    facts = info()
    if not facts["has_mlx"]:
        raise UnsupportedModelError(
            "this fluxmlx was built without MLX: it reads GGUF files and tokenizes, but cannot run models. "
            "Reinstall it where the mlx package can be installed"
        )
    if facts["mlx_version"] != facts["mlx_built_for"]:
        built, found = facts["mlx_built_for"], facts["mlx_version"]
        advice = "build fluxmlx again" if facts["mlx_c"] == "MLX_C_ROOT" else _pip_install(built)
        raise EngineError(f"fluxmlx was built for MLX {built} and found {found}: {advice}")
