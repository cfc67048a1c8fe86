"""Which type each tensor gets: the mixtures that the names of files mean, as llama.cpp's quantiser makes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fluxmlx.checkpoint.table import FLOATS
from fluxmlx.errors import InvalidArgumentError

__all__ = ["MIXTURES", "Choice", "Mixture", "mixture_named"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a mixture's name stands for: the type of most tensors, and `general.file_type`."""

    type: str
    file_type: int


MIXTURES = {
    "F32": Kind("F32", 0), "F16": Kind("F16", 1), "BF16": Kind("BF16", 32), "Q4_0": Kind("Q4_0", 2),
    "Q4_1": Kind("Q4_1", 3), "Q5_0": Kind("Q5_0", 8), "Q5_1": Kind("Q5_1", 9), "Q8_0": Kind("Q8_0", 7),
    "Q2_K": Kind("Q2_K", 10), "Q3_K_S": Kind("Q3_K", 11), "Q3_K_M": Kind("Q3_K", 12),
    "Q3_K_L": Kind("Q3_K", 13), "Q4_K_S": Kind("Q4_K", 14), "Q4_K_M": Kind("Q4_K", 15), "Q5_K_S": Kind("Q5_K", 16),
    "Q5_K_M": Kind("Q5_K", 17), "Q6_K": Kind("Q6_K", 18),
}  # fmt: skip
_SHORT = {"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}
# What takes the place of a type whose blocks do not divide a row.
_NARROWER = {"Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
_LAYER = re.compile(r"blk\.(\d+)\.", re.ASCII)
_ROLES = ("attn_v", "attn_k", "attn_qkv", "attn_output", "ffn_down")


@dataclass(frozen=True, slots=True)
class Choice:
    """The type for one tensor; `reason` where it is not what the mixture wanted."""

    type: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """A layer, and what mixtures want to know of its model."""

    layer: int
    n_layers: int
    n_sharing: int  # heads that share keys and values

    @property
    def is_sensitive(self) -> bool:
        """The first and the last eighth of the layers, and every third between them."""
        eighth = self.n_layers // 8
        return self.layer < eighth or self.layer >= 7 * self.n_layers // 8 or (self.layer - eighth) % 3 == 2


_Rule = Callable[[_Place], str | None]


def _always(kind: str) -> _Rule:
    return lambda _: kind


def _sensitive(kind: str) -> _Rule:
    return lambda place: kind if place.is_sensitive else None


# Mixture -> part of a layer -> its type; None, and what is not named: the type of most tensors.
_RULES: dict[str, dict[str, _Rule]] = {
    "Q2_K": {
        "attn_v": lambda place: "Q4_K" if place.n_sharing >= 4 else "Q3_K",
        "attn_output": _always("Q3_K"),
        "ffn_down": _always("Q3_K"),
    },
    "Q3_K_M": {
        "attn_v": lambda place: "Q5_K" if place.layer < 2 else "Q4_K",
        "attn_qkv": _always("Q4_K"),
        "attn_output": _always("Q4_K"),
        "ffn_down": lambda place: "Q5_K" if place.layer < place.n_layers // 16 else "Q4_K",
    },
    "Q3_K_L": {
        "attn_v": _always("Q5_K"),
        "attn_qkv": _always("Q4_K"),
        "attn_output": _always("Q5_K"),
        "ffn_down": _always("Q5_K"),
    },
    "Q4_K_S": {
        "attn_v": lambda place: "Q5_K" if place.layer < 4 else None,
        "ffn_down": lambda place: "Q5_K" if place.layer < place.n_layers // 8 else None,
    },
    "Q4_K_M": {"attn_v": _sensitive("Q6_K"), "attn_qkv": _always("Q5_K"), "ffn_down": _sensitive("Q6_K")},
    "Q5_K_M": {"attn_v": _sensitive("Q6_K"), "attn_qkv": _always("Q6_K"), "ffn_down": _sensitive("Q6_K")},
}
# Attention of models with eight experts is small beside these.
_OF_EIGHT_EXPERTS = {"attn_v": "Q8_0", "attn_k": "Q8_0"}
_BETTER_OUTPUT_OF_EIGHT = ("Q2_K", "Q3_K_S", "Q3_K_M", "Q4_K_S", "Q4_K_M")


class Mixture:
    """One mixture for one model.

    Args:
        name: of MIXTURES.
        metadata: of the model.
        tensors: the names of its tensors.
        block_sizes: of each type, the weights in a block.
    """

    def __init__(
        self, name: str, metadata: Mapping[str, Any], tensors: Sequence[str], block_sizes: Mapping[str, int]
    ) -> None:
        self._name = name
        self._kind = MIXTURES[name]
        self._block_sizes = block_sizes
        prefix = str(metadata.get("general.architecture"))
        self._n_layers = _number(metadata.get(f"{prefix}.block_count"))
        self._n_experts = _number(metadata.get(f"{prefix}.expert_count"))
        n_heads = _number(metadata.get(f"{prefix}.attention.head_count"))
        self._n_sharing = n_heads // (
            _number(metadata.get(f"{prefix}.attention.head_count_kv")) or n_heads or 1
        )
        self._output = "output.weight" if "output.weight" in tensors else "token_embd.weight"

    @property
    def file_type(self) -> int:
        """For the key `general.file_type`."""
        return self._kind.file_type

    def choose(self, name: str, shape: Sequence[int], current: str) -> Choice:
        """The type for a tensor, whose shape begins with the length of a row; norms, biases and routers keep theirs."""
        is_matrix = len(shape) >= 2 and name.endswith(".weight")
        if not is_matrix or name.endswith(("_norm.weight", "ffn_gate_inp.weight")):
            return Choice(current)
        if self._kind.type in FLOATS:
            return Choice(self._kind.type)
        wanted = self._of_output(shape[0]) if name == self._output else self._in_layer(name)
        return self._that_fits(wanted, shape[0])

    def _of_output(self, row: int) -> str:
        if row % self._block_sizes[self._kind.type]:
            return "Q8_0"
        return self._kind.type if self._kind.type == "Q8_0" else "Q6_K"

    def _in_layer(self, name: str) -> str:
        role, found = _role(name), _LAYER.match(name)
        if role is None or found is None:
            return self._kind.type
        if self._n_experts == 8:
            if role == "attn_output":
                return "Q5_K" if self._name in _BETTER_OUTPUT_OF_EIGHT else self._kind.type
            if role in _OF_EIGHT_EXPERTS:
                return _OF_EIGHT_EXPERTS[role]
        rule = _RULES.get(self._name, {}).get(role)
        place = _Place(int(found[1]), self._n_layers, self._n_sharing)
        chosen = (rule(place) if rule else None) or self._kind.type
        is_large = role == "attn_v" and self._n_layers == 80 and self._n_sharing > 1
        return "Q5_K" if is_large and chosen in ("Q3_K", "Q4_K") else chosen

    def _that_fits(self, wanted: str, row: int) -> Choice:
        for kind in (wanted, _NARROWER.get(wanted, "F16"), "F16"):
            if row % self._block_sizes[kind] == 0:
                break
        if kind == wanted:
            return Choice(wanted)
        return Choice(kind, f"rows of {row} are no whole blocks of {wanted}")


def mixture_named(name: str) -> str:
    """The name of MIXTURES that a person means.

    Raises:
        InvalidArgumentError: there is none.
    """
    upper = name.upper()
    if (known := _SHORT.get(upper, upper)) in MIXTURES:
        return known
    raise InvalidArgumentError(
        f"there is no type {name!r} to convert to; expected one of {', '.join(MIXTURES)}"
    )


def _role(name: str) -> str | None:
    part = name.split(".")[2] if name.count(".") >= 3 else ""
    return next(
        (role for role in _ROLES if part == role or (role == "ffn_down" and part.startswith(role))), None
    )


def _number(value: Any) -> int:
    """A count; of a list, one for each layer, the greatest."""
    if isinstance(value, list):
        return max((item for item in value if isinstance(item, int)), default=0)
    return value if isinstance(value, int) else 0
