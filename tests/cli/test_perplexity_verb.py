"""`fluxmlx perplexity`: a figure for people and for programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("gguf", reason="needs the test extra")
pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    sys.path.append(str(Path(__file__).parents[1] / "model"))
    import tiny_models

    return str(tiny_models.write(tmp_path_factory.mktemp("model") / "tiny.gguf", tiny_models.Tiny()))


@pytest.fixture
def text(tmp_path: Path) -> str:
    (tmp_path / "text.txt").write_text("It rains on the just and on the unjust. " * 9)
    return str(tmp_path / "text.txt")


def test_one_line_for_people(invoke, model: str, text: str) -> None:
    """The figure, its error and what was read."""
    out = invoke("perplexity", model, text, "--ctx", "64", "--chunks", "3")
    assert out.exit_code == 0 and out.stdout.startswith("perplexity ")
    assert out.stdout.endswith(": 93 tokens of 3 windows of 64\n")


def test_json_for_programs(invoke, model: str, text: str) -> None:
    """The same numbers from a file and from standard input."""
    rows = [
        json.loads(
            invoke("perplexity", model, name, "-c", "64", "--json", stdin=Path(text).read_text()).stdout
        )
        for name in (text, "-")
    ]
    assert rows[0]["file"] == text and rows[0]["n_tokens"] == 31 * rows[0]["n_windows"]
    assert rows[0]["perplexity"] == rows[1]["perplexity"] > 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"caf\xe9", "is not UTF-8: byte 3 is 0xe9"),
        (b"short", "the text has 5 tokens; a window of ctx=512 needs as many"),
        (None, "No such file or directory"),
    ],
)
def test_what_cannot_be_read(invoke, model: str, tmp_path: Path, data: bytes | None, said: str) -> None:
    """One line says what was wrong."""
    if data is not None:
        (tmp_path / "bad.txt").write_bytes(data)
    out = invoke("perplexity", model, str(tmp_path / "bad.txt"))
    assert out.exit_code == 1 and said in " ".join(out.stderr.split())
