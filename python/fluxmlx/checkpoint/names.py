"""Names of a checkpoint's tensors -> names of a GGUF file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Names", "Target"]

_ENDS = {"embed_tokens": "token_embd", "norm": "output_norm"}
_HEADS = ("lm_head", "language_model.lm_head")
_PREFIXES = ("language_model.model.", "model.language_model.", "model.")
_LEAVES = ("weight", "bias", "scales", "biases")  # the last two of matrices that were quantised for MLX
# Ends of names without a leaf: gpt-oss's experts, as plain numbers, or as it is published.
_BARE_LEAVES = {"": "weight", "_bias": "bias", "_blocks": "blocks", "_scales": "scales"}
_LAYER = re.compile(r"layers\.(\d{1,4})\.(.+)", re.ASCII)
_EXPERT = re.compile(r"(?<=\.)\d{1,5}(?=\.)", re.ASCII)
# Encoders of images beside the text model, and tables that are computed here.
_OTHER_PARTS = re.compile(
    r"(?:model\.)?(?:vision_tower|multi_modal_projector|vision_model)\..+|.*\.rotary_emb\.inv_freq"
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a stored tensor is for.

    Attributes:
        module: of the GGUF file, such as "blk.0.attn_q"; two, joined with a plus, for matrices whose rows take turns.
        leaf: "weight", "bias", "scales" or "biases"; "blocks" for the codes of gpt-oss's own files.
        expert: its number, where each has a tensor of its own.
        is_bare: the name has no leaf of its own: such matrices of experts are stored columns first.
    """

    module: str
    leaf: str
    expert: int | None = None
    is_bare: bool = False


class Names:
    """The names of one family's model."""

    def __init__(self, layer: Mapping[str, str], n_layers: int) -> None:
        self._layer = layer
        self._n_layers = n_layers

    @staticmethod
    def is_other_part(name: str) -> bool:
        """Whether a tensor belongs to nothing that text needs."""
        return _OTHER_PARTS.fullmatch(name) is not None

    def target(self, name: str) -> Target | None:
        """What the tensor is for; None where nobody knows."""
        path, _, leaf = name.rpartition(".")
        if path in _HEADS:
            return Target("output", leaf) if leaf in _LEAVES else None
        inner = next((name.removeprefix(prefix) for prefix in _PREFIXES if name.startswith(prefix)), "")
        path, _, leaf = inner.rpartition(".")
        if path in _ENDS:
            return Target(_ENDS[path], leaf) if leaf in _LEAVES else None
        found = _LAYER.fullmatch(inner)
        if found is None or int(found[1]) >= self._n_layers:
            return None
        return self._in_layer(f"blk.{int(found[1])}.", found[2])

    def _in_layer(self, prefix: str, name: str) -> Target | None:
        module, _, leaf = name.rpartition(".")
        if leaf in _LEAVES:
            if module in self._layer:
                return Target(_join(prefix, self._layer[module]), leaf)
            numbered = _EXPERT.search(module)
            general = _EXPERT.sub("{}", module, count=1)
            if numbered and general in self._layer:
                return Target(_join(prefix, self._layer[general]), leaf, int(numbered[0]))
            return None
        for end, kind in _BARE_LEAVES.items():
            bare = name.removesuffix(end)
            if name.endswith(end) and bare in self._layer:
                return Target(_join(prefix, self._layer[bare]), kind, is_bare=True)
        return None


def _join(prefix: str, modules: str) -> str:
    return "+".join(prefix + module for module in modules.split("+"))
