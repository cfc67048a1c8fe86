"""The other peer of compare.py, for folders with safetensors: mlx-lm, on the device that MLX takes.

Runs in an interpreter of its own, which needs mlx-lm and nothing of fluxmlx. MLX has no number of threads:
echo | python benchmarks/peer_mlx.py FOLDER tg 128 0 1 --threads 2
"""

from __future__ import annotations

import random
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import load_model
from on_call import answer_calls
from peer_arguments import parser_of

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


def seconds(peer: Peer, kind: str, n: int, depth: int, parallel: int) -> float:
    """Of one run, without what it reads before."""
    tokens = random.Random(1).choices(range(peer.n_vocab), k=depth + n)
    peer.open()
    if kind == "pp":
        if depth:
            peer.read([tokens[:depth]])
        begin = time.perf_counter()
        peer.read([tokens[depth:]])
        return time.perf_counter() - begin
    last = peer.read([tokens[: max(1, depth)]] * parallel)
    begin = time.perf_counter()
    for _ in range(n):  # one step is asked for before the last one is there, as mlx-lm does it
        following = peer.next(last)
        mx.async_eval(following)
        mx.eval(last)
        last = following
    mx.eval(last)
    return time.perf_counter() - begin


def main() -> None:
    args = parser_of(__doc__).parse_args()
    begin = time.perf_counter()
    peer = Peer(args.path)
    peer.open()
    mx.eval(peer.read([[0]]))
    first_s = time.perf_counter() - begin
    seconds(peer, args.kind, min(args.n, 32), 0, args.parallel)  # for warmth
    facts = {
        "first_s": first_s,
        "version": f"mlx-lm {version('mlx-lm')}, MLX {mx.__version__}",
        "flags": f"{mx.default_device()}, prompts in steps of {STEP}",
    }
    test = (args.kind, args.n, args.depth, args.parallel)
    answer_calls(facts, args.parallel * args.n, lambda: seconds(peer, *test))


if __name__ == "__main__":
    main()
