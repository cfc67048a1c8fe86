"""How the matrices of a checkpoint were quantised, by its config.json: by MLX, or as OpenAI's own gpt-oss files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn, cast

from fluxmlx._checks import show
from fluxmlx.errors import ModelFileError, UnsupportedModelError

__all__ = [
    "AFFINE_BITS",
    "AFFINE_GROUPS",
    "QUANTIZATION_KEYS",
    "Quantization",
    "Quantizations",
    "read_quantizations",
]

AFFINE_BITS = (2, 3, 4, 5, 6, 8)
AFFINE_GROUPS = (32, 64, 128)
# Mode -> group size and bits where nobody says them.
_DEFAULTS = {"affine": (64, 4), "mxfp4": (32, 4), "mxfp8": (32, 8), "nvfp4": (16, 4)}
_KEYS = ("group_size", "bits", "mode")
# What quant_method "mxfp4" says beside its name: which modules stay as they are, which their tensors say as well.
_MXFP4_KEYS = ("quant_method", "modules_to_not_convert", "dequantize")
QUANTIZATION_KEYS = ("quantization", "quantization_config")


@dataclass(frozen=True, slots=True)
class Quantization:
    """Of one matrix: MLX's mode, weights that share a scale, bits of a code."""

    mode: str
    group_size: int
    bits: int


@dataclass(frozen=True, slots=True)
class Quantizations:
    """Of all matrices: one for most, and those that have their own, None where it was left as it is."""

    common: Quantization
    own: dict[str, Quantization | None]

    def of(self, module: str) -> Quantization | None:
        """For a module by its name in the checkpoint, such as "model.layers.0.mlp.up_proj"."""
        return self.own.get(module, self.common)


def read_quantizations(config: dict[str, Any], where: str) -> Quantizations | None:
    """What config.json says; None where it says nothing.

    Raises:
        UnsupportedModelError: another method than MLX's, or a mode, group size or number of bits not known here.
        ModelFileError: it is damaged.
    """
    name = next((name for name in QUANTIZATION_KEYS if config.get(name) is not None), None)
    if name is None:
        return None
    values, where = config[name], f"{where}: {name}"
    if not isinstance(values, dict):
        raise ModelFileError(f"{where} is {show(values)}; expected an object")
    values = cast("dict[str, Any]", values)
    if "quant_method" in values:
        return _by_method(values, where)
    for key, value in values.items():
        if key not in _KEYS and not isinstance(value, (dict, bool)):
            _unknown(where, key)
    common = _quantization({key: values[key] for key in _KEYS if key in values}, where)
    own = {
        key: _own(value, common, f"{where}: {key[:80]}") for key, value in values.items() if key not in _KEYS
    }
    return Quantizations(common, own)


def _by_method(values: dict[str, Any], where: str) -> Quantizations:
    """Of tools other than MLX: mxfp4 as gpt-oss is published."""
    if values["quant_method"] != "mxfp4":
        raise UnsupportedModelError(
            f"{where}: quant_method is {show(values['quant_method'])}; this version runs F32, F16, BF16, gpt-oss's "
            "mxfp4 and what MLX quantised: convert the original with mlx_lm.convert, or take a GGUF file"
        )
    for key in values:
        if key not in _MXFP4_KEYS:
            _unknown(where, key)
    return Quantizations(_quantization({"mode": "mxfp4"}, where), {})


def _own(value: Any, common: Quantization, where: str) -> Quantization | None:
    if isinstance(value, bool):
        return common if value else None
    for key in value:
        if key not in _KEYS:
            _unknown(where, key)
    return _quantization(value, where)


def _quantization(values: dict[str, Any], where: str) -> Quantization:
    mode = values.get("mode", "affine")
    if mode not in _DEFAULTS:
        _refuse(where, "mode", mode, tuple(_DEFAULTS))
    group_size, bits = (values.get(key) for key in ("group_size", "bits"))
    of_mode = _DEFAULTS[mode]
    group_size = of_mode[0] if group_size is None else group_size
    bits = of_mode[1] if bits is None else bits
    affine = mode == "affine"
    for key, value, known in (
        ("group_size", group_size, AFFINE_GROUPS if affine else of_mode[:1]),
        ("bits", bits, AFFINE_BITS if affine else of_mode[1:]),
    ):
        if isinstance(value, bool) or value not in known:
            _refuse(where, key, value, known, f" of mode {mode}")
    return Quantization(mode, group_size, bits)


def _refuse(where: str, key: str, value: Any, known: tuple[Any, ...], of: str = "") -> NoReturn:
    listed = ", ".join(map(str, known))
    raise UnsupportedModelError(f"{where}: {key} is {show(value)}; this version knows {listed}{of}")


def _unknown(where: str, key: str) -> NoReturn:
    raise UnsupportedModelError(
        f"{where}: this version does not know what {key[:80]!r} asks for, and does not run the model without it"
    )
