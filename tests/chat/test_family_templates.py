"""Templates in the constructs of each family render as transformers renders them, and fail where it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fluxmlx.chat import ChatTemplate
from fluxmlx.errors import ChatTemplateError

# Written for these tests in the constructs of the families' own: roles, tools, dates, documents, thoughts.
TEMPLATES = {
    path.stem: path.read_text() for path in sorted(Path(__file__).with_name("templates").glob("*.jinja"))
}
_CALL = {
    "id": "abcdef123",
    "type": "function",
    "function": {"name": "weather", "arguments": {"city": "Köln", "b": [1, 2]}},
}
TALKS: dict[str, list[dict[str, Any]]] = {
    "one": [{"role": "user", "content": "  Grüße <b>&amp;</b> \n"}],
    "system": [
        {"role": "system", "content": "Be brief. /no_think "},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "\n<think>\nhm\n</think>\n\nHello."},
        {"role": "user", "content": "Why?"},
    ],
    "thoughts": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello.", "reasoning_content": "A greeting."},
    ],
    "older names of thoughts": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello.", "thinking": "A greeting."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello.", "reasoning": "Again."},
    ],
    "tools": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "", "tool_calls": [_CALL]},
        {"role": "tool", "content": "rain \u2603", "tool_call_id": "abcdef123"},
        {"role": "tool", "content": "sun", "tool_call_id": "abcdef123"},
        {"role": "assistant", "content": "It rains."},
        {"role": "user", "content": "Thanks"},
    ],
    "short id": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "", "tool_calls": [_CALL | {"id": "x"}]},
    ],
    "two users": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    "functions": [{"role": "system", "content": "s", "functions": "f()"}, {"role": "user", "content": "Hi"}],
    "a marker in an answer": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "<|channel|>analysis<|message|>x"},
    ],
}
_SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Größe of a city", "default": "Köln"},
        "unit": {"type": "string", "enum": ["c", "f"], "default": "c"},
        "days": {"type": "array", "items": {"type": "integer"}},
        "what": {"oneOf": [{"type": "string", "description": "one"}, {"type": ["number", "null"]}]},
        "where": {
            "type": "object",
            "properties": {"x": {"type": "number"}, "y": {"type": "array"}},
            "required": ["x"],
        },
    },
    "required": ["city"],
}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "Tells <it>", "parameters": _SCHEMA}},
    {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
]
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "prompt": {"add_generation_prompt": True},
    "tools": {"add_generation_prompt": True, "tools": TOOLS},
    "documents": {"documents": [{"doc_id": 5, "text": "a"}, {"text": "ü"}], "controls": {"citations": True}},
    "switches": {
        "enable_thinking": False,
        "reasoning_effort": "high",
        "safety_mode": "strict",
        "thinking": True,
    },
}


def theirs(source: str, talk: list[dict[str, Any]], options: dict[str, Any]) -> str | None:
    """What transformers renders; None where the template, or Jinja, raises."""
    utilities = pytest.importorskip("transformers.utils.chat_template_utils", reason="needs transformers")
    from jinja2 import TemplateError

    try:
        (text,), _ = utilities.render_jinja_template(
            [talk], chat_template=source, bos_token="<s>", eos_token="</s>", **options
        )
    except (TemplateError, TypeError):
        return None
    return str(text)


def ours(source: str, talk: list[dict[str, Any]], options: dict[str, Any]) -> str | None:
    template = ChatTemplate(source, bos_token="<s>", eos_token="</s>")
    try:
        return template.render(talk, **{"add_generation_prompt": False, **options})
    except ChatTemplateError:
        return None


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize("name", TEMPLATES)
def test_every_talk_renders_as_in_transformers(name: str, options: dict[str, Any]) -> None:
    """Roles, tools, documents, dates, thoughts and refusals, character for character."""
    source = TEMPLATES[name]
    expected = {label: theirs(source, talk, options) for label, talk in TALKS.items()}
    assert {label: ours(source, talk, options) for label, talk in TALKS.items()} == expected
    assert sum(text is not None for text in expected.values()) >= 4
