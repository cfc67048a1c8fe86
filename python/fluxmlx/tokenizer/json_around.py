"""What a tokenizer.json puts before and after a text."""

from __future__ import annotations

from typing import Any, cast

from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer.vocabulary import MAX_TOKENS

__all__ = ["FILE", "around", "is_id"]

FILE = "tokenizer.json"
_OLDER = ("BertProcessing", "RobertaProcessing")  # forms with a name for each of the two


def around(post_processor: Any) -> tuple[list[int], list[int]]:
    """The ids that go before and after a single text, at most one of each.

    Raises:
        TokenizerError: there are more, or they are no ids.
    """
    before, after = _around(post_processor)
    if len(before) > 1 or len(after) > 1 or not all(map(is_id, before + after)):
        raise TokenizerError(
            f"{FILE}: a text gets {before} before and {after} after it; one of each is known"
        )
    return before, after


def is_id(value: Any) -> bool:
    """Whether it can be a token's id."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_TOKENS


def _around(part: Any) -> tuple[list[Any], list[Any]]:
    fields = cast("dict[str, Any]", part) if isinstance(part, dict) else {}
    kind = fields.get("type")
    if kind == "Sequence":
        found = [_around(each) for each in fields.get("processors") or []]
        return next((each for each in found if each != ([], [])), ([], []))
    if kind in _OLDER:
        return [_second(fields.get("cls"))], [_second(fields.get("sep"))]
    return _template(fields) if kind == "TemplateProcessing" else ([], [])


def _second(pair: Any) -> Any:
    """The id of a text and its id."""
    return (
        cast("list[Any]", pair)[1] if isinstance(pair, list) and len(cast("list[Any]", pair)) == 2 else pair
    )


def _template(fields: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    before: list[Any] = []
    after: list[Any] = []
    ids: dict[str, Any] = fields.get("special_tokens") or {}
    into = before
    for piece in fields.get("single") or []:
        if "Sequence" in piece:
            into = after
        name = piece.get("SpecialToken", {}).get("id")
        into += ids.get(name, {}).get("ids", []) if name is not None else []
    return before, after
