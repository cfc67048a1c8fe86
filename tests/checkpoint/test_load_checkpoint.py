"""fluxmlx.load() of a folder: text, chat, defaults, what is shown of it."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import checkpoint_builder as builder
import numpy as np
import pytest
from tiny_models import CHATML

import fluxmlx
from fluxmlx import hub
from fluxmlx.errors import ModelFileError, ModelNotFoundError

pytestmark = pytest.mark.engine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model that can chat."""
    folder = builder.write_llama(tmp_path / "model")
    (folder / "chat_template.jinja").write_text(CHATML)
    (folder / "generation_config.json").write_text(
        json.dumps({"temperature": 0.0, "eos_token_id": [258, 260]})
    )
    return folder


def test_text_and_chat(folder: Path) -> None:
    """It writes, chats with its own template, ends at its own tokens, and samples as it likes to."""
    with fluxmlx.load(folder, device="cpu") as engine:
        assert engine.tokenizer.eog_ids == {258, 260}
        first, second = (engine.generate("Hello", max_tokens=8) for _ in range(2))
        assert first.tokens == second.tokens  # temperature 0
        assert engine.chat([{"role": "user", "content": "<|im_end|>"}], max_tokens=4).usage.prompt_tokens > 20
        assert engine.chat_ids([{"role": "user", "content": "Hi"}])[0] == 259
        assert engine.info["architecture"] == "llama"
        assert engine.info["path"] == str(folder)
        assert engine.save_prefix  # its digest is of all files


def test_a_prefix_is_saved_and_loaded(folder: Path, tmp_path: Path) -> None:
    """What was read of a prompt goes through a file, which knows the checkpoint's files."""
    prompt = "abcdefgh" * 20
    with fluxmlx.load(folder, device="cpu") as engine:
        plain = engine.generate(prompt, max_tokens=4)
        engine.save_prefix(prompt, tmp_path / "prefix")
    with fluxmlx.load(folder, device="cpu") as engine:
        engine.load_prefix(tmp_path / "prefix")
        again = engine.generate(prompt, max_tokens=4)
    assert again.tokens == plain.tokens
    assert again.usage.cached_tokens > 0


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_dtypes(dtype: str, tmp_path: Path) -> None:
    """Sixteen-bit weights run, and are what numpy reads of them."""
    folder = builder.write_llama(tmp_path, dtype)
    with fluxmlx.load(folder, device="cpu", ops="composed") as engine:
        found = np.array(engine.score("Hello, world").logprobs[1:])
    tensors = {}
    for name, (_, values) in builder.llama_tensors(dtype).items():
        wide = (
            (values.astype(np.uint32) << 16).view(np.float32)
            if dtype == "BF16"
            else values.astype(np.float32)
        )
        tensors[name] = ("F32", wide)
    builder.write_safetensors(folder / "model.safetensors", tensors)
    with fluxmlx.load(folder, device="cpu", ops="composed") as engine:
        np.testing.assert_allclose(found, engine.score("Hello, world").logprobs[1:], atol=2e-4)


def test_parts_that_text_does_not_need(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The encoder of a model that also sees is not loaded, and a warning names it."""
    tensors = {f"language_model.{name}": values for name, values in builder.llama_tensors().items()}
    tensors["vision_tower.patch.weight"] = ("F32", np.ones((4, 4), np.float32))
    builder.write_safetensors(folder / "model.safetensors", tensors)
    text = {**builder.LLAMA, "model_type": "mistral"}
    config = {"model_type": "mistral3", "text_config": text, "vision_config": {"hidden_size": 4}}
    (folder / "config.json").write_text(json.dumps(config))
    with caplog.at_level(logging.WARNING, "fluxmlx"), fluxmlx.load(folder, device="cpu") as engine:
        assert engine.generate("Hi", max_tokens=2).usage.completion_tokens <= 2
    assert "vision_tower.patch.weight" in caplog.text


def test_show(folder: Path) -> None:
    """The hub describes a checkpoint as it describes a GGUF file."""
    info = hub.show(folder)
    assert (info.details.format, info.details.family) == ("safetensors", "llama")
    assert info.metadata["llama.block_count"] == 2
    assert info.size > 100_000


def test_folder_without_a_model(tmp_path: Path) -> None:
    """A folder without config.json is no checkpoint."""
    with pytest.raises(ModelNotFoundError, match=r"without a config\.json"):
        fluxmlx.load(tmp_path)


def test_a_file_that_shrank(folder: Path) -> None:
    """The core holds the table to the files as they are, not as they were when they were read."""
    from fluxmlx.checkpoint import open_checkpoint

    opened = open_checkpoint(folder)
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(ModelFileError, match=r"are not all in the file"):
        opened.native()
