"""What the object files of the instruction sets offer to the linker."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

OBJECTS = sorted((Path(__file__).parents[2] / "build" / "develop").glob("**/kernels/avx2/*.o"))
NM = shutil.which("nm")


@pytest.mark.skipif(not OBJECTS or NM is None, reason="needs nm and a developer build with AVX2: ci/develop")
def test_avx2_objects_share_no_function_with_the_rest() -> None:
    """Every function that the linker could take from an AVX2 object is in a namespace of AVX2's own.

    Otherwise a shared inline function could end up in its AVX2 form and stop a processor without AVX2.
    """
    for path in OBJECTS:
        text = subprocess.run([NM, "-C", path], check=True, capture_output=True, text=True).stdout
        shared = [line for line in text.splitlines() if re.search(r" [WVuTi] ", line)]
        assert shared
        assert [line for line in shared if "::avx2::" not in line] == []


@pytest.mark.skipif(not OBJECTS or NM is None, reason="needs nm and a developer build with AVX2: ci/develop")
def test_avx2_objects_run_nothing_at_start() -> None:
    """No static initialiser is compiled with AVX2: it would run before the processor was asked."""
    for path in OBJECTS:
        text = subprocess.run([NM, "-C", path], check=True, capture_output=True, text=True).stdout
        assert "_GLOBAL__sub_I" not in text
