"""Modelfiles: read and written.

    FROM <name or path>        TEMPLATE <text>     MESSAGE <role> <text>
    PARAMETER <name> <value>   SYSTEM <text>       LICENSE <text>          ADAPTER <path>

A text is the rest of the line, or stands between triple quotes, or between quotes. `#` begins a comment line. The last
triple quotes of a line end a text, so that it may end with a quote.
Values of parameters are texts, too: where one has a line break in it, it stands between triple quotes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from fluxmlx.errors import CapabilityError, InvalidArgumentError
from fluxmlx.hub.details import Recipe
from fluxmlx.hub.options import add_parameter

__all__ = ["parameter_lines", "parse", "render"]

_ROLES = ("system", "user", "assistant", "tool")
_TRIPLE = '"""'
_QUOTED = ('"', _TRIPLE)
_MAX_BYTES = 4 << 20


def parse(text: str) -> Recipe:
    """Reads a Modelfile.

    Raises:
        InvalidArgumentError, CapabilityError: a line is not a command, or cannot be used; the text names the line.
    """
    if len(text) > _MAX_BYTES:
        raise InvalidArgumentError(f"the Modelfile has {len(text)} characters; at most {_MAX_BYTES} are read")
    recipe = Recipe()
    for line, command, value in _commands(text):
        try:
            _apply(recipe, command, value)
        except (InvalidArgumentError, CapabilityError) as error:
            raise type(error)(f"line {line} of the Modelfile: {error}") from None
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
    lines += [f"PARAMETER {name} {_written(item)}" for name, item in _items(recipe.params)]
    lines += [f"MESSAGE {row['role']} {_quoted(row['content'])}" for row in recipe.messages]
    lines += [f"LICENSE {_quoted(licence)}" for licence in recipe.licences]
    return "\n".join(lines) + "\n"


def parameter_lines(params: Mapping[str, Any], *, width: int = 0) -> list[str]:
    """One line for each parameter, and for each text of a list."""
    return [f"{name:<{width}} {json.dumps(item, ensure_ascii=False)}" for name, item in _items(params)]


def _items(params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in sorted(params.items()):
        for item in cast("list[Any]", value) if isinstance(value, list) else [value]:
            yield name, item


def _written(item: Any) -> str:
    return _quoted(item, _QUOTED) if isinstance(item, str) else json.dumps(item)


def _commands(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, command and value of each command."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    number = 0
    while number < len(lines):
        first, line = number + 1, lines[number]
        number += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        command, value = _split(line)
        prefix = ""
        if command.upper() in ("MESSAGE", "PARAMETER"):
            prefix, value = _split(value)
            prefix += " "
        if not value.strip():
            raise InvalidArgumentError(f"line {first} of the Modelfile: {command.upper()} needs a value")
        if value.startswith(_TRIPLE):
            value = value[len(_TRIPLE) :]
            while _TRIPLE not in value:
                if number == len(lines):
                    raise InvalidArgumentError(f'line {first} of the Modelfile: """ is opened and not closed')
                value += "\n" + lines[number]
                number += 1
            value, _, after = value.rpartition(_TRIPLE)
            if after.strip():
                raise InvalidArgumentError(f"line {number} of the Modelfile: text after the closing quotes")
        else:
            value = value.rstrip()
            value = value[1:-1] if len(value) >= 2 and value[0] == value[-1] == '"' else value
        yield first, command.upper(), prefix + value


def _split(text: str) -> tuple[str, str]:
    """The first word, and what comes after it."""
    word, rest, *_ = [*text.split(maxsplit=1), "", ""]
    return word, rest


def _apply(recipe: Recipe, command: str, value: str) -> None:
    match command:
        case "FROM" if recipe.from_:
            raise CapabilityError(
                "there is a second FROM; parts for images are not supported yet, and a model has one"
            )
        case "FROM":
            recipe.from_ = value
        case "TEMPLATE":
            recipe.template = value
        case "SYSTEM":
            recipe.system = value
        case "LICENSE":
            recipe.licences.append(value)
        case "ADAPTER":
            recipe.adapters.append(value)
        case "PARAMETER":
            name, _, text = value.partition(" ")
            add_parameter(recipe.params, name.lower(), text)
        case "MESSAGE":
            role, _, content = value.partition(" ")
            if role.lower() not in _ROLES:
                raise InvalidArgumentError(f"the role is {role[:40]!r}; expected one of {', '.join(_ROLES)}")
            recipe.messages.append({"role": role.lower(), "content": content})
        case _:
            raise _unusable(command)


def _unusable(command: str) -> CapabilityError | InvalidArgumentError:
    if command in ("RENDERER", "PARSER", "REQUIRES"):
        return CapabilityError(
            f"{command} names a part of Ollama's own program; leave the line out, and the chat template is used"
        )
    return InvalidArgumentError(
        f"{command[:40]!r} is not a command; expected FROM, PARAMETER, TEMPLATE, SYSTEM, MESSAGE, LICENSE"
    )


def _quoted(text: str, forms: Sequence[str] = ("", *_QUOTED)) -> str:
    """A text between the first of these quotes with which it is read back as it is."""
    written = [f"{quotes}{text}{quotes}" for quotes in forms]
    return next((one for one in written if _read_back(one) == text), written[-1])


def _read_back(written: str) -> str | None:
    try:
        ((_, _, value),) = _commands(f"SYSTEM {written}")
    except ValueError:  # several commands, or none that is right
        return None
    return value
