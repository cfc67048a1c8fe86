"""`fluxmlx list`, `pull`, `cp`, `rm`, `create`, and `show` of a model of the store."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

gguf = pytest.importorskip("gguf", reason="needs the test extra")
numpy = pytest.importorskip("numpy")


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store, and no Ollama."""
    monkeypatch.setenv("FLUXMLX_HOME", str(tmp_path / "store"))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama"))
    monkeypatch.setenv("FLUXMLX_REGISTRY", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "store"


@pytest.fixture
def model(tmp_path: Path, invoke: Any) -> Path:
    """A model called tiny, and its Modelfile."""
    writer = gguf.GGUFWriter(tmp_path / "tiny.gguf", "llama")
    writer.add_tensor("token_embd.weight", numpy.zeros((1000, 64), dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    file = tmp_path / "Modelfile"
    file.write_text(
        "FROM ./tiny.gguf\nSYSTEM Be brief.\nPARAMETER stop x\nTEMPLATE {{ .Prompt }}\nLICENSE MIT\n"
    )
    result = invoke("create", "tiny", "-f", str(file))
    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines()[0] == "parsing GGUF" and result.stderr.endswith("success\n")
    return file


def test_list_has_the_columns_of_ollama(invoke: Any, model: Path) -> None:
    """NAME, ID, SIZE and MODIFIED, under `list` and under `ls`; a prefix chooses; --json has all fields."""
    head, row = invoke("list").stdout.splitlines()
    assert head.split() == ["NAME", "ID", "SIZE", "MODIFIED"]
    name, digest, size, unit, *when = row.split()
    assert (name, len(digest), size, unit, when[-1]) == ("tiny:latest", 12, "256", "KB", "ago")
    assert (
        invoke("ls", "TI").stdout.splitlines()[1] == row and len(invoke("ls", "x").stdout.splitlines()) == 1
    )
    (document,) = json.loads(invoke("list", "--json").stdout)
    assert document["digest"].startswith(digest) and document["details"]["family"] == "llama"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "About a minute"), (600, "10 minutes"),
     (3600, "About an hour"), (47 * 3600, "47 hours"), (3 * 86400, "3 days"), (21 * 86400, "3 weeks"),
     (100 * 86400, "3 months"), (900 * 86400, "2 years")],
)  # fmt: skip
def test_times_are_told_as_ollama_tells_them(seconds: int, text: str) -> None:
    """The largest unit that fits, in words."""
    from fluxmlx.cli import human

    now = datetime.now(UTC)
    assert human.ago(now - timedelta(seconds=seconds), now) == f"{text} ago"


@pytest.mark.parametrize(
    ("size", "text"), [(12, "12 B"), (98_362_432, "98 MB"), (1_321_098_329, "1.3 GB"), (2_000, "2 KB")]
)
def test_sizes_are_told_as_ollama_tells_them(size: int, text: str) -> None:
    """Powers of a thousand, one digit after the point below ten."""
    from fluxmlx.cli import human

    assert human.size(size) == text


def test_copies_and_deletes(invoke: Any, model: Path) -> None:
    """cp and rm say what they did; what is not there is an error with exit code 1."""
    assert invoke("cp", "tiny", "user/second").stderr == "copied 'tiny' to 'user/second'\n"
    assert invoke("rm", "tiny", "user/second").stderr == "deleted 'tiny'\ndeleted 'user/second'\n"
    assert invoke("list").stdout.count("\n") == 1
    gone = invoke("rm", "tiny")
    assert gone.exit_code == 1 and gone.stderr == "error: model 'tiny' not found\n"


def test_show_prints_the_parts_of_a_model(invoke: Any, model: Path) -> None:
    """Each flag prints that part alone, the page has the sections, and --json has every field."""
    for flag, text in (
        ("--system", "Be brief."),
        ("--template", "{{ .Prompt }}"),
        ("--license", "MIT"),
        ("--parameters", f"{'stop':<30} " + '"x"'),
    ):
        assert invoke("show", "tiny", flag).stdout == text + "\n"
    assert "SYSTEM Be brief.\nPARAMETER stop" in invoke("show", "tiny", "--modelfile").stdout
    assert "System\n  Be brief." in invoke("show", "tiny").stdout
    document = json.loads(invoke("show", "tiny", "--json").stdout)
    assert (document["model"], document["params"]) == ("tiny:latest", {"stop": ["x"]})


def test_a_modelfile_may_be_piped_in(invoke: Any, model: Path) -> None:
    """-f - reads standard input; an error in it names the line."""
    assert invoke("create", "second", "-f", "-", stdin="FROM tiny\nSYSTEM Other.").exit_code == 0
    assert invoke("show", "second", "--system").stdout == "Other.\n"
    bad = invoke("create", "third", "-f", "-", stdin="FROM tiny\nPARAMETER temprature 1")
    assert bad.exit_code == 1 and "line 2 of the Modelfile" in bad.stderr


def test_a_pull_tells_its_steps(invoke: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no terminal, each step that is not about bytes is a line on standard error."""
    from fluxmlx import hub

    steps = [hub.PullRecord("pulling manifest"), hub.PullRecord("pulling abc", "sha256:abc", 2, 1),
             hub.PullRecord("success")]  # fmt: skip
    monkeypatch.setattr(hub, "pull", lambda name, insecure: iter(steps))
    result = invoke("pull", "tiny")
    assert (result.stdout, result.stderr) == ("", "pulling manifest\nsuccess\n")


def test_programs_get_each_step_as_an_object(
    invoke: Any, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pull --json and create --json print what /api/pull and /api/create stream, on standard output."""
    from fluxmlx import hub

    steps = [hub.PullRecord("pulling abc", "sha256:abc", 2, 1), hub.PullRecord("success")]
    monkeypatch.setattr(hub, "pull", lambda name, insecure: iter(steps))
    result = invoke("pull", "tiny", "--json")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [step.as_json() for step in steps]
    result = invoke("create", "second", "-f", "-", "--json", stdin="FROM tiny")
    assert json.loads(result.stdout.splitlines()[-1]) == {"status": "success"} and result.stderr == ""


def test_what_is_not_here_is_not_downloaded_by_a_look(invoke: Any) -> None:
    """show of a model that is not on this machine says how to fetch it; also of a short name."""
    for name in ("llama3.2:1b", "smollm2", "user/repo"):
        result = invoke("show", name)
        assert result.exit_code == 1
        assert (
            result.stderr
            == f"error: model '{name}' is not on this machine; `fluxmlx pull {name}` fetches it\n"
        )


def test_show_has_the_sections_of_ollama(invoke: Any, model: Path) -> None:
    """Model, Capabilities, Parameters, System and License; -v cuts nothing short, and has every tensor."""
    text = 'FROM tiny\nLICENSE """Name\n\nWhose\nThe rest\n"""\nMESSAGE user Hi'
    assert invoke("create", "long", "-f", "-", stdin=text).exit_code == 0
    page = invoke("show", "long").stdout
    titles = [line for line in page.splitlines() if line and not line.startswith(" ")]
    assert titles[:5] == ["Model", "Capabilities", "Parameters", "System", "License"]
    assert "License\n  Name\n  Whose\n  ...\n" in page and "token_embd" not in page
    whole = invoke("show", "long", "-v").stdout
    assert "The rest" in whole and "Tensors\n  token_embd.weight  F32" in whole


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["-f", "no/such"], "there is no Modelfile at 'no/such'; name it with -f"),
        (["-f", "-", "-q", "Q4_K_M"], "`fluxmlx convert SOURCE NEW.gguf --quantize Q4_K_M`"),
        (["-f", "-"], "no FROM"),
    ],
)
def test_a_create_that_cannot_be_says_what_to_do(invoke: Any, words: list[str], reason: str) -> None:
    """A Modelfile that is not there or is empty, and a type to quantise to."""
    result = invoke("create", "x", *words)
    assert result.exit_code == 1 and reason in result.stderr


def test_a_modelfile_that_is_not_text_is_refused(invoke: Any, tmp_path: Path) -> None:
    """Nothing is replaced in silence."""
    (tmp_path / "Modelfile").write_bytes(b"FROM x\nSYSTEM caf\xe9")
    result = invoke("create", "x", "-f", str(tmp_path / "Modelfile"))
    assert result.exit_code == 1 and "not UTF-8: byte 17" in result.stderr


def test_a_pull_that_fails_is_one_line(invoke: Any) -> None:
    """No server, and a path where a name belongs: an error and exit code 1."""
    for name, reason in (("nope", "cannot reach the server"), ("./x.gguf", "there is nothing to pull")):
        result = invoke("pull", name)
        assert result.exit_code == 1 and reason in result.stderr.splitlines()[-1]
