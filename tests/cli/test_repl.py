"""The chat on a terminal, with a person who types from a list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fluxmlx.cli.answering import Description, Talk
from fluxmlx.cli.repl import chat
from fluxmlx.cli.session import Session

Line = str | type[BaseException]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The model that answers."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    from fake_answering import FakeAnswering

    return FakeAnswering()


@pytest.fixture
def talk(fake: Any) -> Any:
    """Types lines into a chat; gives the conversations that the model was asked to answer."""

    def type_in(
        *lines: Line, system: str | None = None, remember: Any = lambda on: None
    ) -> list[list[dict[str, str]]]:
        typed = iter([*lines, EOFError])

        def read(prompt: str) -> str:
            line = next(typed)
            if isinstance(line, str):
                return line
            raise line

        with Session(fake.opening(), "fake", Talk(system=system)) as session:
            chat(session, read, remember=remember)
        return [asked.messages for asked in fake.asked]

    return type_in


def user(text: str) -> dict[str, str]:
    """A message of the person."""
    return {"role": "user", "content": text}


def test_the_conversation_grows_turn_by_turn(talk: Any) -> None:
    """Each turn sends the system message, all that was said, and the new message."""
    first, second = talk("one", "two", system="Be brief.")
    start = {"role": "system", "content": "Be brief."}
    assert first == [start, user("one")]
    assert second == [start, user("one"), {"role": "assistant", "content": "answer 1"}, user("two")]


def test_clear_forgets_all_but_the_system_message(talk: Any) -> None:
    """After /clear the next turn starts a new conversation under the same system message."""
    assert talk("one", "/clear", "two", system="s")[1] == [{"role": "system", "content": "s"}, user("two")]


@pytest.mark.parametrize("leave", ["/bye", "/exit", EOFError])
def test_ways_to_leave(talk: Any, leave: Line) -> None:
    """/bye, /exit and Ctrl-D end the chat; what comes after is not sent."""
    assert talk(leave, "one") == []


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (['"""', "a", "b", '"""'], "a\nb"),
        (['"""a', 'b"""'], "a\nb"),
        (['"""a"""'], "a"),
        (['"""', "", "a", "", '"""'], "a"),
        (['"""/bye is a command', '"""'], "/bye is a command"),
        (['def f(): """A doc'], 'def f(): """A doc'),
        (['an "" empty one'], 'an "" empty one'),
    ],
)
def test_triple_quotes_hold_several_lines(talk: Any, lines: list[str], text: str) -> None:
    """Lines between triple quotes are one message, however the quotes are placed."""
    assert talk(*lines)[0] == [user(text)]


def test_commands_and_empty_lines_are_not_messages(talk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Help, unknown commands and empty lines never reach the model; a path does."""
    assert talk("", "   ", "/?", "/nope", "/nope x", "/etc/hosts is what?") == [[user("/etc/hosts is what?")]]
    out = capsys.readouterr().out
    assert "/clear" in out and out.count("There is no command /nope") == 2


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("/? shortcuts", "Ctrl-A"),
        ("/help set", "/set parameter"),
        ("/? /show", "/show license"),
        ("/?", "/load MODEL"),
    ],
)
def test_help_by_subject(talk: Any, capsys: pytest.CaptureFixture[str], line: str, text: str) -> None:
    """/? alone lists the commands, and tells more about one."""
    talk(line)
    assert text in capsys.readouterr().out


def test_ctrl_c_at_the_prompt_does_not_leave(talk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C at the prompt, also between triple quotes, drops the line and says how to leave."""
    assert talk(KeyboardInterrupt, '"""half', KeyboardInterrupt, "one") == [[user("one")]]
    assert capsys.readouterr().out.count("Use Ctrl-D or /bye to leave.") == 2


def test_a_refused_message_is_not_kept(talk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """An error costs the message that caused it, not the conversation."""
    assert talk("one", "too long", "two")[1] == [
        user("one"),
        {"role": "assistant", "content": "answer 1"},
        user("two"),
    ]
    assert "error: too long" in capsys.readouterr().err


def test_settings_hold_for_the_next_answers(talk: Any, fake: Any) -> None:
    """Each /set changes what goes with the next request, and its no- form takes it back."""
    talk(
        "/set parameter temperature 0.5", "/set parameter stop a b", "/set parameter seed 7", "/set system Be brief.",
        "/set format json", "/set think high", "one", "/set noformat", "/set nothink", "/set system", "two",
        '/set format {"type": "object"}', "/set think", '/set system """Be', 'kind."""', "three",
    )  # fmt: skip
    one, two, three = fake.asked
    assert one.options == {"temperature": 0.5, "stop": ["a", "b"], "seed": 7}
    assert (one.system, one.format, one.think) == ("Be brief.", "json", "high")
    assert (two.system, two.format, two.think) == (None, None, False)
    assert (three.system, three.format, three.think) == ("Be\nkind.", {"type": "object"}, True)


@pytest.mark.parametrize(
    "line",
    ["/set parameter temprature 1", "/set parameter top_k many", "/set parameter seed", "/set format xml",
     "/set think often", "/load", "/load a b", "/load missing", "/save", "/save bad", "/set parameter num_ctx 9999"],
)  # fmt: skip
def test_a_bad_command_is_an_error_and_no_more(
    talk: Any, fake: Any, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, nothing changed, and the chat goes on."""
    talk(line, "one")
    assert capsys.readouterr().err.count("error: ") == 1
    assert (fake.asked[0].options, fake.asked[0].format, fake.saved) == ({}, None, [])


def test_unknown_settings_get_the_list(talk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """/set, /set nope and /show alone print what there is."""
    talk("/set", "/set nope", "/set quiet now", "/show", "/show nope")
    out = capsys.readouterr().out
    assert out.count("/set parameter") == 3 and out.count("/show modelfile") == 2


def test_switches_of_the_page(talk: Any, fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """verbose, wordwrap and history, and their opposites."""
    told: list[bool] = []
    talk("/set nohistory", "/set history", "/set nowordwrap", "/set wordwrap", remember=told.append)
    assert told == [False, True]
    out = capsys.readouterr().out
    assert "Lines break between words." in out and "Lines break where the terminal ends." in out


def test_show_tells_of_the_model_and_the_session(
    talk: Any, fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each part by its name; the parameters and the system message of the session beside the model's."""
    fake.shown = Description("the info", "the licence", "FROM x", "stop  1", "Its own.", "{{ t }}")
    talk("/show info", "/show license", "/show modelfile", "/show template", "/show system")
    out = capsys.readouterr().out
    assert out.endswith("the info\nthe licence\nFROM x\n{{ t }}\nIts own.\n\n")
    talk("/set system Mine.", "/show system", "/set parameter seed 1", "/show parameters")
    out = capsys.readouterr().out
    assert "\nMine.\n" in out and "Of the model:\nstop  1\nSet here:\nseed" in out


def test_show_says_what_is_not_there(talk: Any, fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """As a sentence, not as an error."""
    fake.shown = Description()
    talk("/show license", "/show system", "/show parameters")
    out, err = capsys.readouterr()
    assert "The model has no licence." in out and "no system message; /set system TEXT" in out and not err


def test_the_context_can_be_set_in_the_chat(talk: Any, fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """As in Ollama's: the model is loaded again with it, the conversation goes on, and /save keeps it."""
    assert (
        len(talk("one", "/set parameter num_ctx 64", "two", "/set parameter num_thread 1", "/save mine")[1])
        == 3
    )
    assert fake.with_options == [(None, None), (64, None), (64, 1)]
    assert "num_ctx is 64." in capsys.readouterr().out
    assert fake.saved[0][1].options == {"num_ctx": 64, "num_thread": 1}


def test_load_goes_on_with_another_model(talk: Any, fake: Any) -> None:
    """A new conversation with the same settings; where it fails the old one goes on."""
    assert talk("one", "/load other", "two", "/load missing", "three")[1:] == [
        [user("two")],
        [user("two"), {"role": "assistant", "content": "answer 2"}, user("three")],
    ]
    assert fake.opened == ["fake", "other", "fake"]


def test_ctrl_c_in_a_load_keeps_the_old_model(talk: Any, fake: Any) -> None:
    """The chat goes on with the model and the conversation that it had."""
    assert talk("one", "/load slow", "two")[1][-1] == user("two")
    assert fake.opened == ["fake", "fake"]


def test_save_has_the_settings_and_what_was_said(talk: Any, fake: Any) -> None:
    """/save makes a model of the session."""
    talk("/set system s", "/set parameter seed 1", "one", "/save mine")
    ((name, saved),) = fake.saved
    assert (name, saved.system, saved.options) == ("mine", "s", {"seed": 1})
    assert saved.messages == [user("one"), {"role": "assistant", "content": "answer 1"}]


def test_a_base_model_continues(talk: Any, fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a template each message is a text to continue, and a system message is an error."""
    fake.can_chat = False
    talk("Once upon", "/set system s", "a time")
    assert fake.completed == ["Once upon"] and "no chat template" in capsys.readouterr().err
