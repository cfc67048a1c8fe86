"""What both peers are told on the command line. Needs nothing but Python: their interpreters have no fluxmlx."""

from __future__ import annotations

import argparse

__all__ = ["parser_of"]


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """A model, and a test in numbers."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path")
    parser.add_argument("kind", choices=["pp", "tg"])
    parser.add_argument("n", type=int)
    parser.add_argument("depth", type=int)
    parser.add_argument("parallel", type=int)
    parser.add_argument("--threads", type=int, required=True)
    return parser
