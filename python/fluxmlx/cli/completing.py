"""What the shell offers when somebody presses Tab where a model's name belongs."""

from __future__ import annotations

from fluxmlx.errors import FluxmlxError

__all__ = ["models", "running_models"]


def models(incomplete: str) -> list[str]:
    """Names of models on this machine, and the short names."""
    from fluxmlx import hub
    from fluxmlx.hub.models import MODELS

    try:
        known = [row.name.removesuffix(":latest") for row in hub.list_models()]
    except (FluxmlxError, OSError):
        known = []
    return _beginning(incomplete, [*known, *(model.name for model in MODELS)])


def running_models(incomplete: str) -> list[str]:
    """Names of models that a server has loaded."""
    from fluxmlx.cli.client import find_server

    try:
        rows = find_server().get("/api/ps").get("models") or []
        return _beginning(incomplete, [str(row["name"]) for row in rows])
    except (FluxmlxError, LookupError, TypeError):
        return []


def _beginning(incomplete: str, names: list[str]) -> list[str]:
    return sorted({name for name in names if name.lower().startswith(incomplete.lower())})
