"""The fenced blocks of Markdown pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """A command, or a Python block."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(language: str) -> Iterator[Piece]:
    """The blocks of a language, with the line of their fence."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in _FENCE.finditer(text):
            if found[1] == language:
                yield Piece(page.name, text.count("\n", 0, found.start()) + 1, found[2])


def languages() -> set[str]:
    """The languages of all blocks."""
    return {found[1] for page in PAGES for found in _FENCE.finditer(page.read_text(encoding="utf-8"))}


def mentions(program: str) -> Iterator[Piece]:
    """The commands that stand between backticks within a sentence."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in re.finditer(rf"(?<!`)`({program} [^`]+)`(?!`)", text):
            yield Piece(page.name, text.count("\n", 0, found.start()) + 1, found[1])


def commands() -> Iterator[Piece]:
    """The commands of `sh` blocks: a line each, with those after a backslash or within quotes."""
    for block in blocks("sh"):
        line, held = block.line, ""
        for number, row in enumerate(block.text.splitlines(), block.line + 1):
            line = line if held else number
            held += row
            if held.count("'") % 2 or held.endswith("\\"):
                held += "\n"
                continue
            if held.strip() and not held.strip().startswith("#"):
                yield Piece(block.page, line, held.strip())
            held = ""
