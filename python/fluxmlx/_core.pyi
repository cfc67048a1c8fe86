"""The native core of fluxmlx."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy
import numpy.typing

def info() -> dict[str, Any]:
    """
    What this build is and what it found: versions, devices, instruction sets, threads.
    """

def release_memory() -> None:
    """Gives memory that was freed back to the system."""

class GgufTensor:
    """One row of a model file's tensor directory."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str:
        """Such as "Q4_K"."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Dimensions in the order of the file: the first is contiguous."""

    @property
    def offset(self) -> int:
        """Of the first byte in the file of its shard."""

    @property
    def n_bytes(self) -> int: ...
    @property
    def shard(self) -> int:
        """Index of the file of a split set; 0 where it is not split."""

    def __repr__(self) -> str: ...

class GgufFile:
    """
    A GGUF model file, or the split set that it belongs to, checked and open.
    """

    def __init__(self, path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> None: ...
    @property
    def path(self) -> str:
        """As it was given."""

    @property
    def version(self) -> int: ...
    @property
    def n_bytes(self) -> int:
        """Of all shards."""

    @property
    def n_shards(self) -> int: ...
    @property
    def metadata(self) -> dict[str, Any]:
        """Every key in the order of the file; converted once and then kept."""

    @property
    def metadata_types(self) -> dict[str, str]:
        """Type of every key, such as "UINT32" or "ARRAY[STRING]"."""

    @property
    def tensors(self) -> list[GgufTensor]:
        """Of all shards, in the order of the files."""

    def tensor_bytes(self, name: str) -> bytes:
        """A copy of one tensor's bytes; KeyError when there is none."""

def gguf_parse(data: bytes, name: str = "data") -> dict[str, Any]:
    """Parse the bytes of a whole GGUF file; a dict of what its header says."""

class Checkpoint:
    """
    Tensors of safetensors files by the names of a GGUF file; fluxmlx.checkpoint makes it.
    """

    def __init__(
        self, path: str, metadata: dict[str, Any], files: Sequence[str], tensors: Sequence[dict[str, Any]]
    ) -> None:
        """Opens the files and holds every byte range of the table to them."""

    def tensor_bytes(self, name: str) -> bytes:
        """A copy of one tensor's bytes; KeyError when there is none."""

def dequantize(data: bytes, type_name: str) -> numpy.typing.NDArray[numpy.float32]:
    """
    The weights of whole blocks as float32 (n,).

    Args:
        data: blocks as a GGUF file holds them, or as Checkpoint.tensor_bytes() gives them.
        type_name: a name from tensor_types(), or a type of MLX's such as "affine 4 bit g64 BF16".
    Raises:
        InvalidArgumentError: unknown type, or data is not whole blocks.
        UnsupportedModelError: this build cannot read the type.
    """

def encode(values: numpy.typing.NDArray[numpy.float32], type_name: str, threads: int = 0) -> bytes:
    """
    The blocks of a type that are near to values, float32 (n,): what dequantize() takes.

    Args:
        values: whole blocks of finite numbers.
        type_name: a name from tensor_types().
        threads: 0: all that this process may use; the bytes are the same for any number.
    Raises:
        InvalidArgumentError: unknown type, values that are not whole blocks, or one that is not finite or
            beyond what the type holds.
        UnsupportedModelError: this build cannot write the type.
    """

def tensor_types() -> dict[str, tuple[int, int, int, bool]]:
    """
    Every GGUF tensor type: name -> (id, weights per block, bytes per block, whether dequantize() reads it).
    """

def probe_bandwidth(threads: int) -> float:
    """
    Bytes per second that so many threads together read from memory now (a tenth of a second or two).
    """

def probe_fma(threads: int) -> float:
    """
    float32 multiply-adds per second that so many threads reach in registers now.
    """

class Event:
    """One thing that a request gave: a token, or the end of an answer."""

    @property
    def is_end(self) -> bool:
        """Whether it is the end of an answer."""

    @property
    def index(self) -> int:
        """Which of the request's n answers."""

    @property
    def text(self) -> str:
        """Whole characters that are certain by now."""

    @property
    def token_bytes(self) -> bytes:
        """What the token stands for, whole characters or not."""

    @property
    def token(self) -> int:
        """Its id; at the end, that of the token which ended the answer, or -1."""

    @property
    def logprob(self) -> float:
        """NaN unless asked for."""

    @property
    def top_logprobs(self) -> list[tuple[int, float]]:
        """(token, logprob), best first."""

    @property
    def finish_reason(self) -> str:
        """'stop' or 'length', at the end; else empty."""

    @property
    def stop_string(self) -> bytes:
        """The one that matched, or empty."""

    @property
    def prompt_tokens(self) -> int: ...
    @property
    def completion_tokens(self) -> int: ...
    @property
    def cached_tokens(self) -> int: ...
    @property
    def drafted_tokens(self) -> int: ...
    @property
    def accepted_tokens(self) -> int: ...
    @property
    def queued_s(self) -> float:
        """Seconds of waiting for a place."""

    @property
    def prompt_s(self) -> float:
        """Seconds of reading the prompt."""

    @property
    def decode_s(self) -> float:
        """Seconds of writing the answer."""

    @property
    def prompt_logprobs(self) -> list[tuple[float, list[tuple[int, float]]]]:
        """(logprob, top) of each prompt token but the first."""

    @property
    def saved(self) -> bytes:
        """
        The memory of the prompt's whole cache blocks, where the request asked for it.
        """

    @property
    def embedding(self) -> Any:
        """(n_embd,) float32, or None where no pooling was asked for."""

class Handle:
    """The caller's end of one request."""

    def take(self, timeout: float, whole: bool = False) -> list[Event]:
        """
        The events since the last call, after at most `timeout` seconds of waiting for one, or, with `whole`, for the end. Where nothing is left, raises the error of a request that failed.
        """

    def cancel(self) -> None:
        """Drops the request before the engine's next step."""

class Mailbox:
    """Where many handles say that they have events, each by its key."""

    def __init__(self) -> None: ...
    def fileno(self) -> int:
        """A descriptor that is readable while keys wait to be taken."""

    def close(self) -> None:
        """Gives the descriptor back; nobody may wait for it any more."""

    def take(self) -> list[int]:
        """The keys of handles with news; returns at once."""

    def wait(self, timeout: float) -> list[int]:
        """The same, after at most `timeout` seconds of waiting."""

class Engine:
    """A loaded model and the thread that runs it."""

    def __init__(
        self,
        path: str,
        *,
        device: str = "auto",
        ops: str = "auto",
        cache_type: str = "f16",
        ctx: int = 0,
        threads: int = 0,
        prefill_chunk: int = 0,
        max_sequences: int = 0,
        target_latency: float = 0.0,
        max_memory: int = 0,
        max_queue: int = 4096,
        max_queue_tokens: int = 4194304,
        speculation: bool | None = None,
        prefix_memory: int | None = None,
        source: Checkpoint | None = None,
    ) -> None:
        """
        Starts to load a GGUF file, or `source` in its place; 0 stands for what fluxmlx.load() says of None.
        """

    def wait_loaded(self, timeout: float) -> bool:
        """True once loaded, False when `timeout` seconds are over."""

    @property
    def progress(self) -> tuple[int, int]:
        """Bytes loaded, bytes in all."""

    @property
    def info(self) -> dict[str, Any]:
        """
        Facts about the model, its layout and the device; only once it is loaded.
        """

    def set_vocabulary(self, token_bytes: Iterable[bytes], end_ids: Sequence[int]) -> None:
        """
        Once it is loaded and before the first request: the bytes of each token, the tokens that end an answer.
        """

    def submit(
        self,
        prompt: Sequence[int],
        params: dict[str, Any],
        mailbox: Mailbox | None = None,
        key: int = 0,
        whole: bool = False,
        max_unread: int = 0,
    ) -> Handle:
        """
        Queues a request: prompt token ids, and the fields of SamplingParams.to_native(). Its events, or only the end where `whole`, are announced in the mailbox by the key. With `max_unread`, one fails that has more bytes of events which nobody took.
        """

    def check(self, prompt: Sequence[int], params: dict[str, Any]) -> None:
        """Raises what submit() would raise of the request itself."""

    @property
    def stats(self) -> dict[str, Any]:
        """What it has done, and what runs and waits now."""

    def close(self) -> None:
        """Ends what runs and waits for the thread; may be called again."""
