"""Files of what was read of a prompt, so that another process need not read it again."""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from fluxmlx.errors import InvalidArgumentError, ModelFileError

__all__ = ["BLOCK", "Saved", "read", "write"]

BLOCK = 64  # tokens of a cache block; whole ones are saved

# The file: the mark, the header's length, the header as JSON, token ids, keys and values, SHA-256 of all before it.
_MARK = b"fluxmlx prefix 1"
_LENGTH = struct.Struct("<I")
_SHAPE = ("cache_type", "n_layers", "n_kv_heads", "head_dim")
_SHARD = re.compile(r"(.*)-\d{5}-of-(\d{5})\.gguf")


@dataclass(frozen=True, slots=True)
class Saved:
    """Tokens, a multiple of BLOCK, and the memory of their keys and values."""

    tokens: list[int]
    memory: bytes


def write(path: str | os.PathLike[str], info: dict[str, Any], saved: Saved) -> None:
    """Writes the file whole or not at all; `info` is that of the engine.

    Raises:
        OSError: the system refused.
    """
    header = json.dumps(
        _identity(info) | {"n_tokens": len(saved.tokens), "n_bytes": len(saved.memory)}
    ).encode()
    tokens = struct.pack(f"<{len(saved.tokens)}i", *saved.tokens)
    content = b"".join((_MARK, _LENGTH.pack(len(header)), header, tokens, saved.memory))
    part = Path(f"{os.fspath(path)}.{os.getpid()}.part")
    try:
        part.write_bytes(content + hashlib.sha256(content).digest())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read(path: str | os.PathLike[str], info: dict[str, Any]) -> Saved:
    """Reads such a file for the engine with this `info`.

    Raises:
        ModelFileError: it is no such file, damaged, or not of this model and type of cache.
        OSError: the system refused.
    """
    content, name = Path(path).read_bytes(), os.fspath(path)
    start = len(_MARK) + _LENGTH.size
    if len(content) < start + hashlib.sha256().digest_size or not content.startswith(_MARK):
        raise ModelFileError(f"{name} is not a file of save_prefix()")
    body, check = content[:-32], content[-32:]
    if hashlib.sha256(body).digest() != check:
        raise ModelFileError(f"{name} is damaged or cut short: its checksum is wrong; save it again")
    (length,) = _LENGTH.unpack_from(body, len(_MARK))
    try:
        header = json.loads(body[start : start + length])
        differs = next((key for key, value in _identity(info).items() if header[key] != value), None)
        n_tokens = int(header["n_tokens"])
        tokens = struct.unpack_from(f"<{n_tokens}i", body, start + length)
    except (KeyError, TypeError, ValueError, struct.error) as error:
        raise ModelFileError(f"{name} has a header that save_prefix() does not write: {error}") from None
    if differs:
        mine = _identity(info)[differs]
        raise ModelFileError(
            f"{name} is of another model or cache: its {differs} is {header[differs]}, not {mine}"
        )
    return Saved(list(tokens), body[start + length + 4 * n_tokens :])


def check_length(n_tokens: int) -> int:
    """How many of a prompt's tokens are saved.

    Raises:
        InvalidArgumentError: none.
    """
    if n_tokens < BLOCK:
        raise InvalidArgumentError(
            f"the prompt has {n_tokens} tokens; expected {BLOCK} or more, which are one block"
        )
    return n_tokens // BLOCK * BLOCK


def _identity(info: dict[str, Any]) -> dict[str, Any]:
    """What keys and values depend on, besides the tokens."""
    return {"model": _digest(info["path"], info["file_bytes"])} | {key: info[key] for key in _SHAPE}


@lru_cache(maxsize=8)
def _digest(path: str, n_bytes: int) -> str:
    """SHA-256 of a model's file, or of all files of a split set or a checkpoint one after the other."""
    split = _SHARD.fullmatch(path)
    paths = [path]
    if os.path.isdir(path):
        paths = [
            str(file) for file in sorted(Path(path).iterdir()) if file.suffix in (".json", ".safetensors")
        ]
    elif split:
        paths = [f"{split[1]}-{i + 1:05}-of-{split[2]}.gguf" for i in range(int(split[2]))]
    whole = hashlib.sha256(str(n_bytes).encode())
    for each in paths:
        with open(each, "rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()
