"""What the tests of checkpoints share lies beside them, and beside those of the families."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
for folder in (HERE, HERE.parent / "model", HERE.parent / "tokenizer"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
