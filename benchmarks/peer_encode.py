"""The peer's side of encoders.py: ggml's own quantiser over float32 rows, as the bytes of the blocks.

Runs in an interpreter of its own, with llama-cpp-python: python benchmarks/peer_encode.py ROWS.npy OUT TYPE...
"""

from __future__ import annotations

import argparse
import ctypes
import json
import time
from pathlib import Path

import llama_cpp
import numpy as np
from peer_llama import ggml_version


def library() -> ctypes.CDLL:
    """The part of ggml that has the quantiser."""
    loaded = ctypes.CDLL(str(next((Path(llama_cpp.__file__).parent / "lib").glob("libggml-base.*"))))
    loaded.ggml_quantize_chunk.restype = ctypes.c_size_t
    pointers, sizes = [ctypes.c_void_p, ctypes.c_void_p], [ctypes.c_int64] * 3
    loaded.ggml_quantize_chunk.argtypes = [ctypes.c_int, *pointers, *sizes, ctypes.c_void_p]
    return loaded


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=Path)
    parser.add_argument("out", help="the beginning of the files' names; a dot and the type's number follow")
    parser.add_argument("types", nargs="+", type=int, help="ggml's numbers")
    args = parser.parse_args()
    rows = np.ascontiguousarray(np.load(args.rows), np.float32)
    ggml, seconds = library(), {}
    for kind in args.types:
        room = np.empty(rows.nbytes + 4096, np.uint8)
        begin = time.perf_counter()
        size = ggml.ggml_quantize_chunk(kind, rows.ctypes.data, room.ctypes.data, 0, *rows.shape, None)
        seconds[kind] = time.perf_counter() - begin
        room[:size].tofile(f"{args.out}.{kind}")
    print(json.dumps({"version": f"llama-cpp-python {llama_cpp.__version__}{ggml_version()}", "s": seconds}))


if __name__ == "__main__":
    main()
