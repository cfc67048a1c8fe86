"""One version and one MLX pin, whatever file names them."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_mention_of_the_pin_agrees() -> None:
    """ci/check-version finds no difference between pyproject.toml, CMake, the changelog and the documents."""
    checked = subprocess.run(
        [sys.executable, ROOT / "ci" / "check-version"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def test_the_installed_mlx_is_the_pinned_one() -> None:
    """The MLX that runs is the MLX that the core was built against."""
    options = (ROOT / "cmake" / "options.cmake").read_text(encoding="utf-8")
    assert f'FLUXMLX_MLX_VERSION "{version("mlx")}"' in options
