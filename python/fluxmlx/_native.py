"""The native core, imported once, with an error that says what to do where it cannot be."""

from __future__ import annotations

from typing import Any

__all__ = ["core", "info", "require_engine"]

_WHICH_EXTRA = (
    "MLX's own library is missing. On Linux it comes with an extra: pip install 'fluxmlx[cpu]', "
    "'fluxmlx[cuda12]' or 'fluxmlx[cuda13]'"
)


def _import_core() -> Any:
    try:
        from fluxmlx import _core
    except ImportError as error:
        text = str(error)
        if "libmlx" in text:
            raise ImportError(f"{_WHICH_EXTRA} ({text})") from error
        if "undefined symbol" in text or "Symbol not found" in text:
            raise ImportError(
                f"the installed MLX is not the version that this fluxmlx was built for: reinstall fluxmlx ({text})"
            ) from error
        raise
    return _core


core: Any = _import_core()


def info() -> dict[str, Any]:
    """What this build is and what it found: versions, devices, instruction sets, threads."""
    return dict(core.info())


def require_engine() -> None:
    """Raises UnsupportedModelError where this build has no engine, EngineError where MLX is another version."""
    from fluxmlx.errors import EngineError, UnsupportedModelError

    facts = info()
    if not facts["has_mlx"]:
        raise UnsupportedModelError(
            "this fluxmlx was built without MLX: it reads GGUF files and tokenizes, but cannot run models. "
            "Reinstall it where the mlx package can be installed"
        )
    if facts["mlx_version"] != facts["mlx_built_for"] and facts["mlx_c"] == "csrc/mlxc":
        raise EngineError(
            f"fluxmlx was built for MLX {facts['mlx_built_for']} and found {facts['mlx_version']}: "
            f"pip install 'mlx=={facts['mlx_built_for']}'"
        )
