"""`fluxmlx runner` as a process."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

sys.path.append(str(Path(__file__).parents[2] / "model"))

import tiny_models

pytestmark = pytest.mark.engine


def test_a_parent_starts_it_asks_it_and_ends_it(tmp_path: Path) -> None:
    """It listens before its model is there, says when it is, answers, and ends with 0 when it is told to."""
    path = tiny_models.write(tmp_path / "tiny.gguf", tiny_models.Tiny(n_ctx=64))
    command = [sys.executable, "-m", "fluxmlx", "runner", "--model", str(path), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            found = next(filter(None, (re.search(r"http://[\d.]+:\d+", line) for line in process.stderr)))
            with httpx.Client(
                base_url=found[0], headers={"User-Agent": "Go-http-client/1.1"}, timeout=60
            ) as parent:
                until = time.monotonic() + 60
                while parent.get("/health").json()["status"] != 0:
                    assert time.monotonic() < until
                    time.sleep(0.02)
                response = parent.post("/completion", json={"Prompt": "Hello", "Options": {"num_predict": 3}})
            last = json.loads(response.text.splitlines()[-1])
            assert (last["done"], last["prompt_eval_count"]) == (True, 5)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
