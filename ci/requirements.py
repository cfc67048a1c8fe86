"""Prints the requirements of groups of pyproject.toml: `build`, `run`, or the name of an extra."""

import sys
import tomllib
from pathlib import Path


def requirements(group: str) -> list[str]:
    """The requirement strings of one group."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    if group == "build":
        return [*project["build-system"]["requires"], "cmake>=3.26", "ninja>=1.10"]
    if group == "run":
        return project["project"]["dependencies"]
    return project["project"]["optional-dependencies"][group]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print("\n".join(requirements(name)))
