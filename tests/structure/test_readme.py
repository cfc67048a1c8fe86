"""The two commands of the README, which .ci/run takes from there and runs in fresh clones."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
VENV = "python3 -m venv .venv && .venv/bin/pip install "
RUN = VENV + """'.[cpu]' && .venv/bin/fluxmlx run smollm2 "Why is the sky blue?\""""
TEST = VENV + """'.[cpu,test]' && .venv/bin/pytest"""


def test_the_readme_has_exactly_the_two_commands() -> None:
    """The fenced lines that make an environment are the two promised ones, in this order."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    commands = [line for block in fenced for line in block.splitlines() if "-m venv" in line]
    assert commands == [RUN, TEST]
