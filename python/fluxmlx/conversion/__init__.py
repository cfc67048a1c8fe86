"""From a GGUF file, or a folder with safetensors files, to a GGUF file in other types; or from a folder to MLX's."""

from __future__ import annotations

from fluxmlx.conversion.convert import Conversion, Fate, convert
from fluxmlx.conversion.mixture import MIXTURES
from fluxmlx.conversion.mlx_folder import convert_to_mlx

__all__ = ["MIXTURES", "Conversion", "Fate", "convert", "convert_to_mlx"]
