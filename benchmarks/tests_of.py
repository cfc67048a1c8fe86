"""How the scripts spell a test, pp512, tg128, tg128@d2048, tg64x4, and a number of things."""

from __future__ import annotations

import argparse
import re

from fluxmlx.cli.measuring import Case

__all__ = ["count", "parse_test"]


def count(text: str) -> int:
    """A whole number of at least 1."""
    if not re.fullmatch(r"[1-9]\d{0,8}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def parse_test(text: str) -> Case:
    """Kind and tokens, then the depth after @d, then the sequences at once after x."""
    match = re.fullmatch(r"(pp|tg)([1-9]\d*)(?:@d(\d+))?(?:x([1-9]\d*))?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not like pp512, tg128@d2048 or tg64x4")
    kind, n, depth, parallel = match.groups()
    if kind == "pp" and parallel:
        raise argparse.ArgumentTypeError(f"{text!r}: prompts are read by one sequence; x is for tg")
    return Case("pp" if kind == "pp" else "tg", int(n), int(depth or 0), int(parallel or 1))
