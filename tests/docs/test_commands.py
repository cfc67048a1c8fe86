"""Every command and every Python block of README.md and docs/*.md does what the page says it does."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from fenced import PAGES, Piece, blocks, commands

# Commands that need a network, a build, another program or a minute; that their words are understood is tested too.
ELSEWHERE = re.compile(
    r"-m venv|pip install|hf\.co/|fluxmlx (?:pull|bench|info)\b|hub\.pull|\bci/|benchmarks/|git "
)
USUAL = re.compile(r"(?:localhost|127\.0\.0\.1):11434")
ASSIGNMENT = re.compile(r"[A-Z_]+=")
MODELFILE = "FROM smollm2\nSYSTEM You are a terse assistant.\nPARAMETER temperature 0.3\n"
WORDS = 12  # tokens of an answer


@pytest.fixture(scope="module")
def place(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A folder to work in, with `fluxmlx` as a command, and a store that has smollm2."""
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
    return made


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
        if piece.page == page and not ELSEWHERE.search(piece.text):
            _try(piece, place, server)


def _try(piece: Piece, place: dict[str, Any], server: str) -> None:
    words = shlex.split(piece.text, comments=True)
    variables = dict(word.split("=", 1) for word in itertools.takewhile(ASSIGNMENT.match, words))
    words = words[len(variables) :]
    if words[:2] == ["fluxmlx", "serve"]:
        process, _ = _serve(words, {**place, "env": {**place["env"], **variables}})
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0, piece
        return
    command = USUAL.sub(server, piece.text).replace("fluxmlx run ", f"fluxmlx run -n {WORDS} ")
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
    if ELSEWHERE.search(code):
        pytest.skip("needs a network")
    for name in ("openai", "ollama"):
        if re.search(rf"\bimport {name}\b|from {name} import", code):
            pytest.importorskip(name)
    if USUAL.search(code):
        code = USUAL.sub(request.getfixturevalue("server"), code)
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, **{**place, "env": environment}
    )
    assert done.returncode == 0, done.stderr
