"""Chat templates from every place where they stand, and the model's own sampling."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import checkpoint_builder as builder
import pytest

from fluxmlx.checkpoint import open_checkpoint
from fluxmlx.errors import ModelFileError

KEY = "tokenizer.chat_template"


def templates_of(folder: Path) -> dict[str, Any]:
    metadata = open_checkpoint(builder.write_llama(folder)).metadata
    return {key: value for key, value in metadata.items() if key.startswith(KEY)}


def put(folder: Path, name: str, content: Any) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, {}),
        ({"chat_template.jinja": "J"}, {KEY: "J"}),
        ({"chat_template.jinja": "J", "chat_template.json": {"chat_template": "C"}}, {KEY: "J"}),
        ({"chat_template.json": {"chat_template": "C"}}, {KEY: "C"}),
        (
            {"chat_template.jinja": "J", "additional_chat_templates/tool_use.jinja": "T"},
            {KEY: "J", f"{KEY}.tool_use": "T"},
        ),
    ],
)
def test_places(files: dict[str, Any], expected: dict[str, str], tmp_path: Path) -> None:
    """The first of the places that has a template is the one."""
    for name, content in files.items():
        put(tmp_path, name, content)
    assert templates_of(tmp_path) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("T", {KEY: "T"}),
        (None, {}),
        (
            [{"name": "default", "template": "D"}, {"name": "tool_use", "template": "U"}],
            {KEY: "D", f"{KEY}.tool_use": "U"},
        ),
    ],
)
def test_tokenizer_config(value: Any, expected: dict[str, str], tmp_path: Path) -> None:
    """tokenizer_config.json has one template, or several with names."""
    builder.write_llama(tmp_path)
    put(tmp_path, "tokenizer_config.json", {"chat_template": value})
    metadata = open_checkpoint(tmp_path).metadata
    assert {key: metadata[key] for key in metadata if key.startswith(KEY)} == expected


@pytest.mark.parametrize("value", [7, {"a": "b"}, [{"name": "default"}], ["text"]])
def test_bad_templates(value: Any, tmp_path: Path) -> None:
    """What is no template is an error that names the file."""
    builder.write_llama(tmp_path)
    put(tmp_path, "tokenizer_config.json", {"chat_template": value})
    with pytest.raises(ModelFileError, match=r"tokenizer_config\.json"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {}),
        ({"temperature": 0.6, "top_p": 0.9, "top_k": 20}, {"temp": 0.6, "top_p": 0.9, "top_k": 20}),
        ({"do_sample": False, "temperature": 0.6}, {"temp": 0.0}),
        ({"do_sample": True, "repetition_penalty": 1.05}, {"penalty_repeat": 1.05}),
    ],
)
def test_sampling(values: dict[str, Any], expected: dict[str, Any], tmp_path: Path) -> None:
    """generation_config.json gives the options that a request does not name."""
    put(tmp_path, "generation_config.json", values)
    metadata = open_checkpoint(builder.write_llama(tmp_path)).metadata
    prefix = "general.sampling."
    assert {key.removeprefix(prefix): metadata[key] for key in metadata if key.startswith(prefix)} == expected
