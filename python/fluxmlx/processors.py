"""A caller's own function between the model's logits and the choice of a token."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["LogitsProcessor"]


class LogitsProcessor:
    """Wraps the function for the core, which calls it for each token with arrays that the function may keep.

    Attributes:
        error: what the function raised; the core ends the request then.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.error: BaseException | None = None

    def __call__(self, tokens: npt.NDArray[np.int32], logits: npt.NDArray[np.float32]) -> None:
        """Leaves in `logits` (n_vocab,) what the function returned, or what it made of them in place."""
        try:
            changed = self._function(tokens, logits)
            if changed is not None and changed is not logits:
                self._copy(changed, logits)
        except BaseException as error:
            self.error = error
            raise

    @staticmethod
    def _copy(changed: Any, logits: npt.NDArray[np.float32]) -> None:
        import numpy as np

        values = np.asarray(changed)
        if values.shape != logits.shape:
            raise ValueError(
                f"it returned an array of shape {values.shape}; expected {logits.shape}, or None where the "
                "logits were changed in place"
            )
        logits[:] = values
