"""One request by every way into the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from libraries import MESSAGES

import fluxmlx

pytestmark = pytest.mark.engine
PLAIN = {"temperature": 0.9, "top_k": 30, "top_p": 0.95, "min_p": 0.0, "seed": 21}


@pytest.fixture(scope="module")
def engine(smollm2: Path) -> Any:
    with fluxmlx.load(smollm2) as loaded:
        yield loaded


@pytest.mark.parametrize("options", [PLAIN, {**PLAIN, "temperature": 0}, {**PLAIN, "presence_penalty": 0.8}])
def test_a_prompt_has_one_answer(engine: Any, url: str, options: dict[str, Any]) -> None:
    """The same request with the same seed through Ollama, OpenAI and the library: the same text."""
    prompt = "Once upon a time"
    with httpx.Client(base_url=url, timeout=60) as http:
        ollama = http.post(
            "/api/generate",
            json={"model": "smol", "prompt": prompt, "raw": True, "stream": False,
                  "options": {**options, "repeat_last_n": 64, "num_predict": 24}},
        )  # fmt: skip
        openai = http.post(
            "/v1/completions",
            json={"model": "smol", "prompt": prompt, "max_tokens": 24, "repeat_last_n": 64, **options},
        )
    library = engine.generate(prompt, max_tokens=24, repeat_last_n=64, **options).text
    assert ollama.json()["response"] == openai.json()["choices"][0]["text"] == library


def test_a_chat_has_one_answer(engine: Any, url: str) -> None:
    """Likewise of a conversation."""
    with httpx.Client(base_url=url, timeout=60) as http:
        ollama = http.post(
            "/api/chat",
            json={
                "model": "smol",
                "messages": MESSAGES,
                "stream": False,
                "options": {**PLAIN, "num_predict": 24},
            },
        )
        openai = http.post(
            "/v1/chat/completions", json={"model": "smol", "messages": MESSAGES, "max_tokens": 24, **PLAIN}
        )
    library = engine.chat(MESSAGES, max_tokens=24, **PLAIN).text
    assert ollama.json()["message"]["content"] == openai.json()["choices"][0]["message"]["content"] == library
