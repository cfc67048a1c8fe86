"""Blobs: files named by the SHA-256 of what is in them, in Ollama's layout.

blobs/sha256-<64 hex>          whole and verified
      sha256-<64 hex>.partial  a download that is under way or was broken off; its holder has the lock on it
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import BinaryIO

from fluxmlx.errors import DownloadError
from fluxmlx.hub.manifest import DIGEST, Layer
from fluxmlx.hub.store import check_space, describe, make_private, sync_folder

__all__ = ["Blobs", "digest_of"]


class Blobs:
    """The blobs of one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where a blob is, or belongs."""
        if not DIGEST.fullmatch(digest):
            raise DownloadError(f"{digest[:80]!r} is not a digest; expected sha256:<64 hex digits>")
        return self.folder / digest.replace(":", "-")

    def has(self, blob: Layer) -> bool:
        """Whether the blob is there with its size; its bytes were verified when it came."""
        try:
            return self.path(blob.digest).stat().st_size == blob.size
        except OSError:
            return False

    def read(self, blob: Layer, limit: int = 4 << 20) -> str:
        """The text of a small blob."""
        path = self.path(blob.digest)
        if blob.size > limit:
            raise DownloadError(
                f"the {blob.kind} {blob.digest} has {blob.size} bytes; at most {limit} are read"
            )
        with describe(f"cannot read {str(path)!r}"):
            return path.read_bytes()[:limit].decode("utf-8", "replace")

    def write(self, kind: str, data: bytes) -> Layer:
        """Keeps a small blob."""
        return self.add(kind, [data], need=len(data))

    def add(self, kind: str, chunks: Iterable[bytes], *, need: int = 0, digest: str | None = None) -> Layer:
        """Keeps bytes as they come; with a digest, they must have it.

        Raises:
            DownloadError: the digest is another one, or the disk is full.
        """
        expected = self.path(digest).name if digest else None
        with describe(f"cannot write to {str(self.folder)!r}", need):
            make_private(self.folder)
            check_space(self.folder, need)
            handle, name = tempfile.mkstemp(prefix=".new-", dir=self.folder)
            try:
                with os.fdopen(handle, "wb") as out:
                    found, size = _copy(chunks, out)
                if expected and found.replace(":", "-") != expected:
                    raise DownloadError(f"digest mismatch, expected {digest!r}, got {found!r}")
                os.replace(name, self.path(found))
                sync_folder(self.folder)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name)
        return Layer(kind, found, size)

    def adopt(self, source: Path, blob: Layer) -> None:
        """Makes a blob of a file elsewhere that is known to have its bytes, without a copy."""
        target = self.path(blob.digest)
        if self.has(blob):
            return
        with describe(f"cannot link {str(target)!r}"):
            make_private(self.folder)
            target.unlink(missing_ok=True)  # a link that leads nowhere any more
            try:
                os.link(source.resolve(), target)
            except OSError:  # another file system, or not ours
                target.symlink_to(source.absolute())

    def remove(self, digest: str) -> None:
        """Takes a blob away, and what there is of a download of it that nobody is at."""
        path = self.path(digest)
        with describe(f"cannot remove {str(path)!r}"):
            path.unlink(missing_ok=True)
            partial = path.with_name(path.name + ".partial")
            with contextlib.suppress(FileNotFoundError, BlockingIOError), open_locked(partial, create=False):
                partial.unlink()


@contextlib.contextmanager
def open_locked(path: Path, *, create: bool = True) -> Generator[int]:
    """A file with its lock; raises BlockingIOError where somebody else has that."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
    handle = os.open(path, flags, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield handle
    finally:
        os.close(handle)


def digest_of(path: Path) -> str:
    """sha256:<hex digits> of a file."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def _copy(chunks: Iterable[bytes], out: BinaryIO) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        out.write(chunk)
    out.flush()
    os.fsync(out.fileno())
    return f"sha256:{digest.hexdigest()}", size
