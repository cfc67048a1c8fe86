"""The peer's side of quality.py: llama.cpp's most likely tokens at every position of some texts, as a numpy file.

Runs in an interpreter of its own, with llama-cpp-python: python benchmarks/peer_logits.py FILE IDS.json OUT.npz
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import llama_cpp
import numpy as np
from divergence import Tops, logprobs, tops_of
from peer_llama import Peer, api, ggml_version


def tops(peer: Peer, ids: list[int], n_top: int) -> Tops:
    """Of all positions but the last of a text that fits into one batch."""
    peer.forget(0)
    peer.decode([(token, position, 0, True) for position, token in enumerate(ids)])
    rows = (api.llama_get_logits_ith(peer.context, i) for i in range(len(ids) - 1))
    found = tops_of(logprobs(np.stack([np.ctypeslib.as_array(row, (peer.n_vocab,)) for row in rows])), n_top)
    return Tops(found.ids.astype(np.int32), found.logprobs.astype(np.float32))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path")
    parser.add_argument("ids", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--top", type=int, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-flash-attention", dest="flash", action="store_false")
    args = parser.parse_args()
    texts = json.loads(args.ids.read_text())
    peer = Peer(args.path, args.threads, args.flash)
    peer.open(max(map(len, texts)) + 8, 1)
    found = Tops.joined([tops(peer, ids, args.top) for ids in texts])
    np.savez(args.out, ids=found.ids, logprobs=found.logprobs)
    peer.close()
    print(f"llama-cpp-python {llama_cpp.__version__}{ggml_version()}")


if __name__ == "__main__":
    main()
