"""One tiny model for all tests of the engine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent), str(Path(__file__).parent.parent / "model")]

import tiny_models

import fluxmlx


@pytest.fixture(scope="session")
def tiny_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.write(tmp_path_factory.mktemp("tiny") / "tiny.gguf", tiny_models.Tiny(tied=False))


@pytest.fixture(scope="module")
def engine(tiny_path: Path) -> Iterator[fluxmlx.Engine]:
    with fluxmlx.load(tiny_path, device="cpu") as loaded:
        yield loaded


@pytest.fixture
def fresh(tiny_path: Path) -> Iterator[fluxmlx.Engine]:
    """One that has read nothing yet, with room for longer prompts."""
    with fluxmlx.load(tiny_path, device="cpu", ctx=2048) as engine:
        yield engine
