"""The other peer of compare.py, for folders with safetensors: mlx-lm, on the device that MLX takes, one rate as JSON.

Runs in an interpreter of its own, which needs mlx-lm and nothing of fluxmlx. MLX has no number of threads:
python benchmarks/peer_mlx.py FOLDER tg 128 0 1 --threads 2
"""

from __future__ import annotations

import json
import random
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import load_model
from peer_arguments import parser_of
from resident import resident_peak

STEP = 2048  # tokens of a prompt that mlx-lm reads at once


class Peer:
    """A model, and the tokens of its next step."""

    def __init__(self, path: str) -> None:
        self.model, config = load_model(Path(path))
        self.n_vocab: int = config["vocab_size"]

    def open(self) -> None:
        """An empty cache."""
        self.cache: list[Any] = make_prompt_cache(self.model)

    def read(self, prompts: list[list[int]]) -> mx.array:
        """(n_sequences, 1): what comes after prompts of one length, which are read in steps."""
        tokens = mx.array(prompts)
        for begin in range(0, tokens.shape[1], STEP):
            last = self.next(tokens[:, begin : begin + STEP])
            mx.eval(last, [layer.state for layer in self.cache])
        return last

    def next(self, tokens: mx.array) -> mx.array:
        """(n_sequences, 1): the likeliest token after these."""
        return mx.argmax(self.model(tokens, cache=self.cache)[:, -1:], axis=-1)


def rate(peer: Peer, kind: str, n: int, depth: int, parallel: int, seed: int) -> float:
    """Tokens per second of one run, all sequences together."""
    tokens = random.Random(seed).choices(range(peer.n_vocab), k=depth + n)
    peer.open()
    if kind == "pp":
        if depth:
            peer.read([tokens[:depth]])
        begin = time.perf_counter()
        peer.read([tokens[depth:]])
        return n / (time.perf_counter() - begin)
    last = peer.read([tokens[: max(1, depth)]] * parallel)
    begin = time.perf_counter()
    for _ in range(n):  # one step is asked for before the last one is there, as mlx-lm does it
        following = peer.next(last)
        mx.async_eval(following)
        mx.eval(last)
        last = following
    mx.eval(last)
    return parallel * n / (time.perf_counter() - begin)


def main() -> None:
    args = parser_of(__doc__).parse_args()
    begin = time.perf_counter()
    peer = Peer(args.path)
    peer.open()
    mx.eval(peer.read([[0]]))
    first_s = time.perf_counter() - begin
    rate(peer, args.kind, min(args.n, 32), 0, args.parallel, 0)  # for warmth
    found = rate(peer, args.kind, args.n, args.depth, args.parallel, 1)
    facts = {
        "version": f"mlx-lm {version('mlx-lm')}, MLX {mx.__version__}",
        "flags": f"{mx.default_device()}, prompts in steps of {STEP}",
    }
    print(json.dumps(facts | {"rate": found, "first_s": first_s, "resident": resident_peak()}))


if __name__ == "__main__":
    main()
