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
from fluxmlx.checkpoint import is_checkpoint, open_model
from fluxmlx.cli.machine import cpu_model

__all__ = ["cache_bytes", "describe"]

HERE = Path(__file__).resolve().parent


def cache_bytes(path: str, cache_type: str = "f16") -> int:
    """Bytes of a key/value cache for one position, from the file's own dimensions."""
    metadata = open_model(Path(path)).metadata
    arch = metadata["general.architecture"]
    heads = metadata[f"{arch}.attention.head_count"]
    width = metadata.get(f"{arch}.attention.key_length") or metadata[f"{arch}.embedding_length"] // heads
    n_heads = metadata.get(f"{arch}.attention.head_count_kv", heads) * metadata[f"{arch}.block_count"]
    return int(2 * n_heads * width * {"f16": 2, "q8_0": 34 / 32}[cache_type])


def identity(path: Path) -> dict[str, Any]:
    """Digest and size of a file, or of a folder's weights one behind the other."""
    digest, n_bytes = hashlib.sha256(), 0
    for part in sorted(path.glob("*.safetensors")) if is_checkpoint(path) else [path]:
        with part.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
                n_bytes += len(piece)
    return {"sha256": digest.hexdigest(), "bytes": n_bytes}


def describe(paths: list[str]) -> dict[str, Any]:
    """What the numbers were measured with."""
    commit = subprocess.run(
        ["git", "-C", HERE, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": cpu_model(),
        "processors": os.cpu_count(),
        "platform": platform.platform(),
        "commit": commit.stdout.strip(),
        "cpu_isa": _core.info()["cpu_isa"],
        "files": {Path(path).name: identity(Path(path)) for path in paths},
    }
