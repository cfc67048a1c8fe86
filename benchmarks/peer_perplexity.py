"""The peer's side of perplexity.py: llama.cpp's own windows over a text, as JSON.

Runs in an interpreter of its own, with llama-cpp-python: python benchmarks/peer_perplexity.py FILE TEXT
"""

from __future__ import annotations

import argparse
import ctypes
import json
from pathlib import Path

import llama_cpp
import numpy as np
from peer_llama import Peer, api, ggml_version


def tokens_of(peer: Peer, text: bytes) -> tuple[list[int], int | None]:
    """The ids that llama-perplexity makes of a text, and BOS where the model adds it."""
    vocabulary = api.llama_model_get_vocab(peer.model)
    room = (ctypes.c_int32 * (len(text) + 8))()
    count = api.llama_tokenize(vocabulary, text, len(text), room, len(room), True, False)
    bos = api.llama_vocab_bos(vocabulary) if api.llama_vocab_get_add_bos(vocabulary) else None
    return list(room[:count]), bos


def logprobs(peer: Peer, window: list[int]) -> list[float]:
    """Of the tokens in the second half of a window."""
    peer.forget(0)
    first = len(window) // 2
    peer.decode([(token, at, 0, at >= first) for at, token in enumerate(window)])
    found = []
    for at in range(first, len(window) - 1):
        row = np.ctypeslib.as_array(api.llama_get_logits_ith(peer.context, at), (peer.n_vocab,))
        shifted = row.astype(np.float64) - row.max()
        found.append(float(shifted[window[at + 1]] - np.log(np.exp(shifted).sum())))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path")
    parser.add_argument("text", type=Path)
    parser.add_argument("--ctx", type=int, default=512)
    parser.add_argument("--chunks", type=int, default=None)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    peer = Peer(args.path, args.threads, flash=True)
    ids, bos = tokens_of(peer, args.text.read_bytes())
    peer.open(args.ctx + 8, 1)
    counted: list[float] = []
    for at in range(0, len(ids) - args.ctx + 1, args.ctx)[: args.chunks]:
        window = ids[at : at + args.ctx]
        counted += logprobs(peer, window if bos is None else [bos, *window[1:]])
    peer.close()
    version = f"llama-cpp-python {llama_cpp.__version__}{ggml_version()}"
    print(json.dumps({"version": version, "perplexity": float(np.exp(-np.mean(counted))), "n": len(counted)}))


if __name__ == "__main__":
    main()
