"""The families that checkpoints can be of, by their model_type; one more is one more row."""

from __future__ import annotations

from typing import Any, cast

from fluxmlx.checkpoint.families import gemma, llama, others, qwen
from fluxmlx.checkpoint.families.base import Described, Family
from fluxmlx.checkpoint.options import Options
from fluxmlx.errors import ModelFileError, UnsupportedModelError

__all__ = ["FAMILIES", "Described", "Family", "find"]

FAMILIES: dict[str, Family] = {**llama.FAMILIES, **qwen.FAMILIES, **gemma.FAMILIES, **others.FAMILIES}

# Models that see and write: their text model has a model_type of its own, in text_config.
_WRAPPERS = {"gemma3": "gemma3_text", "mistral3": "mistral"}
_RUNS_CODE = ("auto_map", "model_file")


def find(config: dict[str, Any], where: str) -> tuple[Family, Options]:
    """The family of a config.json, and the options of its text model.

    Raises:
        UnsupportedModelError: the model_type is not known here; the text lists those that are.
        ModelFileError: there is none.
    """
    kind = config.get("model_type")
    if not isinstance(kind, str):
        raise ModelFileError(f"{where}: model_type is {str(kind)[:40]!r}; expected a text")
    if kind in _WRAPPERS and isinstance(config.get("text_config"), dict):
        text = cast("dict[str, Any]", config["text_config"])
        kind = text.get("model_type", _WRAPPERS[kind])
        text = {"tie_word_embeddings": config.get("tie_word_embeddings"), **text}
        config, where = text, f"{where}: text_config"
    family = FAMILIES.get(kind)
    if family is None:
        needs = next((key for key in _RUNS_CODE if key in config), None)
        code = f", and its own code ({needs}) is never run" if needs else ""
        known = ", ".join(sorted({*FAMILIES, *_WRAPPERS}))
        raise UnsupportedModelError(
            f"{where}: the model_type {str(kind)[:64]!r} is not supported{code}; this version runs {known}"
        )
    return family, Options({**family.defaults, **config}, where)
