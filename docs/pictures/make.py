"""Makes docs/pictures/run.svg: a terminal in which `fluxmlx` answers. Usage: python docs/pictures/make.py

Runs the commands for real, with the installed package, and draws what they printed.
"""

from __future__ import annotations

import io
import shlex
import subprocess
from pathlib import Path

from rich.console import Console
from rich.text import Text

COMMANDS = [
    'fluxmlx run smollm2 --verbose --temp 0 -n 96 "Why is the sky blue?"',
    "fluxmlx show smollm2 --tensors",
]
WIDTH = 100


def main() -> None:
    """Runs the commands and writes the picture."""
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    for command in COMMANDS:
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        done = subprocess.run(
            shlex.split(command), check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        console.print(Text(done.stdout.strip()))
        console.print()
    console.save_svg(str(Path(__file__).with_name("run.svg")), title="fluxmlx", clear=True)


if __name__ == "__main__":
    main()
