"""Makes docs/pictures/run.svg: a terminal in which `fluxmlx` answers. Usage: python docs/pictures/make.py

Runs the commands for real, with the installed package, and draws what they printed.
"""

from __future__ import annotations

import io
import shlex
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

# What to run, and how many lines of its output to draw.
COMMANDS = [
    ('fluxmlx run smollm2 --verbose --temp 0 -n 96 "Why is the sky blue?"', 40),
    ("fluxmlx show smollm2", 9),
]
WIDTH = 100


def main() -> None:
    """Runs the commands and writes the picture."""
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    for command, n_lines in COMMANDS:
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        words = [sys.executable, "-m", *shlex.split(command)]
        done = subprocess.run(
            words,
            check=True,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        lines = done.stdout.strip().splitlines()
        console.print(Text("\n".join([*lines[:n_lines], "..."] if len(lines) > n_lines else lines)))
        console.print()
    console.save_svg(str(Path(__file__).with_name("run.svg")), title="fluxmlx", clear=True)


if __name__ == "__main__":
    main()
