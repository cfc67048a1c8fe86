"""A web server on this machine that behaves, or misbehaves as a test tells it."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from dataclasses import dataclass, field
from typing import Any


def digest(data: bytes) -> str:
    """sha256:<hex> of some bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass
class Answer:
    """What the server says once; None where it does what is right."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    length: int | None = None  # what Content-Length says; -1 leaves it out
    cut: int | None = None  # bytes after which the connection ends
    pause: float = 0.0  # seconds between two pieces
    ranges: bool = True


class FakeServer:
    """Files by path, and for each path the answers that come before the right one."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.answers: dict[str, list[Answer]] = {}
        self.always: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append(
                    (self.path, {key.lower(): value for key, value in self.headers.items()})
                )
                server.answer(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False  # close() waits for every answer to end
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}"

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        path = handler.path.partition("?")[0]
        queue = self.answers.get(path, [])
        answer = queue.pop(0) if queue else self.always.get(path, Answer())
        data, status, headers = self._reply(handler, path, answer)
        handler.send_response(answer.status or status)
        if answer.length != -1:
            handler.send_header("Content-Length", str(len(data) if answer.length is None else answer.length))
        for name, value in {**headers, **answer.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        whole = data if answer.cut is None else data[: answer.cut]
        step = 20_000 if answer.pause else max(1, len(whole))
        try:
            for start in range(0, len(whole), step):
                handler.wfile.write(whole[start : start + step])
                handler.wfile.flush()
                if self._closing.wait(answer.pause):
                    break
        except OSError:
            pass  # the client has gone
        handler.close_connection = True

    def _reply(self, handler: Any, path: str, answer: Answer) -> tuple[bytes, int, dict[str, str]]:
        if answer.body is not None:
            return answer.body, 200, {}
        data = self.files.get(path)
        if data is None:
            return b"not here", 404, {}
        asked = handler.headers.get("Range")
        if asked and answer.ranges and answer.status is None:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            return data[start:], 206, {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        return data, 200, {}

    def gets(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(asked == path for asked, _ in self.requests)

    def close(self) -> None:
        """Ends all answers; no thread and no connection is left."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class FakeRegistry(FakeServer):
    """A registry with one repository."""

    where = "/v2/library/tiny"

    def add(self, model: bytes, tag: str = "latest", **layers: bytes) -> dict[str, Any]:
        """Publishes a model; gives its manifest."""
        rows = [self._blob(f"application/vnd.ollama.image.{kind}", data) for kind, data in
                {"model": model, **layers}.items()]  # fmt: skip
        config = self._blob("application/vnd.docker.container.image.v1+json", b'{"model_family":"llama"}')
        manifest = {"schemaVersion": 2, "config": config, "layers": rows}
        self.publish(manifest, tag)
        return manifest

    def publish(self, manifest: Any, tag: str = "latest") -> None:
        """Publishes a manifest as it is."""
        data = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        self.files[f"{self.where}/manifests/{tag}"] = data

    def blob_path(self, data: bytes) -> str:
        return f"{self.where}/blobs/{digest(data)}"

    def _blob(self, media_type: str, data: bytes) -> dict[str, Any]:
        self.files[self.blob_path(data)] = data
        return {"mediaType": media_type, "digest": digest(data), "size": len(data)}
