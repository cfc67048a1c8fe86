"""The peer's side of quality.py: logits of llama.cpp at every position of some texts, as a numpy file.

Runs in an interpreter of its own, with llama-cpp-python: python benchmarks/peer_logits.py FILE IDS.json OUT.npy
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import llama_cpp
import numpy as np
from peer_llama import Peer, api, ggml_version


def logits(peer: Peer, ids: list[int]) -> np.ndarray:
    """(len(ids), n_vocab), of a text that fits into one batch."""
    peer.clear()
    peer.decode([(token, position, 0, True) for position, token in enumerate(ids)])
    rows = (api.llama_get_logits_ith(peer.context, i) for i in range(len(ids)))
    return np.stack([np.ctypeslib.as_array(row, (peer.n_vocab,)).copy() for row in rows])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path")
    parser.add_argument("ids", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-flash-attention", dest="flash", action="store_false")
    args = parser.parse_args()
    texts = json.loads(args.ids.read_text())
    peer = Peer(args.path, args.threads, args.flash)
    peer.open(max(map(len, texts)) + 8, 1)
    np.save(args.out, np.concatenate([logits(peer, ids) for ids in texts]))
    peer.close()
    print(f"llama-cpp-python {llama_cpp.__version__}{ggml_version()}")


if __name__ == "__main__":
    main()
