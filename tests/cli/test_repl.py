"""The chat on a terminal, with a person who types from a list."""

from __future__ import annotations

import pytest

from fluxmlx.cli.answer import Answer
from fluxmlx.cli.repl import chat
from fluxmlx.errors import InvalidArgumentError

Message = dict[str, str]


def talk(lines: list[str | type[BaseException]], *, system: str | None = None) -> list[list[Message]]:
    """The conversations that the model was asked to answer while somebody typed these lines."""
    typed = iter([*lines, EOFError])
    asked: list[list[Message]] = []

    def read(prompt: str) -> str:
        line = next(typed)
        if isinstance(line, str):
            return line
        raise line

    def answering(messages: list[Message]) -> Answer:
        if messages[-1]["content"] == "too long":
            raise InvalidArgumentError("too long")
        asked.append(list(messages))
        return Answer(text=f"answer {len(asked)}")

    chat(answering, system=system, verbose=False, read=read)
    return asked


def user(text: str) -> Message:
    """A message of the person."""
    return {"role": "user", "content": text}


def test_the_history_grows_turn_by_turn() -> None:
    """Each turn sends the system message, all that was said, and the new message."""
    first, second = talk(["one", "two"], system="Be brief.")
    start = {"role": "system", "content": "Be brief."}
    assert first == [start, user("one")]
    assert second == [start, user("one"), {"role": "assistant", "content": "answer 1"}, user("two")]


def test_clear_forgets_all_but_the_system_message() -> None:
    """After /clear the next turn starts a new conversation under the same system message."""
    assert talk(["one", "/clear", "two"], system="s")[1] == [{"role": "system", "content": "s"}, user("two")]


@pytest.mark.parametrize("leave", ["/bye", "/exit", EOFError])
def test_ways_to_leave(leave: str | type[BaseException]) -> None:
    """/bye, /exit and Ctrl-D end the chat; what comes after is not sent."""
    assert talk([leave, "one"]) == []


def test_triple_quotes_hold_several_lines() -> None:
    """Lines between triple quotes are one message, however the quotes are placed."""
    assert talk(['"""', "a", "b", '"""'])[0] == [user("a\nb")]
    assert talk(['"""a', 'b"""'])[0] == [user("a\nb")]
    assert talk(['"""a"""'])[0] == [user("a")]


def test_commands_and_empty_lines_are_not_messages(capsys: pytest.CaptureFixture[str]) -> None:
    """Help, unknown commands and empty lines never reach the model; a path does."""
    assert talk(["", "   ", "/?", "/nope", "/etc/hosts is what?"]) == [[user("/etc/hosts is what?")]]
    out = capsys.readouterr().out
    assert "/clear" in out and "There is no command /nope" in out


def test_ctrl_c_at_the_prompt_does_not_leave(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C at the prompt, also between triple quotes, drops the line and says how to leave."""
    assert talk([KeyboardInterrupt, '"""half', KeyboardInterrupt, "one"]) == [[user("one")]]
    assert capsys.readouterr().out.count("Use Ctrl-D or /bye to leave.") == 2


def test_a_refused_message_is_not_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """An error costs the message that caused it, not the conversation."""
    assert talk(["one", "too long", "two"])[1][-1] == user("two")
    assert len(talk(["one", "too long", "two"])[1]) == 3
    assert "error: too long" in capsys.readouterr().err
