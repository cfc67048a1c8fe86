"""The ladder of csrc/: who may include whom, the same in this table, in CMake and in every source."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"

# Each rung and the rungs it names in CMake; what those name comes with them.
LADDER: dict[str, set[str]] = {
    "base": set(),
    "gguf": {"base"},
    "checkpoint": {"gguf"},
    "quant": {"base"},
    "sample": {"base"},
    "kernels": {"quant"},
    "array": {"base"},
    "cache": {"array", "kernels"},
    "ops": {"array", "kernels", "cache"},
    "load": {"gguf", "quant", "array", "ops"},
    "model": {"load", "ops"},
    "engine": {"model", "sample"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
SOURCES = sorted(p for p in CSRC.rglob("*") if p.suffix in {".h", ".cpp"})


def reachable(rung: str) -> set[str]:
    """The rung itself and every rung below it."""
    return {rung}.union(*(reachable(below) for below in LADDER[rung]))


def includes(source: Path) -> list[tuple[str, str]]:
    """(quote, path) of every include of a source."""
    return INCLUDE.findall(source.read_text(encoding="utf-8"))


def folder(source: Path) -> str:
    return source.relative_to(CSRC).parts[0]


def cmake_rungs() -> dict[str, set[str]]:
    """Rung -> DEPENDS, as CMake declares it; the variants of a folder count as one rung."""
    text = (ROOT / "CMakeLists.txt").read_text() + (ROOT / "cmake/isa.cmake").read_text()
    rungs: dict[str, set[str]] = {}
    for name, rest in re.findall(r"^\s*fluxmlx_rung\((\w+)([^)]*)\)", text, re.MULTILINE):
        depends = re.search(r"DEPENDS((?:\s+[a-z_]+)+)", rest)
        rung = name.split("_")[0]
        found = {word.split("_")[0] for word in depends[1].split()} if depends else set()
        rungs.setdefault(rung, set()).update(found - {rung})
    return rungs


def test_the_table_is_what_cmake_builds() -> None:
    """The table above and the DEPENDS of CMake say the same."""
    assert cmake_rungs() == LADDER


def test_every_folder_is_on_the_ladder() -> None:
    """csrc/ holds the rungs, mlxc and bind, and nothing else."""
    assert {folder(s) for s in SOURCES} <= LADDER.keys() | {"mlxc", "bind"}


@pytest.mark.parametrize("rung", LADDER)
def test_a_rung_includes_only_rungs_below_it(rung: str) -> None:
    """No source of a rung names a header of a folder that its rung does not reach."""
    allowed, folders = reachable(rung), LADDER.keys() | {"bind", "mlxc"}
    wrong = [
        f"{source.relative_to(ROOT)}: {path}"
        for source in SOURCES
        if folder(source) == rung
        for quote, path in includes(source)
        if quote == '"' and path.split("/")[0] in folders - allowed
    ]
    assert not wrong


def test_includes_are_spelled_from_csrc() -> None:
    """Our headers are "folder/file.h", never relative to the source; csrc/mlxc alone has private ones."""
    wrong = [
        f"{source.relative_to(ROOT)}: {path}"
        for source in SOURCES
        for quote, path in includes(source)
        if path.startswith(".") or (quote == '"' and "/" not in path and folder(source) != "mlxc")
    ]
    assert not wrong


def test_python_stays_in_bind() -> None:
    """No source outside csrc/bind includes a header of Python or nanobind."""
    wrong = [
        f"{source.relative_to(ROOT)}: {path}"
        for source in SOURCES
        if folder(source) != "bind"
        for _, path in includes(source)
        if path == "Python.h" or path.startswith("nanobind/")
    ]
    assert not wrong


def test_mlx_headers_stay_in_two_folders() -> None:
    """MLX's C++ headers are included in csrc/ops/cpu and csrc/mlxc only; everything else speaks mlx-c."""
    wrong = [
        f"{source.relative_to(ROOT)}: {path}"
        for source in SOURCES
        if not source.is_relative_to(CSRC / "ops" / "cpu") and folder(source) != "mlxc"
        for _, path in includes(source)
        if path.startswith("mlx/") and not path.startswith("mlx/c/")
    ]
    assert not wrong


RUNG = re.compile(r"^ *(fluxmlx_rung\((?:base|quant)\b[^)]*\))", re.MULTILINE)


def test_the_build_for_arm64_has_the_same_rungs() -> None:
    """It takes a few of them, and names the same folders."""
    ours = set(RUNG.findall((ROOT / "CMakeLists.txt").read_text()))
    assert len(ours) == 2 and set(RUNG.findall((ROOT / "tests/arm64/CMakeLists.txt").read_text())) == ours


TINY = """
cmake_minimum_required(VERSION 3.25)
project(tiny LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 20)
find_package(Threads REQUIRED)
function(fluxmlx_warnings target)
endfunction()
include("{rung}")
fluxmlx_rung(base)
fluxmlx_rung(engine DEPENDS base)
"""


def build_tiny(folder: Path, base_includes: str) -> subprocess.CompletedProcess[str]:
    """Builds two rungs, of which base includes the given header, by our own cmake/rung.cmake."""
    for rung, include in {"base": base_includes, "engine": "base/base.h"}.items():
        (folder / "csrc" / rung).mkdir(parents=True)
        (folder / "csrc" / rung / f"{rung}.h").write_text("#pragma once\n")
        (folder / "csrc" / rung / f"{rung}.cpp").write_text(
            f'#include "{include}"\nint {rung}() {{ return 0; }}\n'
        )
    (folder / "CMakeLists.txt").write_text(TINY.format(rung=ROOT / "cmake" / "rung.cmake"))
    subprocess.run(["cmake", "-S", folder, "-B", folder / "build"], check=True, capture_output=True)
    return subprocess.run(["cmake", "--build", folder / "build"], check=False, capture_output=True, text=True)


@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs cmake on PATH")
@pytest.mark.parametrize(("header", "compiles"), [("base/base.h", True), ("engine/engine.h", False)])
def test_an_upward_include_does_not_compile(tmp_path: Path, header: str, compiles: bool) -> None:
    """A header of a higher rung is not on the include path: it does not compile."""
    built = build_tiny(tmp_path, header)
    assert (built.returncode == 0) is compiles, built.stdout + built.stderr
    assert compiles or header in built.stdout + built.stderr
