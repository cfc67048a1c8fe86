"""What the shell completes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fluxmlx.cli import completing


def complete(line: str) -> list[str]:
    """What Tab offers at the end of a line, as bash asks for it."""
    variables = {
        "_FLUXMLX_COMPLETE": "complete_bash",
        "COMP_WORDS": line.replace(" ", "\n"),
        "COMP_CWORD": str(len(line.split(" ")) - 1),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    command = [sys.executable, "-m", "fluxmlx"]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    return done.stdout.split()


def test_the_shell_completes_verbs_and_models(ollama: Any) -> None:
    """Verbs, names of models, and with `stop` those that the server has loaded."""
    assert complete("fluxmlx sto") == ["stop"]
    assert complete("fluxmlx run smo") == ["smollm2"]
    ollama.running = [{"name": "tiny:latest"}, {"name": "other:latest"}]
    assert complete("fluxmlx stop ti") == ["tiny:latest"]


SCRIPT = """
source <("$PYTHON" -m fluxmlx --show-completion bash)
COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _fluxmlx_completion "$2"; echo "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("fluxmlx run ti", "tiny:big tiny:small"),
        ("fluxmlx run tiny :", "big small"),
        ("fluxmlx run tiny : b", "big"),
        ("fluxmlx show tiny : sm", "small"),
        ("fluxmlx sho", "show"),
    ],
)
def test_bash_completes_names_with_a_tag(words: str, offered: str, tmp_path: Path) -> None:
    """bash takes a colon for the end of a word; the script is the one that --show-completion prints."""
    for tag in ("big", "small"):
        place = Path(os.environ["FLUXMLX_HOME"]) / "models/manifests/registry.ollama.ai/library/tiny" / tag
        place.parent.mkdir(parents=True, exist_ok=True)
        layer = {"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:" + "a" * 64, "size": 1}
        place.write_text(json.dumps({"layers": [layer]}))
    program = tmp_path / "fluxmlx"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fluxmlx "$@"\n')
    program.chmod(0o755)
    path = os.pathsep.join(filter(None, sys.path))
    variables = {
        "PYTHON": sys.executable,
        "PYTHONPATH": path,
        "SHELL": "/bin/bash",
        "OLLAMA_MODELS": str(tmp_path),
    }
    command = ["bash", "-c", SCRIPT, "bash", words, str(program)]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert done.stdout.split() == offered.split(), done.stderr


def test_completion_never_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a server, and with a store that cannot be read, there is less to offer and no error."""
    from fluxmlx import hub
    from fluxmlx.errors import DownloadError

    def broken() -> list[Any]:
        raise DownloadError("no home")

    monkeypatch.setattr(hub, "list_models", broken)
    assert completing.models("SMO") == ["smollm2"] and completing.running_models("") == []
