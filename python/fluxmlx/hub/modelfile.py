"""Modelfiles: read and written.

    FROM <name or path>        TEMPLATE <text>     MESSAGE <role> <text>
    PARAMETER <name> <value>   SYSTEM <text>       LICENSE <text>          ADAPTER <path>

A text is the rest of the line, or stands between triple quotes, or between quotes. `#` begins a comment line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from fluxmlx.errors import InvalidArgumentError
from fluxmlx.hub.details import Recipe
from fluxmlx.hub.options import add_parameter

__all__ = ["parameter_lines", "parse", "render"]

_ROLES = ("system", "user", "assistant", "tool")
_TRIPLE = '"""'
_MAX_BYTES = 4 << 20


def parse(text: str) -> Recipe:
    """Reads a Modelfile.

    Raises:
        InvalidArgumentError: a line is not a command, or its value cannot be used; the text names the line.
    """
    if len(text) > _MAX_BYTES:
        raise InvalidArgumentError(f"the Modelfile has {len(text)} characters; at most {_MAX_BYTES} are read")
    recipe = Recipe()
    for line, command, value in _commands(text):
        try:
            _apply(recipe, command, value)
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"line {line} of the Modelfile: {error}") from None
    if not recipe.from_:
        raise InvalidArgumentError("the Modelfile has no FROM; begin it with FROM and a model's name or path")
    return recipe


def render(recipe: Recipe) -> str:
    """The Modelfile of a recipe."""
    lines = [f"FROM {recipe.from_}"]
    if recipe.template is not None:
        lines.append(f"TEMPLATE {_quoted(recipe.template)}")
    if recipe.system is not None:
        lines.append(f"SYSTEM {_quoted(recipe.system)}")
    lines += [f"PARAMETER {line}" for line in parameter_lines(recipe.params)]
    lines += [f"MESSAGE {row['role']} {_quoted(row['content'])}" for row in recipe.messages]
    lines += [f"LICENSE {_quoted(licence)}" for licence in recipe.licences]
    return "\n".join(lines) + "\n"


def parameter_lines(params: Mapping[str, Any], *, width: int = 0) -> list[str]:
    """One line for each parameter, and for each text of a list."""
    rows: list[str] = []
    for name, value in sorted(params.items()):
        items = cast("list[Any]", value) if isinstance(value, list) else [value]
        rows += [f"{name:<{width}} {json.dumps(item, ensure_ascii=False)}" for item in items]
    return rows


def _commands(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, command and value of each command."""
    lines = text.removeprefix("\ufeff").splitlines()
    number = 0
    while number < len(lines):
        first, line = number + 1, lines[number].strip()
        number += 1
        if not line or line.startswith("#"):
            continue
        command, _, value = line.partition(" ")
        value = value.strip()
        prefix = ""
        if command.upper() == "MESSAGE":
            prefix, _, value = value.partition(" ")
            prefix, value = f"{prefix} ", value.strip()
        if value.startswith(_TRIPLE):
            value = value[len(_TRIPLE) :]
            while _TRIPLE not in value:
                if number == len(lines):
                    raise InvalidArgumentError(f'line {first} of the Modelfile: """ is opened and not closed')
                value += "\n" + lines[number]
                number += 1
            value, _, after = value.partition(_TRIPLE)
            if after.strip():
                raise InvalidArgumentError(f"line {number} of the Modelfile: text after the closing quotes")
        yield first, command.upper(), prefix + value


def _apply(recipe: Recipe, command: str, value: str) -> None:
    if not value.strip():
        raise InvalidArgumentError(f"{command} needs a value")
    match command:
        case "FROM":
            recipe.from_ = _unquoted(value)
        case "TEMPLATE":
            recipe.template = _unquoted(value)
        case "SYSTEM":
            recipe.system = _unquoted(value)
        case "LICENSE":
            recipe.licences.append(_unquoted(value))
        case "ADAPTER":
            recipe.adapters.append(_unquoted(value))
        case "PARAMETER":
            name, _, text = value.partition(" ")
            add_parameter(recipe.params, name.lower(), _unquoted(text.strip()))
        case "MESSAGE":
            role, _, content = value.partition(" ")
            if role.lower() not in _ROLES:
                raise InvalidArgumentError(f"the role is {role[:40]!r}; expected one of {', '.join(_ROLES)}")
            recipe.messages.append({"role": role.lower(), "content": _unquoted(content)})
        case _:
            raise InvalidArgumentError(
                f"{command[:40]!r} is not a command; expected FROM, PARAMETER, TEMPLATE, SYSTEM, MESSAGE, LICENSE"
            )


def _unquoted(text: str) -> str:
    quoted = len(text) >= 2 and text[0] == text[-1] == '"' and "\n" not in text
    return text[1:-1] if quoted else text


def _quoted(text: str) -> str:
    plain = "\n" not in text and text == text.strip() and not text.startswith('"') and text
    return text if plain else f"{_TRIPLE}{text}{_TRIPLE}"
