"""A server with a stub engine behind one streaming route: `serve_stub.py NAME=VALUE...`.

`words`, `size`, `pause`, `load` and `deaf` are the stub's; every other name is a setting.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from stub_engine import StubEngine, StubLoader
from stub_protocol import PROTOCOL

from fluxmlx.server import ModelPool, load_settings, run_server

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    given: dict[str, Any] = dict(word.split("=", 1) for word in sys.argv[1:])
    word = "word " * int(given.pop("size", 1))
    engine = StubEngine(words=(word,) * int(given.pop("words", 3)), pause=float(given.pop("pause", 0)))
    loader = StubLoader(
        engine=lambda: engine,
        pause=float(given.pop("load", 0)),
        is_deaf="deaf" in given and bool(given.pop("deaf")),
    )
    model = given.pop("model", None)
    settings = load_settings({"port": 0, **given}, environ={})
    run_server(settings, model, pool=ModelPool(settings, loader), protocols=[PROTOCOL])
