"""Writes the GGUF fuzzer's seed corpus from the numbered bad files: `python tests/fuzz/make_corpus.py`."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "gguf"))

import gguf_builder as b  # noqa: E402
from bad_files import BAD_FILES  # noqa: E402

MAX_BYTES = 512


def tiny_model(version: int) -> bytes:
    """A valid model of a few hundred bytes."""
    kvs = [
        b.kv_string("general.architecture", "llama"),
        b.kv_u32("general.alignment", 8),
        b.kv("split.count", b.UINT16, b"\x02\0"),
        b.kv("x", b.FLOAT64, bytes(8)),
        b.kv_array("t", b.STRING, 2, b.string("a") + b.string("é")),
        b.kv_array("o", b.BOOL, 2, b"\1\0"),
    ]
    rows = [b.tensor("v", [4, 2], b.F32, 0), b.tensor("w", [32], b.Q8_0, 32)]
    return b.build(kvs, rows, bytes(66), version=version, alignment=8)


def seeds() -> dict[str, bytes]:
    """The valid models, and one small file of every number."""
    chosen = {f"valid-{version}": tiny_model(version) for version in (2, 3)}
    numbers: set[int] = set()
    for case in BAD_FILES:
        if case.number not in numbers and 0 < len(case.data) <= MAX_BYTES:
            numbers.add(case.number)
            chosen[case.id] = case.data
    return chosen


def main() -> None:
    folder = HERE / "corpus" / "gguf"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, data in seeds().items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
