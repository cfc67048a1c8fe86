"""Tokens whose meaning only their text tells: ends of turns and of files. The texts are llama.cpp's lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# In order of preference: the first one present is the end-of-turn token of a file that names none.
END_OF_TURN = (
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "<end_of_utterance>",
)
END_OF_MESSAGE = ("<|eom_id|>",)
END_OF_GENERATION = (
    *END_OF_TURN,
    *END_OF_MESSAGE,
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "</s>",
    "[EOS]",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "[e~[",
)
# Fill-in-the-middle tokens that also end an answer, by the name of their id key.
FILL_END = {
    "fim_pad": ("<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"),
    "fim_rep": ("<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"),
    "fim_sep": ("<|file_sep|>",),
}
# Every text above.
ALL = frozenset(END_OF_GENERATION) | {text for texts in FILL_END.values() for text in texts}


@dataclass(frozen=True, slots=True)
class Markers:
    """What the texts of a vocabulary say."""

    eot_id: int | None
    eog_ids: frozenset[int]
    controls: frozenset[int]


def find(ids: Mapping[str, int], named: Mapping[str, int | None]) -> Markers:
    """Collects the ids that end a generation.

    Args:
        ids: text to id of every token.
        named: the ids that the file names itself (`bos`, `eos`, `eot`, `eom`, `fim_pad`, ...).
    """
    controls = {ids[text] for text in END_OF_GENERATION if text in ids}
    eot = _named_or_first(named.get("eot"), END_OF_TURN, ids)
    eog = set(controls) | _some(named.get("eos"), eot, _named_or_first(named.get("eom"), END_OF_MESSAGE, ids))
    for key, texts in FILL_END.items():
        fill = _named_or_first(named.get(key), texts, ids)
        eog |= _some(fill)
        controls |= _some(fill)
    return Markers(eot, frozenset(eog - _not_ends(ids)), frozenset(controls))


def _named_or_first(named: int | None, texts: tuple[str, ...], ids: Mapping[str, int]) -> int | None:
    if named is not None:
        return named
    return next((ids[text] for text in texts if text in ids), None)


def _some(*values: int | None) -> set[int]:
    return {value for value in values if value is not None}


def _not_ends(ids: Mapping[str, int]) -> set[int]:
    """Tokens that look like an end and are none, by the company they keep.

    In the harmony and solar formats `<|end|>` closes a part of an answer; with `<|tool_response>`, `</s>` is
    text.
    """
    harmony = "<|return|>" in ids and ("<|call|>" in ids or "<|calls|>" in ids)
    solar = "<|calls|>" in ids and "<|flush|>" in ids
    parts = {ids["<|end|>"]} if (harmony or solar) and "<|end|>" in ids else set()
    return parts | ({ids["</s>"]} if "<|tool_response>" in ids and "</s>" in ids else set())
