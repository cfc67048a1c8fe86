"""Every command of docs/openai.md, run against a server with SmolLM2."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_server import serving_model

PAGE = (Path(__file__).parents[2] / "docs" / "openai.md").read_text(encoding="utf-8")
SHELL = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PYTHON = re.findall(r"^```py\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
HERE = "localhost:11434"
pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def place(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the server is that the page puts at localhost:11434."""
    with serving_model(smollm2, tmp_path_factory.mktemp("store"), alias="smollm2") as running:
        yield running.url.removeprefix("http://")


def test_the_page_has_commands() -> None:
    """They are found by their fences."""
    assert len(SHELL) == 7 and len(PYTHON) == 1


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("block", SHELL, ids=range(len(SHELL)))
def test_the_lines_for_a_shell(place: str, block: str) -> None:
    """Each answers with JSON, or a stream of it that came to its end."""
    for command in re.split(r"^(?=curl)", block, flags=re.MULTILINE)[1:]:
        text = command.replace(HERE, place).replace(
            "curl ", "curl --silent --show-error --fail-with-body ", 1
        )
        ran = subprocess.run(["bash", "-c", text], capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        if "data: " in ran.stdout:
            assert ran.stdout.rstrip().endswith("data: [DONE]")
        else:
            json.loads(ran.stdout)


def test_the_lines_of_python(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The program prints an answer."""
    pytest.importorskip("openai", reason="needs openai: pip install 'fluxmlx[clients]'")
    exec(compile(PYTHON[0].replace(HERE, place), "docs/openai.md", "exec"), {})
    assert capsys.readouterr().out.strip()
