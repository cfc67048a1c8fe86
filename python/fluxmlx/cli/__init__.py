"""The command line: one verb per file, registered in app.py."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Runs the command line on `sys.argv` and exits the process."""
    from fluxmlx.cli.app import start

    start()
