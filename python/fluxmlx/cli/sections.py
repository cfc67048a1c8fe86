"""The parts of what `fluxmlx show` prints, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from fluxmlx.errors import CapabilityError

if TYPE_CHECKING:
    from fluxmlx.hub import ModelInfo
    from fluxmlx.hub.summary import File, Summary, Tensor, TypeTotal

__all__ = [
    "clean",
    "columns",
    "everything",
    "licence",
    "licences",
    "metadata",
    "template",
    "template_text",
    "tensors",
]

_TEMPLATE = "tokenizer.chat_template"
_LONGEST = 60  # characters of a value in the table
_LICENCE_LINES = 2


def everything(info: ModelInfo, file: File, *, whole: bool = False) -> str:
    """All sections; long values are cut, and tensors counted by type, unless `whole`."""
    from fluxmlx.hub.summary import summarise, totals

    types = totals(file.tensors)
    parts = [
        ("Model", columns(_model(summarise(file.metadata, types)))),
        ("Capabilities", "\n".join(info.capabilities)),
        ("Parameters", clean(info.parameters)),
        ("System", clean(info.files.system or "")),
        ("License", "\n".join(_beginning(text, whole=whole) for text in info.files.licences)),
        ("Metadata", metadata(file.metadata, file.metadata_types, whole=whole)),
        ("Tensors by type", columns(_by_type(types))),
        ("Tensors", tensors(file.tensors) if whole else ""),
        ("Chat template", clean(template_text(info) or "")),
    ]
    return "\n\n".join(f"{title}\n{_indent(body)}" for title, body in parts if body)


def metadata(held: Mapping[str, Any], types: Mapping[str, str], *, whole: bool) -> str:
    """One line for each key: key, type, value."""
    return columns(
        [(_clean(key), types.get(key, ""), _value(value, whole=whole)) for key, value in held.items()]
    )


def tensors(rows: Sequence[Tensor]) -> str:
    """One line for each tensor: name, type, shape (the first dimension is the contiguous one), bytes."""
    return columns([(_clean(t.name), t.type, "x".join(map(str, t.shape)), f"{t.n_bytes:,}") for t in rows])


def template(info: ModelInfo) -> str:
    """The chat template as it is: the model's own layer, or the file's."""
    text = template_text(info)
    if text is None:
        raise CapabilityError(f"{info.files.path} has no chat template (metadata key {_TEMPLATE})")
    return clean(text)


def template_text(info: ModelInfo) -> str | None:
    """The chat template, if there is one."""
    text = info.files.template or info.metadata.get(_TEMPLATE)
    return None if text is None else str(text)


def licence(info: ModelInfo) -> str:
    """All that the model says about its licence."""
    found = licences(info)
    if not found:
        raise CapabilityError(f"{info.files.path} does not name its licence (metadata key general.license)")
    return "\n".join(found)


def licences(info: ModelInfo) -> list[str]:
    """What the model's layers and its file say about its licence."""
    held = info.metadata.items()
    found = [*info.files.licences, *(str(value) for key, value in held if key.startswith("general.license"))]
    return [clean(text) for text in found]


def clean(text: str) -> str:
    """A text of several lines, with control characters spelled out."""
    return _clean(text, keep="\n\t")


def _beginning(licence: str, *, whole: bool) -> str:
    """A licence, or its first lines: its name, and whose work it is."""
    lines = [line for line in clean(licence).split("\n") if line.strip()]
    short = lines[:_LICENCE_LINES] + ["..."] * (len(lines) > _LICENCE_LINES)
    return clean(licence).strip("\n") if whole else "\n".join(short)


def _model(summary: Summary) -> list[tuple[str, ...]]:
    rows = [
        ("name", summary.name),
        ("architecture", summary.architecture),
        ("parameters", _short_number(summary.parameters)),
        ("context length", summary.context_length),
        ("embedding length", summary.embedding_length),
        ("quantization", summary.quantization),
        ("size", f"{summary.tensor_bytes / 1e6:.1f} MB"),
        ("license", summary.licence),
    ]
    return [(label, _clean(str(value))) for label, value in rows if value is not None]


def _by_type(types: Sequence[TypeTotal]) -> list[tuple[str, ...]]:
    total = sum(row.bytes for row in types) or 1
    return [
        (row.type, f"{row.count} tensors", f"{row.bytes:,} bytes", f"{100 * row.bytes / total:.1f} %")
        for row in types
    ]


def _short_number(number: int) -> str:
    for size, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K")):
        if number >= size:
            return f"{number / size:.2f}{letter}"
    return str(number)


def _value(value: Any, *, whole: bool) -> str:
    if isinstance(value, list):
        items = cast("list[Any]", value)
        shown = items if whole else items[:3]
        inner = ", ".join(_value(item, whole=whole) for item in shown)
        return f"[{inner}]" if len(shown) == len(items) else f"[{inner}, ... {len(items):,} in all]"
    if isinstance(value, float) and not whole:
        return f"{value:.7g}"
    text = _clean(value) if isinstance(value, str) else str(value)
    return text if whole or len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text):,} characters)"


def _clean(text: str, *, keep: str = "") -> str:
    """Text with control characters spelled out: a file must not steer the terminal."""
    return "".join(char if char.isprintable() or char in keep else ascii(char)[1:-1] for char in text)


def columns(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows under each other, every column but the last as wide as its longest cell."""
    if not rows:
        return "(none)"
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
