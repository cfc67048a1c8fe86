"""What a model's manifest says holds when it is loaded by its name."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_models

import fluxmlx
from fluxmlx import hub
from fluxmlx.errors import CapabilityError, ModelFileError

TEMPLATE = "{% for m in messages %}{{ m.role + ':' + m.content + ';' }}{% endfor %}"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store, and no Ollama."""
    monkeypatch.setenv("FLUXMLX_HOME", str(tmp_path / "store"))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama"))
    return tmp_path / "store"


def make(tiny_path: Path, text: str) -> None:
    """Makes a model called mine of the tiny one."""
    list(hub.create("mine", hub.parse_modelfile(f"FROM {tiny_path}\n{text}")))


def test_parameters_of_a_model_are_its_defaults(tiny_path: Path) -> None:
    """num_ctx sizes the context and num_predict ends the answer, unless the caller says otherwise."""
    make(
        tiny_path,
        "PARAMETER num_ctx 32\nPARAMETER num_predict 3\nPARAMETER temperature 0\nPARAMETER num_gpu 1",
    )
    with fluxmlx.load("mine", device="cpu") as engine:
        assert engine.info["n_ctx"] == 32
        assert len(engine.generate([1, 2], ignore_eos=True).tokens) == 3
        assert len(engine.generate([1, 2], ignore_eos=True, max_tokens=5).tokens) == 5
    with fluxmlx.load("mine", device="cpu", ctx=16) as engine:
        assert engine.info["n_ctx"] == 16


def test_what_a_model_brings_goes_over_any_defaults(tiny_path: Path) -> None:
    """A server has defaults of its own; the model's parameters replace them, and nothing else does."""
    make(tiny_path, "PARAMETER temperature 0.8\nPARAMETER top_k 7")
    with fluxmlx.load("mine", device="cpu") as engine:
        merged = engine.defaults_over(fluxmlx.SamplingParams(temperature=1.0, top_k=0, top_p=1.0))
        assert (merged.temperature, merged.top_k, merged.top_p) == (0.8, 7, 1.0)


def test_system_message_and_messages_begin_every_chat(tiny_path: Path) -> None:
    """A chat starts with what the Modelfile says; the caller's own system message takes the first place."""
    make(tiny_path, f"TEMPLATE {TEMPLATE}\nSYSTEM a\nMESSAGE user b\nMESSAGE assistant c")
    with fluxmlx.load("mine", device="cpu") as engine:
        for given, whole in (
            ([], "system:a;user:b;assistant:c;user:d;"),
            ([{"role": "system", "content": "e"}], "system:e;user:b;assistant:c;user:d;"),
        ):
            ids = engine.chat_ids([*given, {"role": "user", "content": "d"}])
            assert ids == engine.tokenize(whole)


def test_a_template_that_cannot_be_used_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A Go template of no known family: a warning at load, a capability error in chat, and generate works."""
    bare = tiny_models.write(tmp_path / "bare.gguf", tiny_models.Tiny(template=None))
    make(bare, "TEMPLATE <x>{{ .Prompt }}</x>")
    with fluxmlx.load("mine", device="cpu") as engine:
        assert "mine:latest cannot chat" in caplog.text
        with pytest.raises(CapabilityError, match="Go's template language"):
            engine.chat([{"role": "user", "content": "d"}])
        assert engine.generate([1], max_tokens=1, ignore_eos=True).tokens


def test_parameters_that_are_damaged_are_named(tiny_path: Path, store: Path) -> None:
    """A value that no sampling can use is an error of the model, which has its name."""
    make(tiny_path, "PARAMETER top_p 7")
    with pytest.raises(ModelFileError, match="the parameters of mine:latest: top_p must be"):
        fluxmlx.load("mine", device="cpu")
