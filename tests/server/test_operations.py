"""What whoever runs the server sees of it: metrics, the access log, and a page of settings that is true."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from stub_engine import StubEngine

from fluxmlx.server import ServerSettings
from fluxmlx.server.sources import _OLLAMAS, _READERS

Open = Callable[..., httpx.AsyncClient]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "server.md"
GENERATE = {"model": "a", "prompt": "a secret prompt"}


def test_metrics(open_client: Open) -> None:
    """Requests by route, tokens, times and the engine's own numbers; a name in any case is one model."""

    async def main() -> str:
        async with open_client(StubEngine()) as client:
            for name in ("a", "A", "a:latest"):
                await client.post("/api/generate", json={**GENERATE, "model": name})
            await client.request("BREW", "/coffee")
            return (await client.get("/metrics")).text

    page = asyncio.run(main())
    for line in (
        'fluxmlx_requests_total{method="POST",route="/api/generate",status="200"} 3.0',
        'fluxmlx_requests_total{method="other",route="other",status="404"} 1.0',
        'fluxmlx_completion_tokens_total{model="a:latest"} 9.0',
        'fluxmlx_time_to_first_token_seconds_count{model="a:latest"} 3.0',
        'fluxmlx_inter_token_seconds_count{model="a:latest"} 3.0',
        'fluxmlx_engine_queued{model="a:latest"} 0.0',
        'fluxmlx_engine_cache_bytes{model="a:latest"} 0.0',
        'fluxmlx_engine_slots{model="a:latest"} 4.0',
        'fluxmlx_engine_slots_free{model="a:latest"} 4.0',
        'fluxmlx_engine_model_bytes{model="a:latest"} 100.0',
        "fluxmlx_models_loaded 1.0",
    ):
        assert line in page, line
    assert "process_resident_memory_bytes" in page or "process_" not in page  # only where there is a /proc


def test_the_access_log_has_no_prompts(open_client: Open, caplog: pytest.LogCaptureFixture) -> None:
    """One JSON object for each request, with its id; nothing of its body or its query."""

    async def main() -> None:
        async with open_client(StubEngine()) as client:
            headers = {"X-Request-Id": "mine"}
            await client.post("/api/generate?key=hidden", json=GENERATE, headers=headers)

    with caplog.at_level(logging.INFO, "fluxmlx.server.access"):
        asyncio.run(main())
    [line] = [record.getMessage() for record in caplog.records if record.name == "fluxmlx.server.access"]
    row = json.loads(line)
    assert (row["id"], row["path"], row["status"]) == ("mine", "/api/generate", 200)
    assert row["bytes"] > 100 and row["seconds"] > 0
    assert "secret" not in line and "hidden" not in line


def test_the_page_has_every_setting() -> None:
    """docs/server.md names exactly the settings that there are, and those that Ollama's variables set."""
    rows = re.findall(r"^\| `(\w+)`( \*)? \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert (
        {name for name, _ in rows}
        == {field.name for field in dataclasses.fields(ServerSettings)}
        == set(_READERS)
    )
    assert {name for name, star in rows if star} == set(_OLLAMAS)
