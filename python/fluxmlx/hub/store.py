"""The store: where downloaded models live, and how a file gets in there whole or not at all.

$FLUXMLX_HOME/models/<source>/<package>/<version>/<file>       the model
                                                 <file>.json  what it is; there only once the file is verified
                                        .lock, .tmp-*         of the download that is under way
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path

from fluxmlx.errors import DownloadError
from fluxmlx.hub.progress import Progress

__all__ = [
    "Entry",
    "Shelf",
    "check_space",
    "describe",
    "disk_full",
    "make_private",
    "megabytes",
    "read_note",
    "root",
    "sync_folder",
]

_BAD_PLACE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EEXIST)


@dataclass(frozen=True, slots=True)
class Entry:
    """What the store knows about a verified file; written beside it as JSON."""

    source: str
    file: str
    sha256: str
    size: int
    licence: str


def root() -> Path:
    """The store's folder: $FLUXMLX_HOME, else the platform's cache folder; need not exist yet."""
    override = os.environ.get("FLUXMLX_HOME", "")
    if override:
        return Path(os.path.abspath(os.path.expanduser(override)))
    from platformdirs import user_cache_path

    try:
        folder = user_cache_path("fluxmlx", appauthor=False)
    except RuntimeError:
        folder = Path("~")
    if not folder.is_absolute():  # older versions of platformdirs leave the ~ as it is
        raise DownloadError("there is no home folder to keep models in; set HOME or FLUXMLX_HOME")
    return folder


class Shelf:
    """The folder of one package. All its parts come from names that the grammar has checked."""

    def __init__(self, source: str, package: str) -> None:
        self._root = root()
        self.folder = self._root / "models" / source / package

    def find(self, version: str | None, file: str | None, sha256: str | None = None) -> Path | None:
        """A stored file; without a version or a file name the one that was stored last.

        None where there is none, its length has changed since it was verified, or its hash is not `sha256`.
        """
        pattern = f"{version or '*'}/{file or '*'}.json"
        found = [(note.stat().st_mtime_ns, note) for note in self.folder.glob(pattern)]
        for _, note in sorted(found, reverse=True):
            path, entry = note.with_suffix(""), read_note(note)
            if entry and (sha256 or entry.sha256) == entry.sha256 and self._holds(path, entry.size):
                return path
        return None

    def _holds(self, path: Path, size: int) -> bool:
        try:
            inside = path.resolve().is_relative_to(self._root.resolve())
            return inside and path.is_file() and path.stat().st_size == size
        except OSError:
            return False

    def place(self, version: str, file: str) -> Path:
        """Where a file belongs; its folder exists after the call, and lies in the store."""
        folder = self.folder / version
        with describe(f"cannot make the folder {str(folder)!r}"):
            make_private(folder)
            if not folder.resolve().is_relative_to(self._root.resolve()):
                raise DownloadError(
                    f"{str(folder)!r} leads out of the store {str(self._root)!r}; remove the link"
                )
        return folder / file

    def write_note(self, path: Path, entry: Entry) -> None:
        """Marks a file as verified."""
        note = path.with_name(path.name + ".json")
        partial = note.with_name(note.name + ".partial")
        partial.write_text(json.dumps(asdict(entry), indent=1) + "\n", encoding="utf-8")
        partial.replace(note)
        sync_folder(note.parent)

    @contextlib.contextmanager
    def locked(self, progress: Progress) -> Generator[Path, None, None]:
        """Holds the package's lock, and gives an empty folder on the store's file system for the download.

        A process that finds the lock taken waits. What a killed process left behind is removed first.
        """
        with describe(f"cannot write to the store {str(self._root)!r}"):
            make_private(self.folder)
            lock = os.open(
                self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
        try:
            with describe(f"cannot lock {str(self.folder)!r}"):
                _wait_for(lock, self.folder.name, progress)
                for stale in self.folder.glob(".tmp-*"):
                    shutil.rmtree(stale, ignore_errors=True)
                scratch = Path(tempfile.mkdtemp(prefix=".tmp-", dir=self.folder))
            try:
                yield scratch
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        finally:
            os.close(lock)


@contextlib.contextmanager
def describe(what: str, need: int | None = None) -> Generator[None, None, None]:
    """Turns errors of the operating system into DownloadError; a full disk gets both numbers."""
    try:
        yield
    except DownloadError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(need) from error
        denied = error.errno in (
            errno.EACCES,
            errno.EPERM,
            errno.EROFS,
            errno.ENOENT,
            errno.ENOTDIR,
            errno.EEXIST,
        )
        hint = "; set FLUXMLX_HOME to a folder that you can write to" if denied else ""
        raise DownloadError(f"{what}: {error.strerror or error}{hint}") from error


def check_space(folder: Path, need: int) -> None:
    """Raises DownloadError unless `need` bytes and 1 % fit on the folder's file system."""
    free = shutil.disk_usage(folder).free
    if free < need + need // 100:
        raise disk_full(need)


def disk_full(need: int | None) -> DownloadError:
    """The error for a disk that has no room for `need` bytes; None where the number is unknown."""
    folder = root()
    while not folder.exists():
        folder = folder.parent
    have = megabytes(shutil.disk_usage(folder).free)
    wanted = f"need {megabytes(need)}, " if need else ""
    return DownloadError(f"disk full: {wanted}have {have} in {str(root())!r}; make room, or set FLUXMLX_HOME")


def sync_folder(folder: Path) -> None:
    """Makes renames in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def megabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 1e6:.1f} MB"


def make_private(folder: Path) -> None:
    """Makes a folder and those above it, each only for its owner."""
    for part in reversed([folder, *folder.parents]):
        if not part.is_dir():
            part.mkdir(mode=0o700, exist_ok=True)


def _wait_for(lock: int, package: str, progress: Progress) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        progress.start(f"waiting for another process to fetch {package}", None)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
        finally:
            progress.finish()


def read_note(note: Path) -> Entry | None:
    try:
        return Entry(**json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
