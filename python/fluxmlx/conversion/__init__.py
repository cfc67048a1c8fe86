"""From a model's file to another: GGUF of another type."""

from __future__ import annotations

from fluxmlx.conversion.convert import Conversion, Fate, convert
from fluxmlx.conversion.mixture import MIXTURES

__all__ = ["MIXTURES", "Conversion", "Fate", "convert"]
