"""Completion in bash, which cuts words at colons and equals signs, where names of models have them: llama3.2:1b."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, MutableMapping

__all__ = ["complete", "is_asking"]

_ASKED = "_FLUXMLX_COMPLETE"


def is_asking() -> bool:
    """Whether bash wants to know what a word may become."""
    return os.environ.get(_ASKED) == "complete_bash"


def complete(answer: Callable[[], None]) -> None:
    """Puts the words together, has them completed, and prints of each answer what comes behind bash's last cut.

    Args:
        answer: prints the answers, a line each, for the words in the environment, and ends the process.
    """
    taken = _put_together(os.environ)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            answer()
    finally:
        for line in printed.getvalue().splitlines():
            print(line.removeprefix(taken))  # noqa: T201  # what bash reads


def _put_together(environment: MutableMapping[str, str]) -> str:
    """Joins what stands beside a colon or an equals sign; gives the part of the last word that bash leaves alone."""
    words = environment["COMP_WORDS"].split("\n")[: int(environment["COMP_CWORD"]) + 1]
    joined: list[str] = []
    for word in words:
        if joined and (re.fullmatch(r"[:=]+", word) or re.search(r"[:=]$", joined[-1])):
            joined[-1] += word
        else:
            joined.append(word)
    environment["COMP_WORDS"] = "\n".join(joined)
    environment["COMP_CWORD"] = str(len(joined) - 1)
    return re.sub(r"[^:=]*$", "", joined[-1])
