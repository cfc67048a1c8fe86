"""What may go into a chat template, checked: plain JSON-like values in the shapes of the chat interfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fluxmlx.errors import InvalidArgumentError

MAX_DEPTH = 64
RESERVED = frozenset(
    {"messages", "tools", "add_generation_prompt", "bos_token", "eos_token", "chat_template", "conversation"}
    | {"tokenize", "return_dict", "raise_exception", "strftime_now", "namespace", "range", "dict", "cycler"}
    | {
        "joiner",
        "loop",
        "self",
        "caller",
        "varargs",
        "kwargs",
        "true",
        "false",
        "none",
        "True",
        "False",
        "None",
    }
)


# Under which names a message's thoughts come; templates read the first, gpt-oss's the second.
_THOUGHTS = ("reasoning_content", "thinking", "reasoning")


def check_messages(messages: object) -> list[dict[str, Any]]:
    """Copies messages; content given as text parts becomes one text, thoughts have every name that templates read."""
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Sequence):
        raise InvalidArgumentError(f"messages must be a list of dicts, not {type(messages).__name__}")
    if not messages:
        raise InvalidArgumentError("messages is empty: give at least one")
    return [_message(message, f"messages[{index}]") for index, message in enumerate(messages)]


def check_tools(tools: object) -> list[Any] | None:
    """Copies tool definitions; None and an empty list both mean none."""
    if tools is None:
        return None
    if isinstance(tools, (str, bytes, Mapping)) or not isinstance(tools, Sequence):
        raise InvalidArgumentError(f"tools must be a list of dicts, not {type(tools).__name__}")
    for index, tool in enumerate(tools):
        if not isinstance(tool, Mapping):
            raise InvalidArgumentError(f"tools[{index}] must be a dict, not {type(tool).__name__}")
    return plain(tools, "tools") or None


def check_variables(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Copies further template variables; names that the template gets anyway are refused."""
    for name in variables:
        if name in RESERVED or name.startswith("_"):
            raise InvalidArgumentError(f"the template variable {name!r} is reserved and cannot be set")
    return {name: plain(value, name) for name, value in variables.items()}


def plain(value: Any, where: str, depth: int = 0) -> Any:
    """A deep copy made of JSON-like values; anything else is refused with its place."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if depth >= MAX_DEPTH:
        raise InvalidArgumentError(f"{where} is nested deeper than {MAX_DEPTH}")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise InvalidArgumentError(f"{where} has the key {key!r}; keys must be strings")
        return {key: plain(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [plain(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    raise InvalidArgumentError(f"{where} is a {type(value).__name__}; a chat template takes JSON values only")


def _message(message: object, where: str) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise InvalidArgumentError(
            f"{where} must be a dict with role and content, not {type(message).__name__}"
        )
    copy = plain(message, where)
    role = copy.get("role")
    if not isinstance(role, str) or not role:
        raise InvalidArgumentError(f"{where} needs a role such as 'user'; it has {role!r}")
    if copy.get("content") is None and not copy.get("tool_calls"):
        raise InvalidArgumentError(f"{where} (role {role!r}) has no content")
    content = copy.get("content")
    if isinstance(content, list):
        copy["content"] = "".join(
            _part(part, f"{where}.content[{index}]") for index, part in enumerate(content)
        )
    elif content is not None and not isinstance(content, str):
        raise InvalidArgumentError(
            f"{where}.content must be a text or a list of parts, not {type(content).__name__}"
        )
    thoughts = next((copy[name] for name in _THOUGHTS if copy.get(name) is not None), None)
    return copy if thoughts is None else {"thinking": thoughts, **copy, "reasoning_content": thoughts}


def _part(part: object, where: str) -> str:
    if isinstance(part, str):
        return part
    kind = part.get("type") if isinstance(part, dict) else None
    if kind != "text":
        raise InvalidArgumentError(f"{where} has the type {kind!r}; only 'text' parts are supported")
    text = part.get("text") if isinstance(part, dict) else None
    if not isinstance(text, str):
        raise InvalidArgumentError(f"{where}.text must be a text, not {text!r}")
    return text
