"""WordPiece in a tokenizer.json."""

from __future__ import annotations

from typing import Any

from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer.json_around import FILE

__all__ = ["inside_of_words", "is_word_piece"]

_MOST_CHARACTERS = 1000  # of a word: the library takes time that grows with the square of them


def is_word_piece(model: dict[str, Any]) -> bool:
    """Whether that is the model; older files do not name it."""
    return model.get("type") == "WordPiece" or (
        "type" not in model and "merges" not in model and "continuing_subword_prefix" in model
    )


def inside_of_words(model: dict[str, Any], added: list[dict[str, Any]]) -> str | None:
    """What the tokens inside of words begin with, "##" mostly; None where the model is another one than WordPiece.

    Raises:
        TokenizerError: it asks for what is not known here.
    """
    if not is_word_piece(model):
        return None
    prefix, most = model.get("continuing_subword_prefix", "##"), model.get("max_input_chars_per_word", 100)
    if not isinstance(prefix, str) or not prefix:
        raise TokenizerError(f"{FILE}: continuing_subword_prefix is {str(prefix)[:40]!r}; expected a text")
    if not isinstance(most, int) or not 0 < most <= _MOST_CHARACTERS:
        raise TokenizerError(
            f"{FILE}: max_input_chars_per_word is {str(most)[:40]}; expected 1 to {_MOST_CHARACTERS}"
        )
    odd = next((row for row in added if not row.get("special") and row.get("normalized")), None)
    if odd is not None:
        raise TokenizerError(
            f"{FILE}: the added token {str(odd['content'])[:40]!r} is found in texts after they were changed, which is "
            "not known for WordPiece"
        )
    return prefix
