"""`fluxmlx run`: prompts in, answers out, options through."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluxmlx.sampling import SamplingParams


def test_the_answer_alone_goes_to_stdout(invoke, engine) -> None:
    """The words of the prompt become one user message, and stdout holds the answer and a line end."""
    result = invoke("run", "m", "Why", "blue?")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "It is blue.\n", "")
    assert engine.calls == [("chat", [{"role": "user", "content": "Why blue?"}], {})]
    assert engine.loads[0][0] == "m" and engine.closed


def test_standard_input_is_the_prompt(invoke, engine) -> None:
    """Without words on the command line, what is piped in is the prompt, as it is."""
    invoke("run", "m", stdin="line one\nline two\n")
    assert engine.calls[0][1][0]["content"] == "line one\nline two\n"


def test_standard_input_goes_before_the_words(invoke, engine) -> None:
    """With both, the piped text comes first and the words after it, as with Ollama."""
    invoke("run", "m", "Summarise", "this", stdin="some text\n")
    assert engine.calls[0][1][0]["content"] == "some text\n Summarise this"


def test_no_prompt_at_all_is_wrong_usage(invoke, engine) -> None:
    """An empty pipe and no words: exit code 2, and the model is not loaded."""
    result = invoke("run", "m")
    assert result.exit_code == 2 and "there is no prompt" in result.stderr
    assert engine.loads == []


def test_raw_goes_around_the_template(invoke, engine) -> None:
    """With --raw the engine gets the bare prompt."""
    invoke("run", "--raw", "m", "Once upon")
    assert engine.calls == [("stream", "Once upon", {})]


def test_a_model_without_a_template_completes(invoke, engine) -> None:
    """A base model continues the prompt, and cannot take a system message."""
    engine.has_chat_template = False
    invoke("run", "m", "Once upon")
    assert engine.calls == [("stream", "Once upon", {})]
    result = invoke("run", "m", "x", "--system", "Be brief.")
    assert result.exit_code == 1 and "no chat template" in result.stderr


def test_the_system_message_comes_first(invoke, engine) -> None:
    """--system adds a system message before the prompt; with --raw it is wrong usage."""
    invoke("run", "m", "x", "--system", "Be brief.")
    assert engine.calls[0][1][0] == {"role": "system", "content": "Be brief."}
    assert invoke("run", "m", "x", "--raw", "--system", "Be brief.").exit_code == 2


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--temp", "0"], {"temperature": 0.0}),
        (["--temperature", "0.5"], {"temperature": 0.5}),
        (["--top-k", "5", "--top-p", "0.9", "--min-p", "0.1"], {"top_k": 5, "top_p": 0.9, "min_p": 0.1}),
        (["-s", "7"], {"seed": 7}),
        (["-n", "9"], {"num_predict": 9}),
        (["--predict", "9"], {"num_predict": 9}),
        (["--max-tokens", "1"], {"num_predict": 1}),
        (["-n", "-1"], {}),
        (["--stop", "a", "--stop", "\n"], {"stop": ["a", "\n"]}),
        (["--repeat-penalty", "1.1"], {"repeat_penalty": 1.1}),
        (["--nowordwrap"], {}),
    ],
)
def test_options_keep_their_names(invoke, engine, flags: list[str], expected: dict[str, object]) -> None:
    """Each flag becomes an option that SamplingParams knows; what is not given is left to the model."""
    assert invoke("run", "m", "x", *flags).exit_code == 0
    assert engine.calls[0][2] == expected
    SamplingParams.from_options(engine.calls[0][2])


def test_context_and_threads_go_to_the_load(invoke, engine) -> None:
    """-c and -t are options of loading, not of sampling."""
    invoke("run", "m", "x", "-c", "512", "-t", "2")
    assert engine.loads == [("m", {"ctx": 512, "threads": 2})] and engine.calls[0][2] == {}


def test_verbose_prints_timings_beside_the_answer(invoke, engine) -> None:
    """--verbose puts counts, durations and rates on stderr, and leaves stdout alone."""
    result = invoke("run", "m", "x", "--verbose")
    rows = dict(line.split(":", 1) for line in result.stderr.splitlines() if line)
    assert {name: value.strip() for name, value in rows.items()} == {
        "total duration": "1m2.000s",
        "load duration": "250.000ms",
        "prompt eval count": "5 token(s)",
        "prompt eval duration": "500.000ms",
        "prompt eval rate": "10.00 tokens/s",
        "eval count": "3 token(s)",
        "eval duration": "1.500s",
        "eval rate": "2.00 tokens/s",
    }
    assert result.stdout == "It is blue.\n"


def test_an_error_is_one_line(invoke, engine) -> None:
    """An error of the library is one line on stderr without a traceback, and exit code 1."""
    result = invoke("run", "missing", "x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: no model is called 'missing'\n"


def test_an_error_in_the_answer_closes_the_engine(invoke, engine) -> None:
    """A refused prompt is exit code 1, and the engine is closed all the same."""
    result = invoke("run", "m", "refuse this")
    assert result.exit_code == 1 and "the prompt was refused" in result.stderr
    assert engine.closed


def test_debug_shows_the_traceback(invoke, engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """--debug and FLUXMLX_DEBUG=1 print the traceback before the line."""
    for debug in (["--debug"], []):
        result = invoke("run", "missing", "x", *debug)
        assert "Traceback" in result.stderr and result.stderr.endswith(
            "error: no model is called 'missing'\n"
        )
        monkeypatch.setenv("FLUXMLX_DEBUG", "1")


def test_a_fault_of_ours_is_one_line_too(invoke, engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw is named, without a traceback unless --debug asks for it; exit code 1."""
    monkeypatch.setattr(engine, "chat", lambda *given, **options: {}["gone"])
    for debug in ([], ["--debug"]):
        result = invoke("run", "m", "x", *debug)
        assert result.exit_code == 1 and ("Traceback" in result.stderr) == bool(debug)
        assert result.stderr.endswith("error: KeyError: 'gone' (a fault of fluxmlx: --debug shows where)\n")


@pytest.mark.parametrize(
    "flags",
    [
        ["--temp", "-1"],
        ["--top-p", "7"],
        ["-s", "-5"],
        ["--stop", ""],
        ["-c", "0"],
        ["-t", "0"],
        ["--keepalive", "soon"],
    ],
)
def test_a_value_that_cannot_be_is_told_before_the_load(invoke, engine, flags: list[str]) -> None:
    """Exit code 2 at once, not after a model has been read or downloaded."""
    result = invoke("run", "m", "x", *flags)
    assert result.exit_code == 2 and engine.loads == [], result.stderr


@pytest.mark.parametrize(
    "arguments", [["run"], ["run", "m", "--top-k", "many"], ["run", "m", "--nope"], ["fly"]]
)
def test_wrong_usage_is_two(invoke, engine, arguments: list[str]) -> None:
    """A missing model, a bad value, an unknown option and an unknown verb exit with 2."""
    assert invoke(*arguments).exit_code == 2


def test_a_model_that_does_not_exist_needs_no_engine(invoke, tmp_path: Path) -> None:
    """`show` names the file it did not find."""
    result = invoke("show", str(tmp_path / "no.gguf"))
    assert result.exit_code == 1 and "no.gguf" in result.stderr


@pytest.mark.parametrize(
    ("words", "prompt_end"),
    [
        (("<th", "ink>Hm", ".</think>\n", "It is blue."), ""),
        (("Hm", ".</th", "ink>\n\nIt is blue."), "<think>\n"),
    ],
)
def test_thoughts_are_told_from_the_answer(invoke, engine, words: tuple[str, ...], prompt_end: str) -> None:
    """Of a model that thinks, whether it opens its thoughts itself or its template does."""
    engine.words, engine.prompt_end = words, prompt_end
    engine.chat_template.source = "{% if enable_thinking %}<think>{% endif %}"
    result = invoke("run", "m", "x", "--think=high")
    assert result.stdout == "Thinking...\nHm.\n...done thinking.\n\nIt is blue.\n"
    assert engine.calls[0][2] == {"template_options": {"enable_thinking": True, "reasoning_effort": "high"}}
    assert invoke("run", "m", "x", "--hidethinking").stdout == "It is blue.\n"


def test_a_model_that_cannot_think_says_so(invoke, engine) -> None:
    """--think is an error there; --think=false is what it does anyway."""
    result = invoke("run", "m", "x", "--think")
    assert result.exit_code == 1 and "cannot think" in result.stderr
    assert invoke("run", "m", "x", "--think=false").stdout == "It is blue.\n"
