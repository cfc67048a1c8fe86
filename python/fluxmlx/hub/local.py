"""Files that are already on this machine."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from fluxmlx.errors import ModelNotFoundError
from fluxmlx.hub.names import Name, PathName, PypiName
from fluxmlx.hub.records import ModelFiles
from fluxmlx.hub.resolver import Session

__all__ = ["LocalFiles", "regular_file"]

_INSTEAD = (
    "of Hugging Face write hf.co/USER/REPO or hf.co/USER/REPO:FILE.gguf, of a registry HOST/NAMESPACE/NAME; any other "
    "file download yourself, and name its path"
)


class LocalFiles:
    """Paths, and bare names of files and of checkpoints that exist (`models/tiny` without a suffix, say)."""

    def matches(self, name: Name) -> bool:
        """Every name with the shape of a path, and any other that names a file or checkpoint, except `pypi:`."""
        if isinstance(name, (PathName, PypiName)):
            return isinstance(name, PathName)
        return os.path.isfile(name.text) or _is_checkpoint(name.text)

    def fetch(self, name: Name, session: Session) -> ModelFiles:
        """The absolute path, if a regular file or a checkpoint's folder is there."""
        path = name.path if isinstance(name, PathName) else Path(os.path.abspath(name.text))
        if "://" in name.text and not os.path.lexists(path):
            raise ModelNotFoundError(f"{name.text[:200]!r} is a web address, not a model's name; {_INSTEAD}")
        return ModelFiles(name.text, path if _is_checkpoint(path) else regular_file(path))


def _is_checkpoint(path: str | Path) -> bool:
    return os.path.isfile(os.path.join(path, "config.json"))


def regular_file(path: Path) -> Path:
    """The path, if a regular file is there; ModelNotFoundError where not."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise ModelNotFoundError(f"there is no file {str(path)!r}; check the path") from None
    except OSError as error:
        raise ModelNotFoundError(f"cannot look at {str(path)!r}: {error.strerror}") from error
    if stat.S_ISDIR(mode):
        raise ModelNotFoundError(
            f"{str(path)!r} is a directory without a config.json; name the .gguf file in it"
        )
    if not stat.S_ISREG(mode):
        raise ModelNotFoundError(f"{str(path)!r} is not a regular file; a model must be one")
    return path
