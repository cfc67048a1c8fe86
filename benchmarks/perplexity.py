"""Perplexity here and in llama.cpp, of the same text: python benchmarks/perplexity.py MODEL...

The text is perplexity.txt beside this file, unless --text names another; windows are those of `llama-perplexity`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import fluxmlx

HERE = Path(__file__).resolve().parent
TEXT = HERE / "perplexity.txt"


def ours(path: Path | str, text: Path, threads: int, chunks: int | None = None) -> fluxmlx.Perplexity:
    """By our default path of this machine."""
    with fluxmlx.load(path, threads=threads) as engine:
        return engine.perplexity(text.read_text(encoding="utf-8"), ctx=512, chunks=chunks)


def peer(
    python: str, path: Path | str, text: Path, threads: int, chunks: int | None = None
) -> dict[str, Any]:
    """By llama.cpp, which makes its own tokens of the text."""
    command = [python, str(HERE / "peer_perplexity.py"), str(path), str(text), "--threads", str(threads)]
    if chunks:
        command += ["--chunks", str(chunks)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--text", type=Path, default=TEXT)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--chunks", type=int)
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter with llama-cpp-python")
    args = parser.parse_args()
    print("| file | tokens | fluxmlx | llama.cpp | difference |\n|---|---:|---:|---:|---:|")
    for path in args.models:
        found = ours(path, args.text, args.threads, args.chunks)
        theirs = peer(args.peer_python, path, args.text, args.threads, args.chunks)
        difference = found.perplexity / theirs["perplexity"] - 1
        print(
            f"| {path.name} | {found.n_tokens} | {found.perplexity:.4f} | {theirs['perplexity']:.4f} | "
            f"{difference:+.3%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
