"""Importing fluxmlx stays light."""

from __future__ import annotations

import subprocess
import sys


def test_text_libraries_load_only_when_used() -> None:
    """`import fluxmlx` and its text packages import none of the libraries that do the work."""
    heavy = ("tokenizers", "sentencepiece", "google.protobuf", "jinja2")
    code = "import sys, fluxmlx, fluxmlx.tokenizer, fluxmlx.chat; "
    code += f"print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
