"""What a checkpoint says of sampling and of conversations, by the keys of a GGUF file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from fluxmlx.checkpoint.json_file import read_bytes, read_object
from fluxmlx.checkpoint.options import Options
from fluxmlx.errors import ModelFileError

__all__ = ["generation_keys", "templates"]

_SAMPLING = {
    "temperature": "general.sampling.temp",
    "top_k": "general.sampling.top_k",
    "top_p": "general.sampling.top_p",
    "min_p": "general.sampling.min_p",
    "repetition_penalty": "general.sampling.penalty_repeat",
}
_TEMPLATE = "tokenizer.chat_template"


def generation_keys(folder: Path) -> dict[str, Any]:
    """How the model likes to be sampled: what generation_config.json says."""
    file = folder / "generation_config.json"
    if not file.is_file():
        return {}
    values = read_object(file)
    if values.get("do_sample") is False:
        return {"general.sampling.temp": 0.0}
    options = Options(values, str(file))
    return {key: options.raw(name) for name, key in _SAMPLING.items() if options.has(name)}


def templates(folder: Path) -> dict[str, Any]:
    """The chat templates, from the first place that has any: chat_template.jinja, chat_template.json,
    tokenizer_config.json.
    """
    found = _own_file(folder)
    for name in ("chat_template.json", "tokenizer_config.json"):
        file = folder / name
        if not found and file.is_file():
            found = _named(read_object(file).get("chat_template"), file)
    return found


def _own_file(folder: Path) -> dict[str, Any]:
    file, more = folder / "chat_template.jinja", folder / "additional_chat_templates"
    if not file.is_file():
        return {}
    variants = sorted(more.glob("*.jinja")) if more.is_dir() else []
    return {_TEMPLATE: _text(file)} | {f"{_TEMPLATE}.{path.stem}": _text(path) for path in variants}


def _text(file: Path) -> str:
    try:
        return read_bytes(file).decode()
    except UnicodeDecodeError as error:
        raise ModelFileError(f"{file} is not UTF-8: {error.reason} at offset {error.start}") from None


def _named(value: Any, file: Path) -> dict[str, Any]:
    """One template, or a list of them with names, of which one is called default."""
    if value is None:
        return {}
    if isinstance(value, str):
        return {_TEMPLATE: value}
    rows: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [None]
    result: dict[str, Any] = {}
    for row in rows:
        fields = cast("dict[str, Any]", row) if isinstance(row, dict) else {}
        name, template = fields.get("name"), fields.get("template")
        if not isinstance(name, str) or not isinstance(template, str):
            raise ModelFileError(f"{file}: chat_template is neither a text nor a list of names and templates")
        result[_TEMPLATE if name == "default" else f"{_TEMPLATE}.{name}"] = template
    return result
