"""What the tests of clients share."""

from __future__ import annotations

from types import ModuleType

import pytest

MESSAGES = [{"role": "user", "content": "Why is the sky blue? Answer in one sentence."}]


def client(name: str) -> ModuleType:
    """A package of the extra `clients`, or a skipped test that says what is missing."""
    reason = f"needs {name}: pip install 'fluxmlx[clients]'"
    module: ModuleType = pytest.importorskip(name, reason=reason)
    return module
