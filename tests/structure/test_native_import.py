"""What a user reads where the native core cannot be imported, or cannot run a model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import fluxmlx
from fluxmlx.errors import EngineError, UnsupportedModelError

PACKAGE = Path(fluxmlx.__file__).parent
NO_LIBRARY = "libmlx.so: cannot open shared object file: No such file or directory"
OTHER_MLX = "_core.abi3.so: undefined symbol: _ZN3mlx4core4evalE"
BUILT = {"has_mlx": True, "mlx_version": "9.9.9", "mlx_built_for": "9.9.9", "mlx_c": "csrc/mlxc"}


def run_without_core(folder: Path, text: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs Python with a copy of the package whose core fails to load with this text."""
    copy = folder / "fluxmlx"
    copy.mkdir()
    for item in PACKAGE.iterdir():
        if not item.name.startswith(("_core", "__pycache__")):
            (copy / item.name).symlink_to(item)
    (copy / "_core.py").write_text(f"raise ImportError({text!r})\n")
    start = f"import sys; sys.path.insert(0, {str(folder)!r}); "
    return subprocess.run(
        [sys.executable, "-c", start + command[0], *command[1:]], capture_output=True, text=True, check=False
    )


def test_the_package_itself_imports_without_its_core(tmp_path: Path) -> None:
    """`import fluxmlx` succeeds where MLX's library is missing, and still knows its names and version."""
    ran = run_without_core(tmp_path, NO_LIBRARY, "import fluxmlx; print('load' in dir(fluxmlx))")
    assert (ran.returncode, ran.stdout) == (0, "True\n"), ran.stderr


def test_a_missing_libmlx_names_the_extras(tmp_path: Path) -> None:
    """`fluxmlx.load` without libmlx is one ImportError that names all three extras."""
    ran = run_without_core(tmp_path, NO_LIBRARY, "import fluxmlx; fluxmlx.load('model.gguf')")
    last = ran.stderr.splitlines()[-1]
    assert last.startswith("ImportError: MLX's own library is missing")
    assert all(f"fluxmlx[{extra}]" in last for extra in ("cpu", "cuda12", "cuda13"))


@pytest.mark.parametrize("verb", ["run {} Hello", "show {}"])
def test_the_command_line_says_it_in_one_line(tmp_path: Path, verb: str) -> None:
    """A verb that needs the core ends with one line that names the extras, and exit code 1."""
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    main = "from fluxmlx.cli import main; main()"
    ran = run_without_core(tmp_path, NO_LIBRARY, main, *verb.format(tmp_path / "m.gguf").split())
    assert ran.returncode == 1 and ran.stderr.count("\n") == 1 and "fluxmlx[cpu]" in ran.stderr


def test_info_reports_it_and_goes_on(tmp_path: Path) -> None:
    """`fluxmlx info` without libmlx prints the reason beside what else it knows, and ends with exit code 1."""
    ran = run_without_core(tmp_path, NO_LIBRARY, "from fluxmlx.cli import main; main()", "info")
    assert ran.returncode == 1 and "fluxmlx[cpu]" in ran.stdout and "platform" in ran.stdout


def test_another_mlx_is_called_that(tmp_path: Path) -> None:
    """A symbol that the installed MLX lacks is reported as the wrong version of MLX, not as a missing one."""
    ran = run_without_core(tmp_path, OTHER_MLX, "import fluxmlx; fluxmlx.load('model.gguf')")
    last = ran.stderr.splitlines()[-1]
    assert "the installed MLX is not the version that this fluxmlx was built for" in last
    assert OTHER_MLX in last and ("pip install" in last or "reinstall fluxmlx" in last)


def test_a_core_of_another_mlx_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An MLX of another version that happens to load is refused with both versions and the command."""
    native = pytest.importorskip("fluxmlx._native")
    monkeypatch.setattr(native, "info", lambda: BUILT | {"mlx_version": "9.9.8"})
    with pytest.raises(EngineError, match=r"built for MLX 9\.9\.9 and found 9\.9\.8: pip install 'mlx"):
        native.require_engine()


def test_a_core_without_mlx_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """`load` on a build without MLX is an UnsupportedModelError that says what still works."""
    native = pytest.importorskip("fluxmlx._native")
    monkeypatch.setattr(native, "info", lambda: {"has_mlx": False})
    with pytest.raises(UnsupportedModelError, match="built without MLX: it reads GGUF files and tokenizes"):
        native.require_engine()
