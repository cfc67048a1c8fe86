"""What the package requires: a reason for each, and extras that agree with the documents."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REASONS = (ROOT / "docs/decisions/009-every-requirement-has-a-reason.md").read_text(encoding="utf-8")


def names(requirements: list[str]) -> set[str]:
    """The names in requirement strings."""
    return {re.split(r"[^A-Za-z0-9_-]", requirement)[0] for requirement in requirements}


def test_every_requirement_has_a_reason() -> None:
    """The table of docs/decisions names exactly the packages that pyproject.toml requires at run time."""
    assert set(re.findall(r"^\| `([\w-]+)` \|", REASONS, re.MULTILINE)) == names(PROJECT["dependencies"])


@pytest.mark.parametrize("extra", ["cpu", "cuda12", "cuda13"])
def test_a_backend_is_mlx_with_the_same_extra(extra: str) -> None:
    """Each backend's extra asks for MLX's own extra of that name, at the pinned version; the README names it."""
    pin = next(r.removeprefix("mlx==") for r in PROJECT["dependencies"] if r.startswith("mlx=="))
    assert PROJECT["optional-dependencies"][extra] == [f"mlx[{extra}]=={pin}"]
    assert f"`{extra}`" in (ROOT / "README.md").read_text(encoding="utf-8")
