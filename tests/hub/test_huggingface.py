"""Models of Hugging Face, from a hub on this machine; huggingface_hub itself asks it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from fluxmlx import hub
from fluxmlx.errors import DownloadError, ModelNotFoundError
from fluxmlx.hub.quants import RemoteFile, choose

MODEL = b"GGUF" + os.urandom(200_000)
SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize("name", ["user/repo", "hf.co/user/repo:q4_k_m", "https://huggingface.co/user/repo"])
def test_a_model_of_the_hub_is_downloaded_once(fake: Any, name: str) -> None:
    """Every spelling finds the file; the second time nothing is asked; the list has it under Ollama's name."""
    fake.add(**{"m.Q4_K_M.gguf": MODEL, "m.Q8_0.gguf": b"GGUF other", "mmproj-m.gguf": b"GGUF"})
    assert hub.resolve(name).path.read_bytes() == MODEL
    asked = len(fake.server.requests)
    assert hub.resolve(name, offline=True).path.read_bytes() == MODEL and len(fake.server.requests) == asked
    (row,) = hub.list_models()
    assert row.name == ("hf.co/user/repo:q4_k_m" if name.endswith("m") else "hf.co/user/repo:latest")


def test_the_token_goes_along(fake: Any) -> None:
    """The file is asked for with the user's own token, which its host may need."""
    fake.add(**{"m.gguf": MODEL})
    list(hub.pull("user/repo"))
    headers = dict(fake.server.requests)[fake.path("m.gguf")]
    assert headers["authorization"] == "Bearer hf_secret"


def test_a_broken_download_goes_on(fake: Any) -> None:
    """What holds for a registry holds here: resume, and the digest at the end."""
    from fake_server import Answer

    fake.add(**{"m.gguf": MODEL})
    fake.server.answers[fake.path("m.gguf")] = [Answer(cut=50_000)]
    assert hub.resolve("user/repo").path.read_bytes() == MODEL
    asked = [headers.get("range") for path, headers in fake.server.requests if path == fake.path("m.gguf")]
    assert asked == [None, "bytes=50000-"]


def test_other_bytes_than_promised_are_discarded(fake: Any, store: Path) -> None:
    """A file that is not the one that the repository lists is not used."""
    fake.add(**{"m.gguf": MODEL})
    fake.server.files[fake.path("m.gguf")] = bytes(len(MODEL))
    with pytest.raises(DownloadError, match="it was discarded"):
        hub.resolve("user/repo")
    assert hub.list_models() == []


def test_the_parts_of_a_split_model_lie_side_by_side(fake: Any) -> None:
    """All parts are downloaded, and found under their own names beside the first."""
    parts = {f"m-Q4_0-0000{n}-of-00002.gguf": MODEL + bytes([n]) for n in (1, 2)}
    fake.add(**parts)
    path = hub.resolve("user/repo:Q4_0").path
    assert path.name == "m-Q4_0-00001-of-00002.gguf"
    assert {part.name: part.read_bytes() for part in path.parent.iterdir()} == parts


def test_what_the_cache_has_is_not_downloaded(fake: Any, tmp_path: Path) -> None:
    """A file in Hugging Face's own cache is linked into the store, if its bytes are the right ones."""
    fake.add(**{"m.gguf": MODEL})
    snapshot = tmp_path / "hf/models--user--repo/snapshots" / SHA
    snapshot.mkdir(parents=True)
    (snapshot / "m.gguf").write_bytes(MODEL)
    path = hub.resolve("user/repo").path
    assert path.samefile(snapshot / "m.gguf") and fake.server.gets(fake.path("m.gguf")) == 0
    hub.delete("hf.co/user/repo")
    (snapshot / "m.gguf").write_bytes(bytes(len(MODEL)))
    assert hub.resolve("user/repo").path.read_bytes() == MODEL


@pytest.mark.parametrize(
    ("status", "headers", "error", "reason"),
    [
        (401, {"X-Error-Code": "RepoNotFound"}, ModelNotFoundError, r"no repository user/repo.*HF_TOKEN"),
        (403, {"X-Error-Code": "GatedRepo"}, DownloadError, "is gated: ask for access"),
        (500, {}, DownloadError, r"repository user/repo on Hugging Face after 6 attempts.*500"),
        (400, {}, DownloadError, "status 400"),
    ],
)
def test_a_refusal_says_what_to_do(
    fake: Any, status: int, headers: dict[str, str], error: type[Exception], reason: str
) -> None:
    """Missing, gated and broken repositories are told apart."""
    from fake_server import Answer

    fake.server.always[fake.info] = Answer(status, headers, b"{}")
    with pytest.raises(error, match=reason):
        hub.resolve("user/repo")


def test_a_name_of_ollamas_users_gets_a_hint(fake: Any) -> None:
    """USER/MODEL is asked of Hugging Face; where it is not there, the error says how Ollama's is written."""
    from fake_server import Answer

    fake.server.always[fake.info] = Answer(401, {"X-Error-Code": "RepoNotFound"}, b"{}")
    with pytest.raises(ModelNotFoundError, match=r"of Ollama's library is registry\.ollama\.ai/user/repo$"):
        hub.resolve("user/repo")
    with pytest.raises(ModelNotFoundError, match=r"HF_TOKEN$"):
        hub.resolve("hf.co/user/repo")


def test_offline_mode_is_kept(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With HF_HUB_OFFLINE nothing is asked, and the error says why."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelNotFoundError, match="HF_HUB_OFFLINE is set"):
        hub.resolve("user/repo")
    assert fake.server.requests == []


def chosen(tag: str | None, *paths: str) -> list[str]:
    return [file.path for file in choose("u/r", [RemoteFile(path, 1, "0" * 64) for path in paths], tag)]


def test_a_tag_is_a_quantisation_or_a_file() -> None:
    """Case does not matter, the whole file name works too, and without a tag the usual one is taken."""
    paths = ("M.Q8_0.gguf", "M.Q4_K_M.gguf", "sub/M-BF16.gguf", "mmproj-M-F16.gguf")
    assert chosen("q8_0", *paths) == ["M.Q8_0.gguf"] == chosen("m.q8_0.gguf", *paths)
    assert chosen("bf16", *paths) == ["sub/M-BF16.gguf"] and chosen(None, *paths) == ["M.Q4_K_M.gguf"]
    assert chosen(None, "only-IQ2_XS.gguf") == ["only-IQ2_XS.gguf"]


@pytest.mark.parametrize(
    ("tag", "paths", "reason"),
    [
        ("Q2_K", ("M.Q8_0.gguf",), "no GGUF file 'Q2_K'; it has: Q8_0"),
        (None, ("model.safetensors",), "no GGUF file; it has: none"),
        (None, ("a.gguf", "b.gguf"), "several GGUF files; choose with"),
        ("Q8_0", ("a.Q8_0.gguf", "b.Q8_0.gguf"), "2 files for 'Q8_0'; write one of: a.Q8_0, b.Q8_0"),
        ("Q8_0", ("a-Q8_0-00001-of-00002.gguf",), "1 of the 2 parts"),
    ],
)
def test_what_cannot_be_chosen_lists_what_there_is(
    tag: str | None, paths: tuple[str, ...], reason: str
) -> None:
    """An unknown tag, several candidates and missing parts are errors that name the files."""
    with pytest.raises(ModelNotFoundError, match=reason):
        chosen(tag, *paths)
