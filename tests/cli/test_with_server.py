"""The command line and a real server with SmolLM2, as two processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.engine

COMMAND = [sys.executable, "-m", "fluxmlx"]
Fluxmlx = Callable[..., "subprocess.CompletedProcess[str]"]


def environment(home: Path, **more: str) -> dict[str, str]:
    """Variables of a process with a store of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLUXMLX_", "OLLAMA_"))}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "FLUXMLX_HOME": str(home),
        "OLLAMA_MODELS": str(home / "ollama"),
        "NO_COLOR": "1",
        **more,
    }


def started(home: Path, *flags: str) -> tuple[subprocess.Popen[str], str]:
    """A server on a free port, and its address."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *flags], stderr=subprocess.PIPE, text=True, env=environment(home)
    )
    assert process.stderr
    log = ""
    for line in process.stderr:
        log += line
        if found := re.search(r"listening on http://(\S+)", line):
            return process, found[1]
    raise AssertionError(f"the server did not start: {log}")


@pytest.fixture(scope="module")
def home(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the model tiny, which begins every conversation with a message."""
    folder = tmp_path_factory.mktemp("home")
    text = f"FROM {smollm2}\nPARAMETER num_ctx 1024\nPARAMETER temperature 0\nPARAMETER num_predict 8\n"
    create = [*COMMAND, "create", "tiny", "-f", "-"]
    subprocess.run(
        create, input=text, text=True, check=True, env=environment(folder), stderr=subprocess.DEVNULL
    )
    return folder


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[str]:
    """The address of a server, which ends with 0 after SIGTERM."""
    process, address = started(home)
    yield address
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0


@pytest.fixture
def fluxmlx(home: Path, server: str) -> Fluxmlx:
    """Runs the command line beside the server."""

    def call(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
            env=environment(home, FLUXMLX_HOST=server, **variables), check=False,
        )  # fmt: skip

    return call


def test_run_ps_and_stop(fluxmlx: Fluxmlx) -> None:
    """The server answers with the bytes that this process would answer with, lists the model, and lets it go."""
    prompt = ["The sky", "is"]
    there = fluxmlx("run", "tiny", *prompt, "--keepalive", "10m", "--verbose")
    here = fluxmlx("run", "tiny", *prompt, "--local")
    assert there.returncode == 0, there.stderr
    assert there.stdout == here.stdout and len(there.stdout) > 8
    assert "eval count:           8 token(s)" in there.stderr and "load duration:" in there.stderr
    titles, row = fluxmlx("ps").stdout.splitlines()
    assert titles.split() == ["NAME", "ID", "SIZE", "PROCESSOR", "CONTEXT", "UNTIL"]
    assert re.search(r"^tiny:latest +[0-9a-f]{12} +\d+ MB +100% CPU +1024 +(9|10) minutes from now$", row)
    (document,) = json.loads(fluxmlx("ps", "--json").stdout)
    assert document["name"] == "tiny:latest"
    assert fluxmlx("stop", "tiny").stderr == "stopped 'tiny'\n"
    assert json.loads(fluxmlx("ps", "--json").stdout) == []


def test_a_raw_prompt_and_options(fluxmlx: Fluxmlx) -> None:
    """--raw, a seed and other options give the same text with and without the server."""
    words = ["run", "tiny", "--raw", "Once upon a", "--temp", "0.9", "-s", "7", "-n", "12", "--top-p", "0.8"]
    assert fluxmlx(*words).stdout == fluxmlx(*words, "--local").stdout


def test_errors_of_the_server_are_sentences(fluxmlx: Fluxmlx) -> None:
    """A model that is nowhere, thinking that it cannot: one line and exit code 1."""
    for words in (["stop", "nope"], ["run", "tiny", "x", "--think"]):
        done = fluxmlx(*words)
        assert done.returncode == 1 and done.stderr.startswith("error: "), (words, done)
        assert done.stderr.count("\n") == 1, done.stderr


def test_a_port_that_is_taken(home: Path, server: str) -> None:
    """The error says who has it."""
    command = [*COMMAND, "serve", "--host", server]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=environment(home), check=False
    )
    assert done.returncode == 1
    assert re.search(
        rf"error: http://{server} is taken by another fluxmlx \(version .+\); stop it", done.stderr
    )


def test_a_key_is_asked_for(home: Path) -> None:
    """A server with a key answers who has it, and tells others what is missing."""
    process, address = started(home, "--api-key", "secret")
    try:
        for key, code in (("", 1), ("wrong", 1), ("secret", 0)):
            variables = environment(home, FLUXMLX_HOST=address, FLUXMLX_API_KEY=key)
            done = subprocess.run(
                [*COMMAND, "ps"], capture_output=True, text=True, env=variables, check=False
            )
            assert done.returncode == code and ("FLUXMLX_API_KEY" in done.stderr) == bool(code)
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_saving_a_chat(home: Path, server: str) -> None:
    """/save has the server make a model that goes on with the conversation; /show and /load work there too."""
    sys.path.append(str(Path(__file__).parent))
    from test_terminal import Terminal

    def start(*words: str, variables: dict[str, str], **streams: Any) -> subprocess.Popen[bytes]:
        settings = environment(home, FLUXMLX_HOST=server, **variables)
        return subprocess.Popen([*COMMAND, "run", "tiny"], env=settings, **streams)

    chat = Terminal(start)
    try:
        chat.say("/set system You are a parrot.\n")
        chat.say("/set parameter seed 7\n")
        chat.say("Hello\n")
        chat.say("/save parrot\n")
        chat.wait_for("Created model 'parrot'.")
        chat.say("/load parrot\n")
        chat.wait_for("Loaded 'parrot'.")
        chat.say("/show system\n")
        chat.wait_for("You are a parrot.\r\n")
        chat.say("/bye\n")
        assert chat.ends() == 0
    finally:
        chat.close()
    show = [*COMMAND, "show", "parrot", "--modelfile"]
    shown = subprocess.run(show, capture_output=True, text=True, env=environment(home), check=True).stdout
    assert (
        "SYSTEM You are a parrot." in shown and "PARAMETER seed 7" in shown and "MESSAGE user Hello" in shown
    )
