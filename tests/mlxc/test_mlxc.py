"""csrc/mlxc: every function of our mlx-c is called, gives the right values, and fails without noise."""

from __future__ import annotations

import functools
import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEADERS = ROOT / "csrc" / "mlxc" / "include" / "mlx" / "c"
CASE_SOURCES = ROOT / "csrc" / "bind" / "testing"


def load_testing() -> Any:
    try:
        testing = getattr(importlib.import_module("fluxmlx._core"), "testing", None)
    except ImportError:
        return None
    return testing if hasattr(testing, "mlxc_cases") else None


TESTING = load_testing()
CASES: list[str] = TESTING.mlxc_cases() if TESTING else []
needs_cases = pytest.mark.skipif(not CASES, reason="needs a developer build with MLX: ci/develop")


def declared_functions() -> set[str]:
    found: set[str] = set()
    for header in HEADERS.glob("*.h"):
        text = re.sub(r"/\*[\s\S]*?\*/|^#.*$", "", header.read_text(), flags=re.MULTILINE)
        found |= set(re.findall(r"\b(_?mlx_\w+)\(", text))
    return found


@functools.cache
def named_in_cases() -> set[str]:
    sources = "".join(path.read_text() for path in CASE_SOURCES.glob("mlxc*"))
    return set(re.findall(r"\b_?mlx_\w+\b", re.sub(r'"[^"\n]*"|//.*', "", sources)))


@needs_cases
@pytest.mark.parametrize("name", [case for case in CASES if not case.startswith("error_")])
def test_case(name: str) -> None:
    """The functions that the case calls give the values that arithmetic says they should."""
    assert TESTING is not None
    TESTING.mlxc_run(name)


@needs_cases
@pytest.mark.parametrize("name", [case for case in CASES if case.startswith("error_")])
def test_failing_case(name: str) -> None:
    """A failure reaches the handler, prints nothing and leaves the process running."""
    script = f"from fluxmlx._core import testing; testing.mlxc_run({name!r}); print('alive')"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "alive\n", "")


@needs_cases
def test_unknown_case_is_refused() -> None:
    """A misspelt name raises instead of passing."""
    assert TESTING is not None
    with pytest.raises(ValueError, match="no case 'no_such_case'"):
        TESTING.mlxc_run("no_such_case")


@pytest.mark.parametrize("function", sorted(declared_functions()))
def test_declared_function_is_called(function: str) -> None:
    """Each function that the headers declare is used by the code of a case."""
    assert function in named_in_cases(), f"no case calls {function}: add one to csrc/bind/testing/mlxc_*.cpp"


def test_headers_declare_the_interface() -> None:
    """The search for declarations finds the whole interface, so that the test above can fail."""
    functions = declared_functions()
    assert len(functions) > 200
    assert functions >= {"mlx_matmul", "mlx_fast_rope_dynamic", "_mlx_array_is_available", "_mlx_error"}
