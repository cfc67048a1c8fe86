"""Pulls from a registry: what is right, and manifests and names that no honest registry has."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from fluxmlx import hub
from fluxmlx.errors import CapabilityError, DownloadError, InvalidArgumentError, ModelNotFoundError

MODEL = b"GGUF" + bytes(range(256)) * 1000
EMPTY = "sha256:" + hashlib.sha256(b"").hexdigest()


def files(folder: Path) -> list[str]:
    """Every file below a folder, locks aside."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


def test_a_pulled_model_is_what_its_manifest_says(registry: Any) -> None:
    """All layers arrive, and the model has its template, system message, parameters, messages and licence."""
    registry.add(
        MODEL,
        template=b"{{ .Prompt }}",
        system=b"Be brief.",
        params=b'{"stop":["<end>"],"temperature":0.5}',
        messages=b'[{"role":"user","content":"Hi"},{"role":"assistant","content":"Ho"}]',
        license=b"MIT",
    )
    model = hub.resolve("tiny")
    assert model.path.read_bytes() == MODEL and model.name == "tiny:latest"
    assert (model.template, model.system, model.licences) == ("{{ .Prompt }}", "Be brief.", ("MIT",))
    assert model.params == {"stop": ["<end>"], "temperature": 0.5}
    assert model.messages == ({"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"})


def test_the_steps_are_those_of_ollama(registry: Any) -> None:
    """The manifest, each layer with digest, total and completed, the check, the manifest again, success."""
    manifest = registry.add(MODEL, system=b"Be brief.")
    steps = [record.as_json() for record in hub.pull("tiny")]
    assert steps[0] == {"status": "pulling manifest"}
    layer = manifest["layers"][0]
    last = [step for step in steps if step.get("digest") == layer["digest"]][-1]
    assert last == {
        "status": f"pulling {layer['digest'][7:19]}",
        "digest": layer["digest"],
        "total": len(MODEL),
        "completed": len(MODEL),
    }
    statuses = [step["status"] for step in steps[-3:]]
    assert statuses == ["verifying sha256 digest", "writing manifest", "success"]


def test_a_pulled_model_needs_no_network(registry: Any) -> None:
    """What is in the store is used as it is, under any case; a pull fetches what is new and drops what is not used."""
    registry.add(MODEL, tag="1b", system=b"old")
    hub.resolve("tiny:1b")
    asked = len(registry.requests)
    assert hub.resolve("TINY:1B", offline=True).system == "old"
    assert len(registry.requests) == asked
    registry.add(MODEL, tag="1b", system=b"new")
    assert list(hub.pull("tiny:1b"))[-1].status == "success"
    model = hub.resolve("tiny:1b", offline=True)
    assert model.system == "new" and registry.gets(registry.blob_path(MODEL)) == 1
    assert len(files(model.path.parent)) == 3  # model, system, config


def test_the_store_is_laid_out_as_ollama_has_it(registry: Any, store: Path) -> None:
    """manifests/<host>/<namespace>/<model>/<tag> holds the very bytes, and the list their digest."""
    registry.add(MODEL)
    hub.resolve("tiny")
    place = store / "models/manifests/registry.ollama.ai/library/tiny/latest"
    assert place.read_bytes() == registry.files["/v2/library/tiny/manifests/latest"]
    (row,) = hub.list_models()
    assert (row.name, row.size) == ("tiny:latest", len(MODEL) + len(b'{"model_family":"llama"}'))
    assert row.digest == hashlib.sha256(place.read_bytes()).hexdigest() and row.details.family == "llama"


def test_an_unknown_model_says_what_works(registry: Any) -> None:
    """A name that the registry does not have is not found, and the text lists the shapes of names."""
    with pytest.raises(ModelNotFoundError, match=r"no model is called 'nope'.*smollm2.*hf\.co/USER/REPO"):
        hub.resolve("nope")


@pytest.mark.parametrize(
    "digest",
    [
        "sha256:../../../../etc/x",
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "",
        "sha256-" + "a" * 64,
        "/etc/x",
        "sha256:" + "a" * 64 + "/../x",
        None,
    ],
)
def test_a_bad_digest_is_refused_before_a_path_is_built(registry: Any, store: Path, digest: Any) -> None:
    """A digest that is not sha256 and 64 small hex digits ends the pull, and nothing is written."""
    manifest = registry.add(MODEL)
    manifest["layers"][0]["digest"] = digest
    registry.publish(manifest)
    with pytest.raises(DownloadError, match="expected sha256:<64 hex digits>"):
        list(hub.pull("tiny"))
    assert files(store) == []


def layers(n: int) -> dict[str, Any]:
    row = {"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:" + "a" * 64, "size": 1}
    return {"layers": [row] * n}


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (b"<html>", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        ({"layers": None}, "no layers"),
        ({"layers": []}, "no layers"),
        ([1], "not a JSON object"),
        ({"layers": [1]}, "not a JSON object"),
        (layers(101), "101 layers; at most 100"),
        ({"layers": [{**layers(1)["layers"][0], "size": -1}]}, "size '-1'"),
        (b" " * (4 << 20) + b"{}", "more than 4194304 bytes"),
        ({"layers": [{**layers(1)["layers"][0], "digest": EMPTY, "size": 0}]}, "a model of 0 bytes"),
    ],
    ids=["html", "deep", "null", "none", "list", "number", "many", "negative", "large", "empty"],
)
def test_a_bad_manifest_is_refused(registry: Any, store: Path, manifest: Any, reason: str) -> None:
    """Whatever is no manifest, or more of one than a model needs, is a DownloadError that says so."""
    registry.publish(manifest)
    with pytest.raises(DownloadError, match=reason):
        list(hub.pull("tiny"))
    assert files(store) == []


def test_a_packed_answer_is_refused(registry: Any) -> None:
    """An encoding that was not asked for, a gzip bomb say, is not unpacked."""
    from fake_server import Answer

    registry.add(MODEL)
    body = gzip.compress(json.dumps(layers(1)).encode())
    registry.always["/v2/library/tiny/manifests/latest"] = Answer(200, {"Content-Encoding": "gzip"}, body)
    with pytest.raises(DownloadError, match="encoding 'gzip', which was not asked for"):
        list(hub.pull("tiny"))


def test_models_that_cannot_run_are_refused_before_they_arrive(registry: Any) -> None:
    """An adapter, and a model without a GGUF file, are capability errors; no blob is asked for."""
    registry.add(MODEL, adapter=b"lora")
    with pytest.raises(CapabilityError, match="adapter"):
        list(hub.pull("tiny"))
    manifest = registry.add(MODEL)
    manifest["layers"][0]["mediaType"] = "application/vnd.ollama.image.tensor"
    registry.publish(manifest)
    with pytest.raises(CapabilityError, match=r"no GGUF file.*tensor"):
        list(hub.pull("tiny"))
    assert all("/blobs/" not in path for path, _ in registry.requests)


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "a//b/c",
        "a/b/c/d",
        "x" * 300,
        "host:port/a/b",
        "host:1/../b",
        "a/..b/c",
        "tiny:a/b",
        "tiny:..",
        "a..b",
        "é",
    ],
)
def test_hostile_names_never_reach_the_registry(registry: Any, store: Path, name: str) -> None:
    """Names with empty, dotted, long or strange parts are refused by the grammar, as source and as target."""
    with pytest.raises((InvalidArgumentError, ModelNotFoundError)):
        list(hub.pull(name))
    registry.add(MODEL)
    hub.resolve("tiny")
    with pytest.raises(InvalidArgumentError, match="cannot be the name of a model"):
        hub.copy("tiny", name)
    asked = {path for path, _ in registry.requests}
    assert all(path.startswith("/v2/library/tiny/") for path in asked)
    assert [path.name for path in (store / "models/manifests").rglob("*") if path.is_file()] == ["latest"]


def test_a_registry_of_ones_own_has_to_be_allowed(registry: Any) -> None:
    """A name that spells out a private address is refused, and works with insecure."""
    registry.add(MODEL)
    name = f"{registry.host}/library/tiny"
    with pytest.raises(DownloadError):
        hub.resolve(name)
    assert registry.requests == []
    assert hub.resolve(name, insecure=True).path.read_bytes() == MODEL
