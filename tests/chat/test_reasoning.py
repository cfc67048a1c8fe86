"""Thoughts apart from answers, however the text is cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxmlx.chat.reasoning import Reasoning, can_think, is_open

CASES = [
    (False, "<think>\nWell.\n</think>\n\nYes.", "Well.", "Yes."),
    (False, "\n<think>a</think>b", "a", "b"),
    (True, "\nWell, a < b.\n</think>\n\nYes. ", "Well, a < b.", "Yes. "),
    (True, "</think>Yes", "", "Yes"),
    (True, "never </thin closed ", "never </thin closed", ""),
    (False, "  Plain <think> later</think> ", "", "  Plain <think> later</think> "),
    (False, "<thin", "", "<thin"),
    (False, "<think></think>", "", ""),
    (True, "one </think> two </think> three", "one", "two </think> three"),
    (False, "", "", ""),
]


def parts(is_open: bool, pieces: list[str]) -> tuple[str, str]:
    reasoning = Reasoning(is_open=is_open)
    found = [*(reasoning.push(piece) for piece in pieces), reasoning.flush()]
    return "".join(p.thought for p in found), "".join(p.said for p in found)


@pytest.mark.parametrize(("opened", "text", "thought", "said"), CASES)
def test_an_answer_is_taken_apart(opened: bool, text: str, thought: str, said: str) -> None:
    """In one piece, and character by character."""
    assert parts(opened, [text]) == (thought, said)
    assert parts(opened, list(text)) == (thought, said)


PIECES = st.lists(
    st.sampled_from(["<think>", "</think>", "<", "think", ">", "</", " ", "\n", "a", "bc"]), max_size=12
)


@given(st.booleans(), PIECES, st.data())
def test_where_the_text_is_cut_does_not_matter(opened: bool, words: list[str], data: st.DataObject) -> None:
    """Any way to cut a text into pieces gives the same thoughts and the same answer."""
    text = "".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert parts(opened, pieces) == parts(opened, [text])


def test_templates_of_models_that_think_are_known() -> None:
    """By the mark, or by the variable that switches it."""
    assert can_think("{% if enable_thinking %}") and can_think("{{ '<think>' }}")
    assert not can_think("{{ messages }}")
    assert is_open("<|im_start|>assistant\n<think>\n") and not is_open("<think></think>")
