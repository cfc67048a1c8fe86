"""`fluxmlx info`: what a bug report needs to say."""

from __future__ import annotations

import json
import os
import platform
from typing import Annotated, Any

import typer

from fluxmlx.cli.guard import guarded

__all__ = ["info", "version"]

_LABELS = {
    "version": "fluxmlx",
    "mlx_version": "MLX",
    "mlx_built_for": "built for MLX",
    "mlx_c": "mlx-c",
    "has_mlx": "runs models",
    "default_device": "default device",
    "cpu_isas": "CPU features",
    "cpu_isa": "CPU kernels",
}
# What changes how a model runs; a key of the server's is not for a bug report.
_ENVIRONMENT = ("FLUXMLX_THREADS", "FLUXMLX_FORCE_ISA", "FLUXMLX_CPU_OPS", "FLUXMLX_FORCE_LAYOUT")


@guarded
def info(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print versions, devices, CPU features, threads, and the variables that change them."""
    facts = _facts()
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        width = max(len(_label(key)) for key in facts) + 2
        for key, value in facts.items():
            typer.echo(f"{_label(key):<{width}}{_text(value)}")
    if "core_error" in facts:
        raise typer.Exit(1)


def version() -> str:
    """The version of the installed package; a checkout that is not installed asks its core."""
    from importlib import metadata

    try:
        return metadata.version("fluxmlx")
    except metadata.PackageNotFoundError:
        return str(_core().get("version") or "(not installed)")


def _facts() -> dict[str, Any]:
    from fluxmlx.errors import DownloadError
    from fluxmlx.hub.store import root

    try:
        store = str(root())
    except DownloadError as error:
        store = str(error)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    core = _core()
    return {"version": core.pop("version", None) or version(), **core} | {
        "python": python,
        "platform": platform.platform(),
        "store": store,
        "environment": [f"{name}={os.environ[name]}" for name in _ENVIRONMENT if name in os.environ],
    }


def _core() -> dict[str, Any]:
    """What the core says about itself, or why it cannot be loaded: that must not stop this verb."""
    try:
        from fluxmlx._native import info as core_info
    except ImportError as error:
        return {"core_error": str(error)}
    return core_info()


def _label(key: str) -> str:
    return _LABELS.get(key, key.replace("_", " "))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)
