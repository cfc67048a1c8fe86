"""llama.cpp's quantiser over a whole file: python benchmarks/peer_quantize.py SOURCE TARGET FILE_TYPE

Runs in an interpreter of its own, with llama-cpp-python; FILE_TYPE is the number of `general.file_type`.
"""

from __future__ import annotations

import ctypes
import sys

from llama_cpp import llama_cpp as api
from peer_llama import QUIET


def main() -> None:
    source, target, file_type = sys.argv[1:]
    api.llama_log_set(QUIET, ctypes.c_void_p(0))
    api.llama_backend_init()
    params = api.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize = int(file_type), True
    if api.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(params)):
        raise SystemExit(f"llama.cpp cannot quantise {source}")


if __name__ == "__main__":
    main()
