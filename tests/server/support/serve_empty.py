"""A server with the protocols of `fluxmlx serve` and no model: `serve_empty.py NAME=VALUE...`."""

from __future__ import annotations

import logging
import sys

from fluxmlx.server import load_settings, run_server

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    run_server(load_settings({"port": 0, **dict(word.split("=", 1) for word in sys.argv[1:])}, environ={}))
