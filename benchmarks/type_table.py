"""docs/types.md from runs of compare.py: python benchmarks/type_table.py COMPARE.json...

The runs are pp512 and tg128 of one file for each type, of files that are named by it:
synthetic.py llama-3.2-1b-4-layers IQ2_XS IQ2_XS.gguf --pure. How a type is held is asked of a load of a tiny file.
Needs ci/develop.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import synthetic
from compare_report import selected, table

import fluxmlx
from fluxmlx import _core

PAGE = Path(__file__).resolve().parent.parent / "docs" / "types.md"
HEAD = (
    "type",
    "bits",
    "CPU: held as",
    "bits",
    "MLX's ops: held as",
    "pp512",
    "llama.cpp",
    "ratio",
    "tg128",
    "llama.cpp",
)
HEAD += ("ratio", "of the roof")
INTRODUCTION = """# Tensor types

Every type: the bits of a weight in the file and as our kernels hold it, how MLX's ops hold it, and the speed of both
programs on the same file in turn, tokens per second that are read (pp512) and written (tg128). A model has 4 layers of
Llama-3.2-1B's shape, a vocabulary of 8192 and random weights, all matrices of one type. Roof: the memory bandwidth that
was probed around each run, for the bytes of the file, of which a type that takes more in memory cannot reach all.
"""


def held(folder: Path, name: str, ops: str) -> str:
    """What the load report says of a model of this type."""
    path = folder / f"{name}.gguf"
    if not path.exists():
        synthetic.write(path, "tiny", name, pure=True)
    with fluxmlx.load(path, device="cpu", ops=ops) as engine:
        return next(how for kind, how, *_ in engine.info["tensors"] if kind == name)


def bits(name: str) -> tuple[float, float]:
    """Of a weight, in the file and in memory."""
    from fluxmlx._core import testing

    number, block, size, _ = _core.tensor_types()[name]
    rows, columns = 32, max(block, 256)  # whole strips, also of the widest
    matrix = (number, bytes(rows * columns // block * size), rows, columns)
    packed = testing.pack(matrix)[1] if testing.has_packed(number) else matrix[1]
    return size * 8 / block, 8 * len(packed) / (rows * columns)


def cells(folder: Path, name: str, tests: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    """A row of the table."""
    in_file, in_memory = (f"{n:.4g}" for n in bits(name))
    row = [name, in_file, held(folder, name, "kernels"), in_memory, held(folder, name, "composed")]
    for test in ("pp512", "tg128"):
        ours, peer = tests[test]["ours"]["median"], tests[test]["peer"]["median"]
        row += [f"{ours:.0f}", f"{peer:.0f}", f"**{ours / peer:.2f}**"]
    return (*row, f"{tests['tg128']['ours']['roof']:.0%}")


def page(results: list[dict[str, Any]]) -> str:
    """The page, types in the order of the files."""
    rows: dict[str, dict[str, Any]] = {}
    for result in results:
        for row in result["rows"]:
            rows.setdefault(Path(row["file"]).stem, {})[row["test"]] = row
    with tempfile.TemporaryDirectory() as folder:
        lines = table(HEAD, [cells(Path(folder), name, tests) for name, tests in rows.items()])
    first, sides = results[0], [results[0]["rows"][0][side]["runs"][0]["facts"] for side in ("ours", "peer")]
    busy = sorted(name for name, tests in rows.items() if any(test["problems"] for test in tests.values()))
    notes = [
        f"{first['cpu']}, {first['rows'][0]['threads']} threads, {first['date']}.",
        f"{sides[0]['version']}, commit {first['commit']}, kernels for {sides[0]['flags']}; {sides[1]['version']}.",
        *selected(first),
        f"The machine was not quiet for {', '.join(busy)}." if busy else "",
    ]
    head = "<!-- python benchmarks/type_table.py of runs of benchmarks/compare.py -->\n" + INTRODUCTION
    return "\n".join([head, *lines, "", *filter(None, notes)]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", nargs="+", type=Path, metavar="JSON")
    args = parser.parse_args()
    PAGE.write_text(page([json.loads(path.read_text()) for path in args.results]), encoding="utf-8")


if __name__ == "__main__":
    main()
