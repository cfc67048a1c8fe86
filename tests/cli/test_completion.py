"""What the shell completes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from fluxmlx.cli import completing


def complete(line: str) -> list[str]:
    """What Tab offers at the end of a line, as bash asks for it."""
    variables = {
        "_FLUXMLX_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
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


def test_completion_never_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a server, and with a store that cannot be read, there is less to offer and no error."""
    from fluxmlx import hub
    from fluxmlx.errors import DownloadError

    def broken() -> list[Any]:
        raise DownloadError("no home")

    monkeypatch.setattr(hub, "list_models", broken)
    assert completing.models("SMO") == ["smollm2"] and completing.running_models("") == []
