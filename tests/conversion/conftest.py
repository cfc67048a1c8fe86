"""Makes the builders of other folders importable."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path += [
    str(HERE.parent / "model"),
    str(HERE.parent / "gguf"),
    str(HERE.parent / "checkpoint"),
    str(HERE.parent / "tokenizer"),
    str(HERE.parents[1] / "benchmarks"),
]
