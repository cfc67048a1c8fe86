"""Checkpoints of a Hugging Face repository: which of its files are wanted, never code and never pickles."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fluxmlx.errors import DownloadError, ModelNotFoundError

__all__ = ["KIND", "TITLE", "Wanted", "check_bytes", "wanted"]

KIND = "checkpoint"  # of the layers: one for each file
TITLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,180}\.(?:safetensors|json|jinja|model)", re.ASCII)
SMALL_BYTES = 64 << 20  # of a file that the repository holds outside its large file storage
_MOST_FILES = 99  # layers of a manifest
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SHA1 = re.compile(r"[0-9a-f]{40}", re.ASCII)
_TEXTS = frozenset({
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "chat_template.json", "chat_template.jinja", "model.safetensors.index.json", "tokenizer.model",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of the repository; one of the two digests is there."""

    path: str
    size: int
    sha256: str | None  # of a file in large file storage
    git_sha1: str | None  # of git's blob, where the file is in the repository itself


def wanted(repository: str, siblings: Iterable[Any]) -> list[Wanted]:
    """The files of the checkpoint in a repository, config.json first.

    Raises:
        ModelNotFoundError: it holds none: no config.json with safetensors files.
        DownloadError: it has too many files, or one that has no digest.
    """
    found = [_file(sibling) for sibling in siblings if _is_wanted(str(sibling.rfilename))]
    names = [file.path for file in found]
    if "config.json" not in names or not any(name.endswith(".safetensors") for name in names):
        raise ModelNotFoundError(
            f"{repository} has no GGUF file, and no checkpoint of config.json and model*.safetensors either"
        )
    if len(found) > _MOST_FILES:
        raise DownloadError(
            f"{repository} has a checkpoint of {len(found)} files; at most {_MOST_FILES} are fetched"
        )
    return sorted(found, key=lambda file: (file.path != "config.json", file.path))


def check_bytes(file: Wanted, data: bytes) -> None:
    """Raises DownloadError where the bytes are not those that the repository lists."""
    found = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    if found != file.git_sha1:
        raise DownloadError(f"what arrived for {file.path} has the git digest {found}, not {file.git_sha1}")


def _is_wanted(name: str) -> bool:
    if TITLE.fullmatch(name) is None:
        return False
    return name in _TEXTS or (name.startswith("model") and name.endswith(".safetensors"))


def _file(sibling: Any) -> Wanted:
    lfs = sibling.lfs
    if lfs and _SHA256.fullmatch(str(lfs.sha256)):
        return Wanted(str(sibling.rfilename), int(lfs.size), str(lfs.sha256), None)
    if not _SHA1.fullmatch(str(sibling.blob_id)):
        raise DownloadError(f"the repository lists {sibling.rfilename} without a digest")
    return Wanted(str(sibling.rfilename), int(sibling.size or 0), None, str(sibling.blob_id))
