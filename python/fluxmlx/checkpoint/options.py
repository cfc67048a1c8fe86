"""The options of a config.json, each with the range it must lie in."""

from __future__ import annotations

import math
from typing import Any, NoReturn, cast

from fluxmlx._checks import show
from fluxmlx.errors import ModelFileError, UnsupportedModelError

__all__ = ["Options"]

_REQUIRED = object()
_MOST = 2**31 - 1

# They describe a model, its training or how a library holds it, and change nothing in what it computes.
_DESCRIPTIVE = frozenset({
    "architectures", "model_type", "torch_dtype", "dtype", "transformers_version", "use_cache", "initializer_range",
    "initializer_factor", "attention_dropout", "hidden_dropout", "resid_pdrop", "embd_pdrop", "attn_pdrop",
    "bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id", "sep_token_id", "decoder_start_token_id",
    "output_router_logits", "router_aux_loss_coef", "router_jitter_noise", "pretraining_tp", "name_or_path",
    "is_llama_config", "is_decoder", "use_parallel_embedding", "task_specific_params",
    "id2label", "label2id", "problem_type", "return_dict", "output_attentions", "output_hidden_states",
    "unsloth_fixed", "unsloth_version", "attn_implementation", "cache_implementation", "vocab_size", "num_labels",
    "auto_map", "model_file", "transformers.js_config", "chunk_size_feed_forward", "cache_position",
    "use_return_dict", "tie_word_embeddings", "max_length", "temperature", "top_p", "top_k",
    "typical_p", "repetition_penalty", "length_penalty", "num_beams", "num_beam_groups", "num_return_sequences",
    "tokenizer_class", "max_sequence_length", "gradient_checkpointing",
})  # fmt: skip


class Options:
    """The values of one JSON object. It remembers what was asked for: an option that nobody asked for may change
    what the model computes.
    """

    def __init__(self, values: dict[str, Any], where: str) -> None:
        """Args: where: the file and the path in it, for the errors' texts."""
        self._values = values
        self._where = where
        self._asked: set[str] = set()
        self._parts: dict[str, Options] = {}

    def has(self, name: str) -> bool:
        """Whether the option is there and not null."""
        return self.raw(name) is not None

    def holds(self, name: str) -> bool:
        """Whether the option is there, null or not."""
        return name in self._values

    def raw(self, name: str) -> Any:
        """The value as it is; None where there is none."""
        self._asked.add(name)
        return self._values.get(name)

    def integer(self, name: str, default: Any = _REQUIRED, low: int = 1, high: int = _MOST) -> int:
        """A whole number in a range."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.bad(name, f"a whole number from {low} to {high}")
        return value

    def real(self, name: str, default: Any = _REQUIRED, low: float = 0, high: float = 1e15) -> float:
        """A number in a range."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            self.bad(name, f"a number from {low:g} to {high:g}")
        return float(value)

    def flag(self, name: str, default: Any = _REQUIRED) -> bool:
        """True or false."""
        value = self._value(name, default)
        if not isinstance(value, bool):
            self.bad(name, "true or false")
        return value

    def text(self, name: str, default: Any = _REQUIRED) -> str:
        """A text."""
        value = self._value(name, default)
        if not isinstance(value, str):
            self.bad(name, "a text")
        return value

    def reals(self, name: str, length: int) -> list[float]:
        """A list of positive numbers, one of each."""
        values = self._value(name, _REQUIRED)
        if not isinstance(values, list) or len(cast("list[Any]", values)) != length:
            self.bad(name, f"a list of {length} numbers")
        for value in cast("list[Any]", values):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
                self.bad(name, "positive numbers")
        return [float(value) for value in cast("list[Any]", values)]

    def part(self, name: str) -> Options | None:
        """The options inside an object; None where there is none."""
        value = self.raw(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.bad(name, "an object")
        if name not in self._parts:
            self._parts[name] = Options(cast("dict[str, Any]", value), f"{self._where}: {name}")
        return self._parts[name]

    def expect(self, name: str, *known: Any) -> None:
        """Refuses every value but these; an option that is missing or null is none of them and is fine."""
        if self.has(name) and self._values[name] not in known:
            self.unsupported(name, " and ".join(map(str, known)))

    def bad(self, name: str, expected: str) -> NoReturn:
        """Raises ModelFileError."""
        there = f"is {show(self._values[name])}" if name in self._values else "is missing"
        raise ModelFileError(f"{self._where}: {name} {there}; expected {expected}")

    def unsupported(self, name: str, known: str) -> NoReturn:
        """Raises UnsupportedModelError."""
        value = show(self._values.get(name))
        raise UnsupportedModelError(f"{self._where}: {name} is {value}; this version knows {known}")

    def refuse_unread(self) -> None:
        """Raises UnsupportedModelError for an option that nobody asked for, unless it can change nothing.

        Names that begin with an underscore are a library's own notes.
        """
        for name, value in self._values.items():
            if name in self._asked or name in _DESCRIPTIVE or name.startswith("_") or not value:
                continue
            raise UnsupportedModelError(
                f"{self._where}: this version does not know what {name[:80]!r} asks for, and does not run the "
                "model without it"
            )

    def _value(self, name: str, default: Any) -> Any:
        value = self.raw(name)
        if value is not None:
            return value
        if default is _REQUIRED:
            self.bad(name, "a value")
        return default
