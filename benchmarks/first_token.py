"""From nothing to the first token, fluxmlx and llama.cpp in turn: python benchmarks/first_token.py FILE...

Every measurement is a process of its own: it starts Python, loads the file, reads a prompt given as text and chooses
one token. Reported are the medians of the time from the start of the process, and from the call that loads, when the
package itself is imported. One run of each comes before, so that the file and the libraries are in the page cache and
Python has compiled them.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
PROMPT = "The capital of France is"


def ours(path: str, threads: int) -> float:
    """Seconds from the call that loads to the first token, through the public engine."""
    import fluxmlx

    begin = time.perf_counter()
    with fluxmlx.load(path, threads=threads) as engine:
        next(iter(engine.stream(PROMPT, max_tokens=1, temperature=0, ignore_eos=True)))
        return time.perf_counter() - begin


def llama(path: str, threads: int) -> float:
    """The same through llama.cpp's low-level calls."""
    import numpy as np
    from peer_llama import Peer, api

    begin = time.perf_counter()
    peer = Peer(path, threads, flash=True)
    peer.open(512, 1)
    text = PROMPT.encode()
    tokens = (ctypes.c_int32 * 64)()
    vocabulary = api.llama_model_get_vocab(peer.model)
    n = api.llama_tokenize(vocabulary, text, len(text), tokens, 64, True, False)
    peer.read(list(tokens[:n]), 0)
    logits = api.llama_get_logits_ith(peer.context, -1)
    np.ctypeslib.as_array(logits, (peer.n_vocab,)).argmax()
    return time.perf_counter() - begin


def measured(python: str, side: str, path: str, args: argparse.Namespace) -> dict[str, float]:
    """One process."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = args.compiled
    command = [python, str(Path(__file__)), path, "--side", side, "--threads", str(args.threads)]
    begin = time.perf_counter()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    whole = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    answer = json.loads(done.stdout)
    return {"from_load": answer["from_load"], "whole": whole}


def compare(path: str, args: argparse.Namespace) -> dict[str, Any]:
    """The medians of both sides, A B A B."""
    runs: dict[str, list[dict[str, float]]] = {"ours": [], "llama": []}
    pythons = {"ours": sys.executable, "llama": args.peer_python}
    for turn in range(args.repetitions + 1):
        for side, found in runs.items():
            run = measured(pythons[side], side, path, args)
            if turn:
                found.append(run)
    return {
        side: {key: median(run[key] for run in found) for key in ("from_load", "whole")} | {"runs": found}
        for side, found in runs.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter with llama-cpp-python")
    parser.add_argument("--side", choices=["ours", "llama"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        run = {"ours": ours, "llama": llama}[args.side]
        print(json.dumps({"from_load": run(args.files[0], args.threads)}))
        return
    print(
        "| file | measured from | fluxmlx s | llama.cpp s | llama.cpp / fluxmlx |\n|---|---|---:|---:|---:|"
    )
    with tempfile.TemporaryDirectory() as args.compiled:
        for path in args.files:
            found = compare(path, args)
            for key, title in (("from_load", "the call that loads"), ("whole", "the start of the process")):
                a, b = found["ours"][key], found["llama"][key]
                print(f"| {Path(path).name} | {title} | {a:.3f} | {b:.3f} | {b / a:.2f} |")


if __name__ == "__main__":
    main()
