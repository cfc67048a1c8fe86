"""One blob from the network into the store: joined, resumed, retried, verified."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import time
from collections.abc import Generator
from pathlib import Path

from fluxmlx.errors import DownloadError
from fluxmlx.hub.blobs import Blobs, digest_of, open_locked
from fluxmlx.hub.details import PullRecord
from fluxmlx.hub.manifest import Layer
from fluxmlx.hub.retries import Retries
from fluxmlx.hub.store import check_space, describe, make_private, sync_folder
from fluxmlx.hub.transport import BadStatus, Reply, Source, get

__all__ = ["Records", "download", "read_small"]

Records = Generator[PullRecord, None, None]

_TICK_S = 0.1  # between two records
_CHUNK = 1 << 18
_RANGE = re.compile(r"bytes (\d{1,17})-\d{1,17}/(\d{1,17}|\*)", re.ASCII)
_NETWORK = (BadStatus, http.client.HTTPException, OSError)


class _Unusable(Exception):
    """What has arrived so far cannot be continued."""


def download(source: Source, blob: Layer, blobs: Blobs, *, login: str = "") -> Records:
    """Brings a blob into the store, and tells how far it is. Where somebody is at it already, waits for that.

    Dropping the iterator leaves a partial file, which the next download continues.

    Args:
        login: what a person can do where the server asks who they are.

    Raises:
        ModelNotFoundError: the server has no such blob.
        DownloadError: it cannot be had, is not what its digest says, or the disk is full.
    """
    final = blobs.path(blob.digest)
    partial = final.with_name(final.name + ".partial")
    with describe(f"cannot write to {str(blobs.folder)!r}", blob.size):
        make_private(blobs.folder)
        while not blobs.has(blob):
            with contextlib.ExitStack() as stack:
                try:
                    handle = stack.enter_context(open_locked(partial))
                except BlockingIOError:
                    yield record(blob, _size(partial))
                    time.sleep(_TICK_S)
                    continue
                if blobs.has(blob):  # finished between the look and the lock
                    partial.unlink(missing_ok=True)
                elif _is(handle, partial):
                    yield from _fill(
                        source, blob, partial, handle, Retries(f"{blob.kind} {blob.digest}", login=login)
                    )
                    os.fsync(handle)
                    partial.replace(final)
                    sync_folder(blobs.folder)
    yield record(blob, blob.size)


def read_small(source: Source, what: str, limit: int, *, login: str = "") -> bytes:
    """A document of at most `limit` bytes."""
    retries = Retries(what, login=login)
    while True:
        try:
            with get(source) as reply:
                data = reply.body.read(limit + 1)
                if len(data) > limit:
                    raise DownloadError(f"{what} has more than {limit} bytes; it is not used")
                return data
        except DownloadError:
            raise
        except _NETWORK as error:
            time.sleep(retries.pause(error))


def record(blob: Layer, completed: int) -> PullRecord:
    """How far a blob is."""
    short = blob.digest.removeprefix("sha256:")[:12]
    return PullRecord(f"pulling {short}", blob.digest, blob.size, min(completed, blob.size))


def _fill(source: Source, blob: Layer, partial: Path, handle: int, retries: Retries) -> Records:
    """Fills the partial file until its digest is the right one."""
    restarted = False
    while True:
        start = os.fstat(handle).st_size
        if start > blob.size:
            os.ftruncate(handle, start := 0)
        try:
            if start != blob.size:
                check_space(partial.parent, blob.size - start)
                yield from _receive(source, blob, handle, start)
            if (found := digest_of(partial)) != blob.digest:
                raise _Unusable(f"what arrived for {blob.digest} has {found}")
            return
        except DownloadError:
            raise
        except _Unusable as error:
            os.ftruncate(handle, 0)
            if restarted or start == 0:
                partial.unlink(missing_ok=True)
                raise DownloadError(f"{error}; it was discarded") from None
            restarted = True
        except _NETWORK as error:
            pause = retries.pause(error, advanced=os.fstat(handle).st_size - start)
            until = time.monotonic() + pause
            while (left := until - time.monotonic()) > 0:
                yield record(blob, os.fstat(handle).st_size)
                time.sleep(min(left, _TICK_S))


def _receive(source: Source, blob: Layer, handle: int, start: int) -> Records:
    """Appends what the server sends to the `start` bytes that are there."""
    try:
        with get(source, start=start) as reply:
            start = _agree(reply, blob, start)
            os.ftruncate(handle, start)
            os.lseek(handle, start, os.SEEK_SET)
            yield record(blob, start)
            yield from _append(reply, blob, handle, start)
    except BadStatus as error:
        if error.status == 416 and start:
            raise _Unusable(str(error)) from None
        raise


def _append(reply: Reply, blob: Layer, handle: int, done: int) -> Records:
    told = time.monotonic()
    while done < blob.size:
        chunk = reply.body.read1(min(_CHUNK, blob.size - done))
        if not chunk:
            raise ConnectionError(f"the connection ended {blob.size - done} bytes early")
        _write(handle, chunk, blob.size)
        done += len(chunk)
        if time.monotonic() - told >= _TICK_S:
            told = time.monotonic()
            yield record(blob, done)
    if reply.length is None and reply.body.read1(1):
        raise _Unusable(f"more than {blob.size} bytes arrived for {blob.digest}")


def _agree(reply: Reply, blob: Layer, start: int) -> int:
    """The place that the body begins at; raises _Unusable where it does not fit the file that we want."""
    if reply.status == 200:
        start = 0  # no ranges here: the file comes whole
    else:
        found = _RANGE.fullmatch(reply.headers.get("Content-Range", ""))
        if not found or int(found[1]) != start or found[2] not in ("*", str(blob.size)):
            raise _Unusable(f"another part than the one asked for came of {blob.digest}")
    if reply.length is not None and reply.length != blob.size - start:
        raise _Unusable(
            f"{start + reply.length} bytes are offered for {blob.digest}, and {blob.size} were promised"
        )
    return start


def _write(handle: int, chunk: bytes, need: int) -> None:
    with describe("cannot write", need):
        view = memoryview(chunk)
        while view:
            view = view[os.write(handle, view) :]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _is(handle: int, path: Path) -> bool:
    """Whether the open file is still the one that goes by this name."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False
