"""Which file of a repository is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from fluxmlx.errors import ModelNotFoundError

__all__ = ["RemoteFile", "choose"]

_PART = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})", re.ASCII)
_QUANT = re.compile(
    r"(?:^|[-._/])((?:I?Q\d|TQ\d|MXFP4|NVFP4|BF16|F16|F32)[A-Z0-9_]*)(?=$|[-./])", re.ASCII | re.IGNORECASE
)
_NO_MODEL = ("mmproj", "imatrix")  # parts for images, and tables that quantisers use
# Without a tag: the best quality for its size that every one of our devices runs well, then what is near to it.
_PREFERRED = (
    "Q4_K_M",
    "Q4_K_S",
    "Q4_0",
    "Q4_1",
    "Q5_K_M",
    "Q5_K_S",
    "Q8_0",
    "Q6_K",
    "Q3_K_M",
    "BF16",
    "F16",
    "F32",
)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A GGUF file in a repository."""

    path: str
    size: int
    sha256: str


@dataclass(slots=True)
class _Model:
    stem: str
    parts: dict[int, RemoteFile] = field(default_factory=dict[int, RemoteFile])
    count: int = 1

    @property
    def quant(self) -> str:
        found = _QUANT.findall(self.stem)
        return found[-1].upper() if found else ""

    def goes_by(self, tag: str) -> bool:
        base = self.stem.rpartition("/")[2].lower()
        first = self.parts[min(self.parts)].path.rpartition("/")[2].lower()
        return tag.lower() in (self.quant.lower(), base, first)


def choose(repository: str, files: Iterable[RemoteFile], tag: str | None) -> list[RemoteFile]:
    """The file that a tag stands for, or the parts of it in order; without a tag the one most people want.

    Raises:
        ModelNotFoundError: there is no such file, or it cannot be told which is meant; the text lists what there is.
    """
    models = _models(files)
    held = ", ".join(sorted({model.quant or model.stem for model in models})[:40]) or "none"
    if tag is None:
        ranks = {quant: rank for rank, quant in enumerate(_PREFERRED)}
        found = sorted(models, key=lambda model: ranks.get(model.quant, len(ranks)))[:1]
        if found and found[0].quant not in ranks and len(models) > 1:
            raise ModelNotFoundError(
                f"{repository} has several GGUF files; choose with {repository}:TAG of: {held}"
            )
    else:
        found = [model for model in models if model.goes_by(tag)]
    if not found:
        raise ModelNotFoundError(f"{repository} has no GGUF file{f' {tag!r}' if tag else ''}; it has: {held}")
    if len(found) > 1:
        names = ", ".join(sorted(model.stem for model in found)[:10])
        raise ModelNotFoundError(f"{repository} has {len(found)} files for {tag!r}; write one of: {names}")
    if len(found[0].parts) != found[0].count:
        raise ModelNotFoundError(
            f"{repository} has {len(found[0].parts)} of the {found[0].count} parts of {tag}"
        )
    return [file for _, file in sorted(found[0].parts.items())]


def _models(files: Iterable[RemoteFile]) -> list[_Model]:
    models: dict[str, _Model] = {}
    for file in files:
        base = file.path.rpartition("/")[2].lower()
        if not base.endswith(".gguf") or any(word in base for word in _NO_MODEL):
            continue
        stem, number, count = file.path[: -len(".gguf")], 1, 1
        if part := _PART.fullmatch(stem):
            stem, number, count = part["stem"], int(part["number"]), int(part["count"])
        model = models.setdefault(stem, _Model(stem))
        model.parts[number], model.count = file, count
    return list(models.values())
