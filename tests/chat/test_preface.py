"""What a model's author puts before every conversation."""

from __future__ import annotations

import pytest

from fluxmlx.chat import with_preface

ASK = {"role": "user", "content": "Why?"}
OWN = {"role": "system", "content": "mine"}
SHOT = {"role": "user", "content": "shot"}


@pytest.mark.parametrize(
    ("messages", "system", "preface", "expected"),
    [
        ([ASK], None, [], [ASK]),
        ([ASK], "theirs", [], [{"role": "system", "content": "theirs"}, ASK]),
        ([OWN, ASK], "theirs", [], [OWN, ASK]),
        ([ASK], "theirs", [SHOT], [{"role": "system", "content": "theirs"}, SHOT, ASK]),
        ([OWN, ASK], "theirs", [SHOT], [OWN, SHOT, ASK]),
        ([ASK], None, [SHOT], [SHOT, ASK]),
    ],
)
def test_the_system_message_of_the_caller_wins(messages, system, preface, expected) -> None:
    """The model's system message comes first unless the caller has one, then its messages, then the caller's."""
    assert with_preface(messages, system, preface) == expected


@pytest.mark.parametrize("messages", ["text", {"role": "user"}, None, 3])
def test_what_is_no_conversation_is_left_to_the_check(messages) -> None:
    """Values that are no list of messages come back as they are, for the error that names them."""
    assert with_preface(messages, "theirs", [SHOT]) is messages
