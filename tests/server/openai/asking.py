"""Requests of a tiny model, and their answers."""

from __future__ import annotations

import json
from typing import Any

from starlette.testclient import TestClient

GREEDY = {"model": "tiny", "temperature": 0, "max_tokens": 6, "ignore_eos": True}
HELLO = [{"role": "user", "content": "Hello"}]


def post(client: TestClient, path: str, **body: Any) -> dict[str, Any]:
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def stream(client: TestClient, path: str, **body: Any) -> list[dict[str, Any]]:
    """The objects of a stream that came to its end."""
    response = client.post(path, json={**body, "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def refusal(client: TestClient, path: str, status: int = 400, **body: Any) -> dict[str, Any]:
    response = client.post(path, json=body)
    assert response.status_code == status, response.text
    error: dict[str, Any] = response.json()["error"]
    assert set(error) >= {"message", "type", "param", "code"}
    return error
