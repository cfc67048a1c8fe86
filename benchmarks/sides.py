"""The two sides of compare.py as processes: ours, and the peer that runs the same model.

A GGUF file is llama.cpp's too, with each of its settings; a folder with safetensors is mlx-lm's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from fluxmlx.checkpoint import is_checkpoint
from fluxmlx.cli.measuring import Case

__all__ = ["commands_of", "peer_of"]

HERE = Path(__file__).resolve().parent


def peer_of(paths: Iterable[str]) -> str:
    """Who runs these models as well.

    Raises:
        SystemExit: not one program runs them all.
    """
    found = {"mlx-lm" if is_checkpoint(Path(path)) else "llama.cpp" for path in paths}
    if len(found) > 1:
        raise SystemExit("files for llama.cpp and folders for mlx-lm: compare them one after the other")
    return found.pop()


def commands_of(path: str, test: Case, threads: int, args: argparse.Namespace) -> dict[str, list[str]]:
    """Of ours and of each setting of the peer; llama.cpp keeps q8_0 with flash attention only."""
    ours = [sys.executable, str(HERE / "ours.py"), path, "--test", spelled(test)]
    ours += ["--threads", str(threads), "--cache-type", args.cache_type]
    if peer_of([path]) == "mlx-lm":
        return {"ours": ours, "its own cache": _peer(args.peer_python, "peer_mlx.py", path, test, threads)}
    settings = {"flash attention": (), "no flash attention": ("--no-flash-attention",)}
    if args.flash != "both":
        settings.pop("no flash attention" if args.flash == "on" else "flash attention")
    if args.cache_type == "q8_0":
        settings["flash attention, q8_0"] = ("--cache-type", "q8_0")
    return {"ours": ours} | {
        name: _peer(args.peer_python, "peer_llama.py", path, test, threads, *flags)
        for name, flags in settings.items()
    }


def spelled(test: Case) -> str:
    """What parse_test() reads."""
    depth, parallel = (
        f"@d{test.depth}" if test.depth else "",
        f"x{test.parallel}" if test.parallel > 1 else "",
    )
    return f"{test.kind}{test.n}{depth}{parallel}"


def _peer(python: str, script: str, path: str, test: Case, threads: int, *flags: str) -> list[str]:
    numbers = [str(test.n), str(test.depth), str(test.parallel)]
    return [python, str(HERE / script), path, test.kind, *numbers, "--threads", str(threads), *flags]
