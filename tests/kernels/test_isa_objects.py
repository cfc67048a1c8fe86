"""What the object files of the instruction sets offer to the linker."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

BUILD = Path(__file__).parents[2] / "build" / "develop"
ON_ARM = platform.machine() in ("aarch64", "arm64")
FOLDERS = ("neon", "neon_dotprod") if ON_ARM else ("avx2", "avx_vnni", "avx512", "avx512_bf16")
OBJECTS = {isa: sorted(BUILD.glob(f"**/kernels/{isa}/*.o")) for isa in FOLDERS}
NM = shutil.which("nm")
needs_objects = pytest.mark.skipif(
    not all(OBJECTS.values()) or NM is None, reason="needs nm and a developer build: ci/develop"
)


def symbols(path: Path) -> str:
    return subprocess.run([str(NM), "-C", path], check=True, capture_output=True, text=True).stdout


@needs_objects
@pytest.mark.parametrize("isa", OBJECTS)
def test_objects_share_no_function_with_the_rest(isa: str) -> None:
    """Every function that the linker could take from an object is in a namespace of its instruction set's own.

    Otherwise a shared inline function could end up in this form and stop a processor without these instructions.
    """
    for path in OBJECTS[isa]:
        shared = [line for line in symbols(path).splitlines() if re.search(r" [WVuTi] ", line)]
        assert shared
        assert [line for line in shared if f"::{isa}::" not in line] == []


@needs_objects
@pytest.mark.parametrize("isa", OBJECTS)
def test_objects_run_nothing_at_start(isa: str) -> None:
    """No static initialiser is compiled for an instruction set: it would run before the processor was asked."""
    for path in OBJECTS[isa]:
        assert "_GLOBAL__sub_I" not in symbols(path)
