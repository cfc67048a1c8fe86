"""Fixtures that find what is outside the repository, and skip with a reason where it is missing."""

from __future__ import annotations

import importlib
import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# A shell's background jobs ignore SIGINT, and so would every program that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
NEEDS = [
    ("developer", "testing", "needs a developer build: ci/develop"),
    ("engine", "Engine", "needs the engine: this core was built without MLX"),
]
NEEDS_ENGINE = {"engine", "load", "model"}  # folders of tests/ that are about the engine

# A busy machine makes an example slow, not wrong; pytest-timeout stops what hangs.
settings.register_profile("fluxmlx", deadline=None)
settings.load_profile("fluxmlx")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what this build cannot run: `developer` without test bindings, `engine` without MLX."""
    try:
        core = importlib.import_module("fluxmlx._core")
    except ImportError:
        return  # each test then says what is missing
    for marker, attribute, reason in NEEDS:
        if not hasattr(core, attribute):
            for item in items:
                folder = item.path.relative_to(ROOT).parts[1]
                if item.get_closest_marker(marker) or (marker == "engine" and folder in NEEDS_ENGINE):
                    item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of reference data: $FLUXMLX_TEST_DATA, or shared/data beside the repository."""
    folder = Path(os.environ.get("FLUXMLX_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no reference data: {folder} is not a folder (set FLUXMLX_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """The file of SmolLM2-135M-Instruct: $FLUXMLX_TEST_MODEL, or the one in the store, without a download."""
    given = os.environ.get("FLUXMLX_TEST_MODEL")
    if given:
        return Path(given)
    hub = pytest.importorskip("fluxmlx.hub")
    from fluxmlx.errors import FluxmlxError

    try:
        resolved: Path = hub.resolve("smollm2", offline=True).path
    except FluxmlxError as error:
        pytest.skip(f"smollm2 is not in the store (fluxmlx run smollm2 fetches it): {error}")
    return resolved
