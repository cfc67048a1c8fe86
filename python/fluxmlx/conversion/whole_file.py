"""A file that is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import BinaryIO

from fluxmlx.errors import InvalidArgumentError, ModelIOError

__all__ = ["check_folder", "check_target", "whole_file", "whole_folder"]


def check_target(target: Path, sources: Sequence[Path], n_bytes: int, *, force: bool) -> None:
    """Raises where a file must not or cannot be written at `target`.

    Raises:
        InvalidArgumentError: it is one of the sources, or is there already and `force` is not given.
        ModelIOError: its folder is missing, or has no room for so many bytes.
    """
    if not target.absolute().parent.is_dir():
        raise ModelIOError(f"the folder of {target} does not exist; make it first")
    if target.exists():
        if any(source.exists() and os.path.samefile(target, source) for source in sources):
            raise InvalidArgumentError(f"{target} is what is converted; name another file")
        if target.is_dir() or not force:
            raise InvalidArgumentError(
                f"{target} exists already; remove it, name another file, or give --force"
            )
    _check_room(target, n_bytes)


def check_folder(target: Path, n_bytes: int) -> None:
    """Raises where a folder with files of so many bytes cannot be made at `target`.

    Raises:
        InvalidArgumentError: something is there already.
        ModelIOError: the folder around it is missing, or has no room.
    """
    if target.exists():
        raise InvalidArgumentError(f"{target} exists already; remove it, or name another folder")
    if not target.absolute().parent.is_dir():
        raise ModelIOError(f"the folder of {target} does not exist; make it first")
    _check_room(target, n_bytes)


def _check_room(target: Path, n_bytes: int) -> None:
    free = shutil.disk_usage(target.absolute().parent).free
    if n_bytes > free:
        raise ModelIOError(f"{target} will have {n_bytes} bytes, and its file system has {free} left")


@contextlib.contextmanager
def whole_file(target: Path) -> Generator[BinaryIO]:
    """A file beside the target that takes its name when all went well, and is gone when something did not."""
    with _taking_name(target) as partial, partial.open("xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def whole_folder(target: Path) -> Generator[Path]:
    """A folder beside the target that takes its name when all went well, and is gone when something did not."""
    with _taking_name(target) as partial:
        partial.mkdir()
        yield partial


@contextlib.contextmanager
def _taking_name(target: Path) -> Generator[Path]:
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(target)
    except ModelIOError:
        raise
    except OSError as error:
        raise ModelIOError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)
