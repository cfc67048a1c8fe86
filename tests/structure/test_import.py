"""What `import fluxmlx` costs, and what it leaves alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = [
    "fastapi",
    "uvicorn",
    "prometheus_client",
    "yaml",
    "typer",
    "rich",
    "huggingface_hub",
    "jinja2",
    "tokenizers",
    "sentencepiece",
    "numpy",
    "mlx.core",
]


def import_times() -> dict[str, float]:
    """Module -> seconds with all it imports, of a fresh `import fluxmlx`."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import fluxmlx"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.removeprefix("import time:").split("|") for line in ran.stderr.splitlines() if "|" in line]
    return {row[2].strip(): int(row[1]) / 1e6 for row in rows if row[1].strip().isdigit()}


@pytest.fixture(scope="module")
def runs() -> list[dict[str, float]]:
    return [import_times() for _ in range(3)]


@pytest.mark.parametrize("module", HEAVY)
def test_import_leaves_heavy_modules_alone(runs: list[dict[str, float]], module: str) -> None:
    """`import fluxmlx` loads none of the libraries that only some verbs need."""
    assert not [m for m in runs[0] if m == module or m.startswith(module + ".")]


def test_import_is_quick(runs: list[dict[str, float]]) -> None:
    """The best of three imports takes less than 0.2 s."""
    assert min(run["fluxmlx"] for run in runs) < 0.2
