"""What tracked files keep to: size, a core that never prints or aborts, nothing of anybody's machine."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python" / "fluxmlx"
GIT = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
TRACKED = [ROOT / name for name in GIT.stdout.split("\0") if name and (ROOT / name).is_file()]
needs_git = pytest.mark.skipif(not TRACKED, reason="needs a git checkout")

MAX_LINES = 250
HARD_STOP = 400
# Files that are longer than MAX_LINES for a reason; none may pass the hard stop.
LONGER = {
    "tests/gguf/bad_files.py",  # one table, a row for each way to damage a file
    "tests/engine/test_engine.py",  # one engine, from load to close
}


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def sources(*suffixes: str) -> list[Path]:
    """Tracked sources with one of the suffixes; generated code and tables of data are not sources."""
    return [p for p in TRACKED if p.suffix in suffixes and not name(p).startswith("external/")]


@needs_git
def test_files_are_short() -> None:
    """A file holds one idea; the unrolled bodies of csrc/kernels alone may be long."""
    sized = {name(p): len(lines(p)) for p in sources(".py", ".h", ".cpp") if "csrc/kernels/" not in name(p)}
    too_long = {n: size for n, size in sized.items() if size > (HARD_STOP if n in LONGER else MAX_LINES)}
    assert not too_long


FORBIDDEN_CALL = re.compile(
    r"\b(?:std::)?(?:v?f?printf|puts|abort|exit|_exit|quick_exit|terminate)\s*\(|\bassert\s*\(|std::(?:cout|cerr|clog)\b"
)


def without_comments(text: str) -> str:
    """C++ without its comments and string literals."""
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', '""', text, flags=re.DOTALL)


@needs_git
def test_the_core_does_not_print_or_end_the_process() -> None:
    """Nothing in csrc/ prints, aborts, exits or asserts: bad input becomes an exception."""
    wrong = [
        f"{name(p)}: {call}"
        for p in sources(".h", ".cpp")
        if name(p).startswith("csrc/")
        for call in FORBIDDEN_CALL.findall(without_comments(p.read_text(encoding="utf-8")))
    ]
    assert not wrong


# Spelled in pieces, so that this file does not contain what it looks for.
MACHINE = re.compile(
    "|".join(["/wor" + "k/", "/ro" + "ot/", "/ho" + r"me/\w+/", "/Use" + r"rs/\w+/", "/tm" + "p/wt"])
)
REGISTRY = re.compile(
    "|".join([r"pypi\." + "org", r"pythonhosted\." + "org", r"registry\." + "npmjs", r"proxy\." + "golang"])
)


@needs_git
@pytest.mark.parametrize("pattern", [MACHINE, REGISTRY], ids=["paths of a machine", "hosts of a registry"])
def test_nothing_of_anybodys_machine_is_tracked(pattern: re.Pattern[str]) -> None:
    """No tracked file names a folder of somebody's machine or the host of a package registry."""
    wrong = [
        f"{name(p)}:{number}: {line.strip()[:80]}"
        for p in TRACKED
        if b"\0" not in p.read_bytes()[:1024]
        for number, line in enumerate(lines(p), 1)
        if pattern.search(line)
    ]
    assert not wrong


def offers_something(module: Path) -> bool:
    """Whether a module is more than its docstring."""
    return len(ast.parse(module.read_text(encoding="utf-8")).body) > 1


def public_modules() -> list[Path]:
    """The modules a user imports: those at the top of the package, and each folder's own."""
    return [
        p
        for p in sorted([*PACKAGE.glob("*.py"), *PACKAGE.glob("*/__init__.py")])
        if (p.name == "__init__.py" or not p.name.startswith("_")) and offers_something(p)
    ]


@pytest.mark.parametrize("module", public_modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_public_modules_name_what_they_offer(module: Path) -> None:
    """Every public module has an `__all__`."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    found = [
        node.value
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id == "__all__"
    ]
    assert found, "no __all__"


def folders(top: Path) -> set[str]:
    """The folders of a tree that hold tracked files."""
    return {
        p.relative_to(top).parts[0]
        for p in TRACKED
        if p.is_relative_to(top) and len(p.relative_to(top).parts) > 1
    }


@needs_git
@pytest.mark.parametrize("top", ["csrc", "python/fluxmlx"])
def test_the_map_names_every_folder(top: str) -> None:
    """docs/structure.md has a line for each folder of the core and of the package."""
    page = (ROOT / "docs" / "structure.md").read_text(encoding="utf-8")
    missing = {f for f in folders(ROOT / top) if f"`{f}/`" not in page}
    assert not missing
