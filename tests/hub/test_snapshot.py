"""Checkpoints of Hugging Face, from a hub on this machine: their files come, code and pickles do not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from fluxmlx import hub
from fluxmlx.errors import DownloadError, ModelNotFoundError

MODEL = os.urandom(200_000)


def checkpoint(fake: Any, weights: bytes, **files: bytes) -> None:
    """A repository of a checkpoint, with code and pickles beside it."""
    from fake_server import digest

    rows: list[dict[str, Any]] = []
    texts = {"config.json": b"{}", "tokenizer.json": b"{}", "modeling.py": b"evil", ".gitattributes": b""}
    fake.add_small(rows, **{**texts, "sub/config.json": b"{}", "original.safetensors": b"x", **files})
    lfs = {"sha256": digest(weights).removeprefix("sha256:"), "size": len(weights), "pointerSize": 1}
    for name in ("model.safetensors", "pytorch_model.bin"):
        rows.append({"rfilename": name, "size": len(weights), "blobId": "0", "lfs": lfs})
        fake.server.files[fake.path(name)] = weights
    fake.publish(rows)


def test_a_checkpoint_is_downloaded_without_code(fake: Any) -> None:
    """Of a repository without GGUF files come the files of its checkpoint, under their names, and no others."""
    checkpoint(fake, MODEL)
    path = hub.resolve("user/repo").path
    names = ["config.json", "model.safetensors", "tokenizer.json"]
    assert sorted(file.name for file in path.iterdir()) == names
    assert (path / "model.safetensors").read_bytes() == MODEL
    asked = len(fake.server.requests)
    assert hub.resolve("hf.co/user/repo", offline=True).path == path
    assert len(fake.server.requests) == asked
    assert not any("modeling" in one or ".bin" in one for one, _ in fake.server.requests)
    (row,) = hub.list_models()
    assert row.name == "hf.co/user/repo:latest"
    assert row.size >= len(MODEL) + 2
    hub.delete("hf.co/user/repo")
    assert hub.list_models() == []


def test_a_pulled_checkpoint_is_shown_and_copied(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole model goes through the store: its details are in the list, its copy is the same model."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "checkpoint"))
    import checkpoint_builder as builder

    folder = builder.write_llama(Path(os.environ["FLUXMLX_HOME"]).parent / "made")
    texts = {file.name: file.read_bytes() for file in folder.iterdir() if file.suffix == ".json"}
    checkpoint(fake, (folder / "model.safetensors").read_bytes(), **texts)
    list(hub.pull("user/repo"))
    (row,) = hub.list_models()
    assert (row.details.format, row.details.family) == ("safetensors", "llama")
    hub.copy("user/repo", "mine")
    assert hub.show("mine").metadata["llama.block_count"] == 2
    made = list(hub.create("terse", hub.parse_modelfile("FROM mine\nSYSTEM Be terse.")))
    assert made[-1].status == "success"
    assert hub.resolve("terse").system == "Be terse."
    assert hub.resolve("terse").path.is_dir()


def test_a_changed_text_is_discarded(fake: Any) -> None:
    """A small file that is not the one that the repository lists is not used."""
    checkpoint(fake, MODEL)
    fake.server.files[fake.path("config.json")] = b'{"evil": 1}'
    with pytest.raises(DownloadError, match=r"config\.json has the git digest"):
        hub.resolve("user/repo")
    assert hub.list_models() == []


def test_a_repository_of_neither(fake: Any) -> None:
    """Weights without a config.json are no checkpoint."""
    fake.add(**{"model.safetensors": MODEL})
    with pytest.raises(ModelNotFoundError, match="no GGUF file, and no checkpoint"):
        hub.resolve("user/repo")
