"""A checkpoint in the form that MLX's tools give it: matrices quantised by `mx.quantize`, experts stacked."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import checkpoint_builder as builder
import mlx.core as mx
import numpy as np
from safetensors.numpy import load_file, save_file

mx.set_default_device(mx.cpu)
EXPERT = re.compile(r"(.*\.)experts\.0\.(\w+)\.weight")
SWITCHED = {"w1": "gate_proj", "w2": "down_proj", "w3": "up_proj"}
DTYPES = {"F16": mx.float16, "BF16": mx.bfloat16, "F32": mx.float32}

Arrays = dict[str, np.ndarray]
Put = Callable[[np.ndarray], None]


@dataclass(frozen=True)
class Way:
    """How matrices are quantised; `own` has modules, by the end of their names, that have another way or none."""

    mode: str = "affine"
    group_size: int = 32
    bits: int = 4
    dtype: str = "BF16"
    own: dict[str, Way | None] = field(default_factory=dict)

    def of(self, module: str) -> Way | None:
        """For a module."""
        return next((way for end, way in self.own.items() if module.endswith(end)), self)

    def fits(self, n_in: int) -> bool:
        """Whether rows of that length can be quantised so."""
        return n_in % (64 if self.mode == "nvfp4" else self.group_size) == 0

    def options(self) -> dict[str, Any]:
        """As config.json has them, and as MLX takes them."""
        mode = {} if self.mode == "affine" else {"mode": self.mode}
        return {"group_size": self.group_size, "bits": self.bits, **mode}


def matrices(tensors: Arrays, plain: Arrays) -> Iterator[tuple[str, np.ndarray, Put]]:
    """Module, weights (..., n_out, n_in), and what puts other weights in their place; takes them out of `tensors`."""
    for name in list(tensors):
        expert = EXPERT.fullmatch(name)
        if expert:
            n = sum(key.startswith(f"{expert[1]}experts.") and f".{expert[2]}." in key for key in tensors)
            keys = [f"{expert[1]}experts.{i}.{expert[2]}.weight" for i in range(n)]
            module = f"{expert[1]}switch_mlp.{SWITCHED.get(expert[2], expert[2])}"
            yield module, np.stack([tensors.pop(key) for key in keys]), _put_all(plain, keys)
        elif name.endswith("experts.down_proj"):
            yield name, tensors.pop(name).swapaxes(1, 2), _put_columns(plain, name, slice(None))
        elif name.endswith("experts.gate_up_proj"):
            values, bias = tensors.pop(name).swapaxes(1, 2), tensors.pop(f"{name}_bias")
            for part, turn in (("gate_proj", slice(0, None, 2)), ("up_proj", slice(1, None, 2))):
                module = name.replace("gate_up_proj", part)
                tensors[f"{module}.bias"] = bias[:, turn]
                yield module, values[:, turn], _put_columns(plain, name, turn)
        elif name.endswith("experts.down_proj_bias"):
            tensors[name.replace("_bias", ".bias")] = tensors.pop(name)
        elif name in tensors and tensors[name].ndim == 2 and "experts." not in name:
            yield name.removesuffix(".weight"), tensors.pop(name), _put_all(plain, [name])


def _put_all(plain: Arrays, keys: list[str]) -> Put:
    def put(values: np.ndarray) -> None:
        for key, matrix in zip(keys, values.reshape(len(keys), *values.shape[-2:]), strict=True):
            plain[key] = np.ascontiguousarray(matrix)

    return put


def _put_columns(plain: Arrays, name: str, turn: slice) -> Put:
    def put(values: np.ndarray) -> None:
        plain[name] = plain[name].copy()
        plain[name][..., turn] = values.swapaxes(1, 2)

    return put


def quantise(folder: Path, way: Way) -> tuple[Path, Path]:
    """Two checkpoints: quantised as MLX writes it, and what its matrices mean, as `transformers` reads it."""
    tensors = load_file(folder / "model.safetensors")
    plain, stored = dict(tensors), {}
    config = json.loads((folder / "config.json").read_text())
    said: dict[str, Any] = way.options()
    for module, values, put in matrices(tensors, plain):
        own = way.of(module)
        if own is None or not own.fits(values.shape[-1]):
            said[module] = False
            stored[f"{module}.weight"] = ("F32", np.ascontiguousarray(values))
            continue
        if own is not way:
            said[module] = own.options()
        arrays = mx.quantize(mx.array(values).astype(DTYPES[own.dtype]), **own.options())
        for leaf, array in zip(("weight", "scales", "biases"), arrays, strict=False):
            stored[f"{module}.{leaf}"] = _stored(array)
        put(_meant(arrays, own))
    stored |= {name: ("F32", values) for name, values in tensors.items()}
    quantised, meant = (folder.with_name(f"{folder.name}-{end}") for end in ("quantised", "meant"))
    for target in (quantised, meant):
        shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.safetensors"))
    builder.write_safetensors(quantised / "model.safetensors", stored)
    save_file(plain, meant / "model.safetensors", {"format": "pt"})
    config |= {"quantization": said, "quantization_config": said}
    (quantised / "config.json").write_text(json.dumps(config))
    return quantised, meant


def _stored(array: mx.array) -> tuple[str, np.ndarray]:
    """The dtype's name and the array, BF16 as its bits."""
    if array.dtype == mx.bfloat16:
        return "BF16", np.array(array.view(mx.uint16))
    names = {mx.float16: "F16", mx.float32: "F32", mx.uint32: "U32", mx.uint8: "U8"}
    return names[array.dtype], np.array(array)


def _meant(arrays: Any, way: Way) -> np.ndarray:
    codes, *rest = arrays
    if way.mode == "affine":
        return np.array(mx.dequantize(codes, *(part.astype(mx.float32) for part in rest), **way.options()))
    return np.array(mx.dequantize(codes, *rest, **way.options(), dtype=mx.float32))
