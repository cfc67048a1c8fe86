"""The models of an Ollama, through the command line and a real engine: listed, shown, run, left alone."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def ollama_store(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in Ollama's layout, whose one model has a Go template, a system message and parameters."""
    folder = tmp_path_factory.mktemp("ollama")
    (folder / "blobs").mkdir()
    rows: list[dict[str, Any]] = []

    def add(kind: str, digest: str, size: int) -> Path:
        media = f"application/vnd.ollama.image.{kind}"
        rows.append({"mediaType": media, "digest": f"sha256:{digest}", "size": size})
        return folder / "blobs" / f"sha256-{digest}"

    with smollm2.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    add("model", digest, smollm2.stat().st_size).symlink_to(smollm2)
    texts = {
        "template": "{{ .Prompt }}",
        "system": "Be brief.",
        "params": '{"temperature": 0, "num_predict": 6}',
    }
    for kind, text in texts.items():
        add(kind, hashlib.sha256(text.encode()).hexdigest(), len(text)).write_text(text)
    place = folder / "manifests/registry.ollama.ai/library/small/135m"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps({"schemaVersion": 2, "layers": rows}))
    return folder


def test_a_model_of_an_ollama_runs_from_where_it_is(ollama_store: Path, tmp_path: Path) -> None:
    """Nothing is copied into our store, and nothing changes in Ollama's."""
    before = {path: path.lstat().st_mtime_ns for path in ollama_store.rglob("*")}
    variables = {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "FLUXMLX_HOME": str(tmp_path / "home"),
        "OLLAMA_MODELS": str(ollama_store),
        "OLLAMA_HOST": "127.0.0.1:1",
    }

    def fluxmlx(*words: str) -> str:
        command = [sys.executable, "-m", "fluxmlx", *words]
        done = subprocess.run(
            command,
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert fluxmlx("list").splitlines()[1].split()[0] == "small:135m"
    assert json.loads(fluxmlx("list", "--json"))[0]["store"] == "ollama"
    assert fluxmlx("show", "small:135m", "--system") == "Be brief.\n"
    assert len(fluxmlx("run", "small:135m", "The sky is").split()) > 2
    assert {path: path.lstat().st_mtime_ns for path in ollama_store.rglob("*")} == before
    assert not any(path.is_file() for path in (tmp_path / "home").rglob("*"))
