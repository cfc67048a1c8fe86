"""The defaults in the table of docs/server.md are those of the server."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "server.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+)`(?: \*)? \| (.+?) \|", PAGE, re.MULTILINE)


def test_the_defaults_are_those_of_the_server() -> None:
    """What is written as a value is what a server without settings has."""
    from fluxmlx.server import load_settings

    usual = load_settings({}, environ={})
    values = {name: text for name, text in ROWS if re.fullmatch(r"[\d.]+\w*|true|false", text)}
    assert len(values) > 12
    for name, text in values.items():
        assert getattr(load_settings({name: text}, environ={}), name) == getattr(usual, name), name
