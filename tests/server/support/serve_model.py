"""A server with a real model and the protocols of `fluxmlx serve`: `serve_model.py model=PATH NAME=VALUE...`."""

from __future__ import annotations

import logging
import sys
from typing import Any

from fluxmlx.server import load_settings, run_server

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    given: dict[str, Any] = dict(word.split("=", 1) for word in sys.argv[1:])
    model = given.pop("model")
    run_server(load_settings({"port": 0, **given}, environ={}), model)
