"""`fluxmlx ps`, `stop` and `run` with a server, and what they say without one."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest


def loaded(name: str, seconds: float, *, size: int = 200_000_000, vram: int = 0) -> dict[str, Any]:
    """A row of /api/ps."""
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    return {"name": name, "model": name, "size": size, "digest": "ab" * 32, "size_vram": vram,
            "context_length": 4096, "expires_at": end.isoformat()}  # fmt: skip


def test_ps_has_the_columns_of_ollama(invoke: Any, ollama: Any) -> None:
    """NAME, ID, SIZE, PROCESSOR, CONTEXT, UNTIL; --json is what the server says."""
    ollama.running = [
        loaded("tiny:latest", 290),
        loaded("big:8b", 10**10, size=4, vram=4),
        loaded("both:1b", -1, size=4, vram=1),
    ]
    assert [re.split(r" {2,}", line) for line in invoke("ps").stdout.splitlines()] == [
        ["NAME", "ID", "SIZE", "PROCESSOR", "CONTEXT", "UNTIL"],
        ["tiny:latest", "abababababab", "200 MB", "100% CPU", "4096", "4 minutes from now"],
        ["big:8b", "abababababab", "4 B", "100% GPU", "4096", "Forever"],
        ["both:1b", "abababababab", "4 B", "75%/25% CPU/GPU", "4096", "Stopping..."],
    ]
    assert json.loads(invoke("ps", "--json").stdout) == ollama.running


def test_stop_unloads(invoke: Any, ollama: Any) -> None:
    """An empty request with keep_alive 0 for each name; a name that the server does not know is an error."""
    assert invoke("stop", "a", "b").stderr == "stopped 'a'\nstopped 'b'\n"
    assert [body["model"] for body in ollama.bodies("/api/generate")] == ["a", "b"]
    assert all(body["keep_alive"] == 0 and "prompt" not in body for body in ollama.bodies("/api/generate"))
    ollama.replies["/api/generate"] = 404, {"error": "model 'c' not found"}
    gone = invoke("stop", "c")
    assert (gone.exit_code, gone.stderr) == (1, "error: model 'c' not found\n")


@pytest.mark.parametrize("verb", [("ps",), ("stop", "m")])
def test_without_a_server_it_says_how_to_start_one(invoke: Any, verb: tuple[str, ...]) -> None:
    """One line with the address and what to do, and exit code 1."""
    result = invoke(*verb)
    assert result.exit_code == 1 and result.stderr.count("\n") == 1
    assert "no server at http://127.0.0.1:1 " in result.stderr and "fluxmlx serve" in result.stderr


def test_run_talks_to_the_server(invoke: Any, ollama: Any, engine: Any) -> None:
    """The server loads the model and answers; nothing is loaded here."""
    result = invoke("run", "tiny", "Why", "blue?", "--verbose")
    assert (result.exit_code, result.stdout) == (0, "It is blue.\n")
    assert [path for path, _ in ollama.asked] == ["/api/show", "/api/generate", "/api/chat"]
    asked = ollama.bodies("/api/chat")[0]
    assert asked["messages"] == [{"role": "user", "content": "Why blue?"}] and asked["stream"] is True
    assert not {"format", "think", "keep_alive"} & set(asked) and engine.loads == []
    for line in ("total duration:       2.500s", "eval rate:            2.00 tokens/s"):
        assert line in result.stderr


def test_options_go_to_the_server(invoke: Any, ollama: Any) -> None:
    """Options of the load and of the answer by Ollama's names, with the flags beside them."""
    flags = ["-c", "512", "-t", "2", "--temp", "0", "-n", "9", "--stop", "x", "--format", "json"]
    invoke("run", "tiny", "Hi", *flags, "--keepalive", "10m", "--think=high", "--system", "s")
    load, asked = ollama.bodies("/api/generate")[0], ollama.bodies("/api/chat")[0]
    assert load["options"] == {"num_ctx": 512, "num_thread": 2} and load["keep_alive"] == "10m"
    assert asked["options"] == {
        "num_ctx": 512,
        "num_thread": 2,
        "temperature": 0.0,
        "num_predict": 9,
        "stop": ["x"],
    }
    assert (asked["format"], asked["keep_alive"], asked["think"]) == ("json", "10m", "high")
    assert asked["messages"][0] == {"role": "system", "content": "s"}
    for flag, value in (("--keepalive=-1", -1), ("--keepalive=0", 0)):
        invoke("run", "tiny", "Hi", flag)
        assert ollama.bodies("/api/chat")[-1]["keep_alive"] == value


@pytest.mark.parametrize(
    ("flag", "value"), [("--think", True), ("--think=true", True), ("--think=false", False)]
)
def test_think_may_stand_alone(invoke: Any, ollama: Any, flag: str, value: bool) -> None:
    """--think takes no word of the prompt, and a word after -- stays a word."""
    invoke("run", "tiny", flag, "Hi", "--", "--think")
    asked = ollama.bodies("/api/chat")[0]
    assert asked["think"] is value and asked["messages"][0]["content"] == "Hi --think"


@pytest.mark.parametrize("flags", [["--think=often"], ["--format", "xml"], ["--format", "[1]"]])
def test_bad_values_are_wrong_usage(invoke: Any, ollama: Any, flags: list[str]) -> None:
    """Exit code 2, before anything is asked of the server."""
    assert invoke("run", "tiny", "Hi", *flags).exit_code == 2 and ollama.asked == []


def test_a_schema_is_sent_as_an_object(invoke: Any, ollama: Any) -> None:
    """--format takes a JSON schema."""
    invoke("run", "tiny", "Hi", "--format", '{"type": "object"}')
    assert ollama.bodies("/api/chat")[0]["format"] == {"type": "object"}


def test_thoughts_are_marked_or_hidden(invoke: Any, ollama: Any) -> None:
    """What the model thinks stands before the answer between two lines, and --hidethinking leaves it out."""
    ollama.thinking = "Hm."
    marked = "Thinking...\nHm.\n...done thinking.\n\nIt is blue.\n"
    assert invoke("run", "tiny", "Hi").stdout == marked
    assert invoke("run", "tiny", "Hi", "--hidethinking").stdout == "It is blue.\n"


def test_a_model_that_is_missing_is_pulled(invoke: Any, ollama: Any) -> None:
    """As with `ollama run`; the steps are told on standard error."""
    ollama.missing = {"tiny"}
    result = invoke("run", "tiny", "Hi")
    assert (result.stdout, result.stderr) == ("It is blue.\n", "pulling manifest\nsuccess\n")


def test_a_registry_without_tls_has_to_be_allowed(invoke: Any, ollama: Any) -> None:
    """--insecure goes to the pull that a run begins with, and to no other request."""
    ollama.missing = {"h:1/n/tiny"}
    assert invoke("run", "h:1/n/tiny", "Hi", "--insecure").exit_code == 0
    assert ollama.bodies("/api/pull") == [{"model": "h:1/n/tiny", "insecure": True}]


def test_raw_and_base_models_are_completed(invoke: Any, ollama: Any) -> None:
    """--raw, and a model without a template, go to /api/generate as they are."""
    invoke("run", "tiny", "--raw", "Once")
    ollama.shown.pop("template")
    invoke("run", "tiny", "upon")
    asked = [body for body in ollama.bodies("/api/generate") if body.get("prompt")]
    assert [(body["prompt"], body["raw"]) for body in asked] == [("Once", True), ("upon", True)]


def test_an_error_of_the_server_is_one_line(invoke: Any, ollama: Any) -> None:
    """A refusal, and an answer that breaks off, with exit code 1."""
    ollama.replies["/api/chat"] = 400, {"error": '"tiny" does not support thinking'}
    result = invoke("run", "tiny", "Hi")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == 'error: "tiny" does not support thinking\n'
    del ollama.replies["/api/chat"]
    ollama.cut = 1
    result = invoke("run", "tiny", "Hi")
    assert (result.exit_code, result.stdout) == (1, "It \n") and "went away" in result.stderr


def test_what_stays_in_this_process(
    invoke: Any, ollama: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--local, a path, and an Ollama at the usual address: the model is loaded here."""
    invoke("run", "tiny", "Hi", "--local")
    invoke("run", "./tiny.gguf", "Hi")
    monkeypatch.setenv("OLLAMA_HOST", ollama.host)
    monkeypatch.delenv("FLUXMLX_HOST")
    ollama.server = ""
    invoke("run", "tiny", "Hi")
    assert [name for name, _ in engine.loads] == ["tiny", "./tiny.gguf", "tiny"] and ollama.asked == []
    ollama.server = "fluxmlx/1.0"
    invoke("run", "tiny", "Hi")
    assert len(engine.loads) == 3 and len(ollama.bodies("/api/chat")) == 1


def test_a_server_that_is_named_must_be_there(
    invoke: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FLUXMLX_HOST without a server behind it is an error, not a load in this process."""
    monkeypatch.setenv("FLUXMLX_HOST", "127.0.0.1:1")
    result = invoke("run", "tiny", "Hi")
    assert result.exit_code == 1 and "FLUXMLX_HOST" in result.stderr and engine.loads == []


def test_without_a_server_think_and_format_are_not_ignored(invoke: Any, engine: Any) -> None:
    """What this process cannot do yet is an error that says so."""
    result = invoke("run", "m", "Hi", "--format", "json")
    assert result.exit_code == 1 and "format" in result.stderr and engine.calls == []
