"""The peer's side of compare.py: llama.cpp through the low-level calls of llama-cpp-python.

Runs in an interpreter of its own, which needs llama-cpp-python and nothing of fluxmlx:
echo | python benchmarks/peer_llama.py FILE tg 128 0 1 --threads 2 [--no-flash-attention]
"""

from __future__ import annotations

import ctypes
import random
import time
from collections.abc import Callable
from pathlib import Path

import llama_cpp
from llama_cpp import llama_cpp as api
from on_call import answer_calls
from peer_arguments import parser_of

CACHE_TYPES = {"f16": 1, "q8_0": 8}  # ggml's numbers
BATCH = 512  # n_batch and n_ubatch, which is llama.cpp's own best here

# llama.cpp keeps a pointer to it.
QUIET = api.llama_log_callback(lambda level, text, data: None)


class Peer:
    """A model and one context for a test; all times end when the last result has arrived."""

    def __init__(self, path: str, threads: int, flash: bool, cache_type: str = "f16") -> None:
        api.llama_log_set(QUIET, ctypes.c_void_p(0))
        api.llama_backend_init()
        self.threads, self.flash, self.cache_type = threads, flash, CACHE_TYPES[cache_type]
        self.model = api.llama_model_load_from_file(path.encode(), api.llama_model_default_params())
        if not self.model:
            raise SystemExit(f"llama.cpp cannot load {path}")
        self.n_vocab = api.llama_vocab_n_tokens(api.llama_model_get_vocab(self.model))

    def open(self, positions: int, sequences: int) -> None:
        """A context for so many positions of each sequence."""
        params = api.llama_context_default_params()
        params.n_ctx = positions * sequences
        params.n_batch = params.n_ubatch = BATCH
        params.n_seq_max = sequences
        params.n_threads = params.n_threads_batch = self.threads
        params.type_k = params.type_v = self.cache_type
        params.flash_attn_type = 1 if self.flash else 0
        self.context = api.llama_init_from_model(self.model, params)
        if not self.context:
            raise SystemExit("llama.cpp made no context")
        self.batch = api.llama_batch_init(BATCH, 0, 1)

    def close(self) -> None:
        api.llama_batch_free(self.batch)
        api.llama_free(self.context)

    def forget(self, past: int) -> None:
        """What every sequence holds from this position on."""
        api.llama_memory_seq_rm(api.llama_get_memory(self.context), -1, past, -1)

    def decode(self, rows: list[tuple[int, int, int, bool]]) -> None:
        """One step over (token, position, sequence, whether its logits are wanted)."""
        batch = self.batch
        batch.n_tokens = len(rows)
        for i, (token, position, sequence, wanted) in enumerate(rows):
            batch.token[i] = token
            batch.pos[i] = position
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = sequence
            batch.logits[i] = wanted
        if status := api.llama_decode(self.context, batch):
            raise SystemExit(f"llama_decode returned {status}")

    def read(self, tokens: list[int], begin: int, sequence: int = 0) -> None:
        """Reads a prompt in batches, with the logits of its last token."""
        for at in range(0, len(tokens), BATCH):
            part = tokens[at : at + BATCH]
            last = at + len(part) == len(tokens)
            self.decode(
                [(t, begin + at + i, sequence, last and i == len(part) - 1) for i, t in enumerate(part)]
            )
        api.llama_synchronize(self.context)


def runs_of(peer: Peer, kind: str, n: int, depth: int, parallel: int) -> Callable[[], float]:
    """Reads what comes before the test, and gives a function that runs it and tells the seconds; it may run again."""
    tokens = random.Random(1).choices(range(peer.n_vocab), k=depth + n + 1)
    past = depth if kind == "pp" else max(1, depth)
    peer.forget(0)
    for sequence in range(parallel):
        peer.read(tokens[:past], 0, sequence)

    def run() -> float:
        peer.forget(past)
        begin = time.perf_counter()
        if kind == "pp":
            peer.read(tokens[past : past + n], past)
        else:
            for step in range(n):  # any tokens, as llama-bench does it: nothing is sampled in this time
                peer.decode([(tokens[step], past + step, s, True) for s in range(parallel)])
                api.llama_synchronize(peer.context)
        return time.perf_counter() - begin

    return run


def ggml_version() -> str:
    """The version and commit that ggml was built from, where the library tells."""
    try:
        library = ctypes.CDLL(str(next((Path(llama_cpp.__file__).parent / "lib").glob("libggml-base.*"))))
        functions = [library.ggml_version, library.ggml_commit]
    except (OSError, StopIteration, AttributeError):
        return ""
    for function in functions:
        function.restype = ctypes.c_char_p
    return ", ggml " + " ".join(function().decode() for function in functions)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--cache-type", default="f16", choices=CACHE_TYPES)
    parser.add_argument("--no-flash-attention", dest="flash", action="store_false")
    args = parser.parse_args()
    begin = time.perf_counter()
    peer = Peer(args.path, args.threads, args.flash, args.cache_type)
    peer.open(args.depth + args.n + 8, args.parallel)
    peer.read([0], 0)
    first_s = time.perf_counter() - begin
    runs_of(peer, args.kind, min(args.n, 32), 0, args.parallel)()  # for warmth
    facts = {
        "first_s": first_s,
        "version": f"llama-cpp-python {llama_cpp.__version__}{ggml_version()}",
        "flags": f"{api.llama_print_system_info().decode().strip()}; {args.cache_type} cache, batch {BATCH}",
    }
    run = runs_of(peer, args.kind, args.n, args.depth, args.parallel)
    answer_calls(facts, args.parallel * args.n, run)
    peer.close()


if __name__ == "__main__":
    main()
