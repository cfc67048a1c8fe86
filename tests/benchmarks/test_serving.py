"""benchmarks/serving.py: what its client reads, and the prompts that servers get."""

from __future__ import annotations

import importlib.util
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Loads a script of benchmarks/ under a name of its own: tests/server has a module called serving, too."""
    folder = Path(__file__).parents[2] / "benchmarks"
    monkeypatch.syspath_prepend(str(folder))

    def by_path(name: str) -> Any:
        spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", folder / f"{name}.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)  # its dataclasses look themselves up there
        spec.loader.exec_module(module)
        return module

    return by_path


def sse(*rows: str) -> list[bytes]:
    """Chunks of an answer, cut in the middle of a line."""
    data = "".join(f"data: {row}\n\n" for row in rows).encode()
    return [data[:7], data[7:30], data[30:]]


def asked(load: Any, tokens: int) -> Any:
    """The sample of one answer of three tokens."""
    rows = ['{"choices":[{"text":"a"}]}', '{"choices":[{"text":" b"}]}', '{"choices":[{"text":""}]}',
            '{"choices":[],"usage":{"completion_tokens":3}}', "[DONE]"]  # fmt: skip

    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for chunk in [*sse(*rows), b""]:
                connection.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        try:
            samples, seconds = load("serving_client").together(*listener.getsockname(), [["x"]], tokens)
        finally:
            thread.join()
    assert samples[0].first_s < seconds
    return samples[0]


def test_the_client_reads_tokens_and_times(load: Any) -> None:
    """Pieces with text have times, also where a chunk ends within a line; the count is the server's."""
    sample = asked(load, 3)
    assert (sample.tokens, len(sample.times)) == (3, 2) and 0 < sample.first_s
    assert sample.between_s == (sample.times[1] - sample.times[0]) / 2


def test_an_answer_of_another_length_is_no_measurement(load: Any) -> None:
    """A model that ended early would look fast."""
    with pytest.raises(SystemExit, match="asked for 4 tokens and got 3"):
        asked(load, 4)


def test_prompts_begin_differently(load: Any) -> None:
    """Nothing that one request computed can serve another, and a run can be repeated."""
    prompts = load("serving_servers").prompts
    texts = [text for mine in prompts(16, 3, 128) for text in mine]
    assert len({text[:40] for text in texts}) == 48 and prompts(16, 3, 128) == prompts(16, 3, 128)


def test_one_sample_is_enough_for_a_row(load: Any) -> None:
    """The 95th percentile is the nearest rank."""
    serving = load("serving")
    samples = [serving.Sample(0.0, [number / 100, 1.0], 5) for number in range(1, 21)]
    assert serving.summary([{"samples": samples[:1], "rate": 5.0}])["first_p95_ms"] == 10
    assert serving.summary([{"samples": samples, "rate": 5.0}])["first_p95_ms"] == 190


def test_the_table(load: Any) -> None:
    """A row for each server and number of clients."""
    figures = {"first_ms": 1.23, "first_p95_ms": 2.0, "between_ms": 3.0, "rate": 400.04}
    lines = load("serving").table({4: {"fluxmlx": figures}}).splitlines()
    assert lines[2] == "| 4 | fluxmlx | 1.2 | 2.0 | 3.0 | 400.0 |"
