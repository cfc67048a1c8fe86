"""What a comparison was measured with: the machine, our commit, the files."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

from fluxmlx import _core
from fluxmlx.cli.machine import cpu_model

__all__ = ["cache_bytes", "describe"]

HERE = Path(__file__).resolve().parent


def cache_bytes(path: str, cache_type: str = "f16") -> int:
    """Bytes of a key/value cache for one position, from the file's own dimensions."""
    metadata = _core.GgufFile(path).metadata
    arch = metadata["general.architecture"]
    heads = metadata[f"{arch}.attention.head_count"]
    width = metadata.get(f"{arch}.attention.key_length") or metadata[f"{arch}.embedding_length"] // heads
    n_heads = metadata.get(f"{arch}.attention.head_count_kv", heads) * metadata[f"{arch}.block_count"]
    return int(2 * n_heads * width * {"f16": 2, "q8_0": 34 / 32}[cache_type])


def describe(paths: list[str]) -> dict[str, Any]:
    """What the numbers were measured with."""
    commit = subprocess.run(
        ["git", "-C", HERE, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    files = {}
    for path in paths:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        files[Path(path).name] = {"sha256": digest, "bytes": Path(path).stat().st_size}
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": cpu_model(),
        "processors": os.cpu_count(),
        "platform": platform.platform(),
        "commit": commit.stdout.strip(),
        "cpu_isa": _core.info()["cpu_isa"],
        "files": files,
    }
