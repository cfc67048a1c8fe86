"""load(): what it refuses before any work, how it is watched and stopped, and that it asks for memory first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tasks
import tiny_models
from tiny_models import Tiny

import fluxmlx
import gguf
from fluxmlx import errors
from fluxmlx._native import core
from fluxmlx.sampling import SamplingParams

BAD_OPTIONS = [
    ({"threads": 0}, "threads is 0; expected a whole number from 1 to 1024"),
    ({"threads": 2**31 - 1}, "threads is 2147483647"),
    ({"ctx": 1.5}, "ctx is 1.5"),
    ({"ctx": 2**28}, "ctx is 268435456"),
    ({"prefill_chunk": -1}, "prefill_chunk is -1"),
    ({"device": "tpu"}, "device is 'tpu'; expected 'auto' or 'cpu' or 'gpu'"),
    ({"ops": "fast"}, "ops is 'fast'; expected 'auto' or 'kernels' or 'composed'"),
    ({"cache_type": "q4_0"}, "cache_type is 'q4_0'; expected 'f16' or 'f32' or 'q8_0'"),
    ({"cache_type": "q8_0", "ops": "composed"}, "cache_type is 'q8_0', which only ops='kernels' can keep"),
    ({"progress": "yes"}, "progress is 'yes'"),
]


@pytest.mark.parametrize(("options", "says"), BAD_OPTIONS, ids=lambda value: str(value)[:30])
def test_bad_options(options: dict[str, Any], says: str, tiny_path: Path) -> None:
    """An option that cannot be used is named, with its value and what is expected."""
    with pytest.raises(errors.InvalidArgumentError) as caught:
        fluxmlx.load(tiny_path, **options)
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["x", "²", "0", "-1", "1.5", "9" * 5000])
def test_bad_thread_count_in_the_environment(
    text: str, tiny_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """$FLUXMLX_THREADS is checked like the option, and named."""
    monkeypatch.setenv("FLUXMLX_THREADS", text)
    with pytest.raises(errors.InvalidArgumentError, match="FLUXMLX_THREADS is"):
        fluxmlx.load(tiny_path, device="cpu")


@pytest.mark.parametrize(("text", "ops"), [("composed", "composed"), ("kernels", "kernels"), ("", "kernels")])
def test_ops_from_the_environment(
    text: str, ops: str, tiny_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """$FLUXMLX_CPU_OPS picks the form of the ops; a value that is none is an error, also for no reason to look."""
    monkeypatch.setenv("FLUXMLX_CPU_OPS", text)
    with fluxmlx.load(tiny_path, device="cpu") as engine:
        assert engine.info["ops"] == ops
    monkeypatch.setenv("FLUXMLX_CPU_OPS", "fast")
    with pytest.raises(errors.InvalidArgumentError, match="FLUXMLX_CPU_OPS is 'fast'"):
        fluxmlx.load(tiny_path, device="cpu")


@pytest.mark.parametrize("ops", ["kernels", "composed"])
def test_progress_ends_at_the_whole(ops: str, tiny_path: Path) -> None:
    """What is reported of a load never falls, and ends at the file's size."""
    calls: list[tuple[str, int, int]] = []
    fluxmlx.load(tiny_path, device="cpu", ops=ops, progress=lambda *call: calls.append(call)).close()
    done = [call[1] for call in calls if call[0] == "loading"]
    size = tiny_path.stat().st_size
    assert done == sorted(done) and calls[-1] == ("loading", size, size)


def hollow(path: Path, *, n_embd: int, n_ff: int) -> Path:
    """A model of F32 zeros of any size that takes no room on the disk."""
    tiny = Tiny(n_layers=1, n_embd=n_embd, n_ff=n_ff, head_dim=16)
    tokens, types, merges = tiny_models.byte_vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    tiny_models._metadata(writer, tiny)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    matrices = {
        "token_embd": (len(tokens), n_embd), "blk.0.attn_q": (64, n_embd), "blk.0.attn_k": (32, n_embd),
        "blk.0.attn_v": (32, n_embd), "blk.0.attn_output": (n_embd, 64), "blk.0.ffn_gate": (n_ff, n_embd),
        "blk.0.ffn_up": (n_ff, n_embd), "blk.0.ffn_down": (n_embd, n_ff), "blk.0.attn_norm": (n_embd,),
        "blk.0.ffn_norm": (n_embd,), "output_norm": (n_embd,),
    }  # fmt: skip
    total = 0
    for name, shape in matrices.items():
        n_bytes = 4 * int(np.prod(shape, dtype=np.int64))
        writer.add_tensor_info(f"{name}.weight", shape, np.dtype(np.float32), n_bytes)
        total += -(-n_bytes // 32) * 32
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    try:
        os.truncate(path, -(-path.stat().st_size // 32) * 32 + total)
    except OSError as error:
        pytest.skip(f"no sparse file of {total} bytes here: {error}")
    return path


def test_54_a_model_larger_than_memory(tmp_path: Path) -> None:
    """A model of 3 TiB is refused at once, with what it needs and what there is."""
    path = hollow(tmp_path / "vast.gguf", n_embd=2**20, n_ff=2**18)
    began = time.monotonic()
    with pytest.raises(errors.OutOfMemoryError, match=r"needs 31\d\d\d\d\d MiB .* and \d+ MiB are available"):
        fluxmlx.load(path, device="cpu")
    assert time.monotonic() - began < 5


INTERRUPTED = """
import sys, fluxmlx
def watch(what, done, total):
    if what == "loading": print("loading", flush=True)
try:
    fluxmlx.load(sys.argv[1], device="cpu", progress=watch)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_120_control_c_stops_a_load(tmp_path: Path) -> None:
    """SIGINT ends a load inside a tensor of a gigabyte, long before its end."""
    path = hollow(tmp_path / "large.gguf", n_embd=2**20, n_ff=96)
    command = [sys.executable, "-c", INTERRUPTED, str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "loading\n"
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    said = next(line for line in process.stdout if line != "loading\n")
    assert said == "interrupted\n" and time.monotonic() - began < 5
    assert process.wait(60) == 0
    process.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("how", ["shrinks", "stopped"])
def test_a_load_that_fails_half_way(how: str, tmp_path: Path) -> None:
    """A file that is cut short while its parts are read, and a close(), end the load soon, and no thread stays."""
    path = hollow(tmp_path / "large.gguf", n_embd=2**20, n_ff=96)
    before, native = tasks.n_threads(), core.Engine(str(path), device="cpu")
    while native.progress[0] < 2**26:  # behind the vectors, which come first: all threads read
        time.sleep(0.001)
    began = time.monotonic()
    os.truncate(path, 2**20) if how == "shrinks" else native.close()
    with pytest.raises(errors.ModelFileError if how == "shrinks" else errors.FluxmlxError) as caught:
        native.wait_loaded(5)
    assert ("cut short while in use" if how == "shrinks" else "the load was stopped") in str(caught.value)
    native.close()
    done, total = native.progress
    assert done < total and tasks.n_threads() == before and time.monotonic() - began < 5


LIMITED = """
import resource, sys, fluxmlx
sys.path.append(sys.argv[2])
import tasks
path, outcomes = sys.argv[1], []
fluxmlx.load(path, device="cpu").close()
n_threads = tasks.n_threads()
size = 4096 * int(open("/proc/self/statm").read().split()[0])
for extra in range(0, 100, 4):
    resource.setrlimit(resource.RLIMIT_AS, (size + (extra << 20), -1))
    try:
        fluxmlx.load(path, device="cpu").close()
        outcomes.append("loaded")
    except (fluxmlx.FluxmlxError, MemoryError, RuntimeError) as error:
        outcomes.append("refused")
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
assert tasks.n_threads() == n_threads
print(sorted(set(outcomes)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS and /proc")
def test_116_a_load_with_too_little_memory(tmp_path: Path) -> None:
    """Whatever the process may allocate, a load succeeds or is refused, and never crashes."""
    path = tiny_models.write(
        tmp_path / "mid.gguf", Tiny(n_layers=8, n_embd=256, n_ff=1024, quantisation="Q8_0")
    )
    command = [sys.executable, "-c", LIMITED, str(path), str(Path(tasks.__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "['loaded', 'refused']\n"


def test_templates_do_not_keep_a_model_from_loading(tmp_path: Path) -> None:
    """A model without a template, or with a broken one, loads and generates; only chat() says what is wrong."""
    messages = [{"role": "user", "content": "hi"}]
    for template, error in ((None, errors.CapabilityError), ("{% if %}", errors.ChatTemplateError)):
        path = tiny_models.write(tmp_path / "tiny.gguf", Tiny(template=template))
        with fluxmlx.load(path, device="cpu") as engine:
            assert engine.has_chat_template == (template is not None)
            assert engine.generate([72], max_tokens=1, ignore_eos=True).tokens
            with pytest.raises(error):
                engine.chat(messages)


def test_the_vocabulary_comes_once_and_whole(tiny_path: Path) -> None:
    """The core takes requests only once it has the bytes of every token, and takes those once."""
    native = core.Engine(str(tiny_path), device="cpu")
    while not native.wait_loaded(1):
        pass
    params = SamplingParams(max_tokens=1).to_native()
    with pytest.raises(errors.InvalidArgumentError, match="no vocabulary yet"):
        native.submit([72], params)
    with pytest.raises(errors.InvalidArgumentError, match="token_bytes has 1 entries; expected 288"):
        native.set_vocabulary([b"a"], [])
    native.set_vocabulary([b"a"] * 288, [])
    assert native.submit([72], params).take(10)[0].token_bytes == b"a"
    with pytest.raises(errors.InvalidArgumentError, match="has its vocabulary already"):
        native.set_vocabulary([b"a"] * 288, [])
    native.close()


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_bad_tokenizer_ends_the_load(tmp_path: Path) -> None:
    """The weights are on their way by then: what is wrong with the tokenizer is said, and no thread stays behind."""
    path = tiny_models.write(tmp_path / "bad.gguf", Tiny(extra={"tokenizer.ggml.add_bos_token": True}))
    before = threading.active_count(), tasks.n_threads()
    with pytest.raises(errors.TokenizerError, match="add_bos_token must be"):
        fluxmlx.load(path, device="cpu")
    assert (threading.active_count(), tasks.n_threads()) == before
