"""A server that speaks as much of Ollama's protocol as the command line uses, and keeps what it was asked."""

from __future__ import annotations

import http.server
import json
import threading
import time
from typing import Any

SHOWN = {
    "license": "MIT\n",
    "modelfile": "FROM tiny\n",
    "parameters": 'stop                           "x"',
    "template": "{{ messages }}",
    "system": "Be brief.",
    "details": {"family": "llama", "parameter_size": "134.52M", "quantization_level": "Q4_1"},
    "model_info": {"general.architecture": "llama", "llama.context_length": 2048},
    "capabilities": ["completion"],
    "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}],
}
LAST = {
    "done": True, "done_reason": "stop", "total_duration": 2_500_000_000, "load_duration": 250_000_000,
    "prompt_eval_count": 5, "prompt_eval_duration": 500_000_000, "eval_count": 3, "eval_duration": 1_500_000_000,
}  # fmt: skip


class FakeOllama:
    """Answers with the words it is given.

    Attributes:
        asked: (path, body) of every POST.
        server: the Server header; an Ollama has none.
        missing: models that are not there until they are pulled.
        replies: path -> (status, body) that takes the place of the right answer.
        cut: pieces after which the connection breaks.
        left: set when a reader went away in the middle of an answer.
    """

    def __init__(self, server: str = "fluxmlx/9.9") -> None:
        self.server = server
        self.words: tuple[str, ...] = ("It ", "is ", "blue.")
        self.thinking = ""
        self.pause = 0.0
        self.cut: int | None = None
        self.missing: set[str] = set()
        self.shown: dict[str, Any] = dict(SHOWN)
        self.running: list[dict[str, Any]] = []
        self.replies: dict[str, tuple[int, Any]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.left = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """What was posted there."""
        return [body for asked, body in self.asked if asked == path]

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, list[Any]]:
        """Status and objects of an answer."""
        if path in self.replies:
            status, reply = self.replies[path]
            return status, [reply]
        match path:
            case "/api/version":
                return 200, [{"version": "0.30.0"}]
            case "/api/ps":
                return 200, [{"models": self.running}]
            case "/api/show":
                gone = body["model"] in self.missing
                return (
                    (404, [{"error": f"model '{body['model']}' not found"}]) if gone else (200, [self.shown])
                )
            case "/api/pull":
                self.missing.discard(body["model"])
                return 200, [{"status": "pulling manifest"}, {"status": "success"}]
            case "/api/chat" | "/api/generate":
                return 200, self._said(path, body)
            case _:
                return 200, [{"status": "success"}]

    def _said(self, path: str, body: dict[str, Any]) -> list[Any]:
        chats = path == "/api/chat"
        if not body.get("messages") and not body.get("prompt"):
            return [{"done": True, "done_reason": "unload" if body.get("keep_alive") == 0 else "load"}]
        pieces = [(self.thinking, "")] if self.thinking else []
        pieces += [("", word) for word in self.words]
        rows = [
            {"message": {"role": "assistant", "content": text, "thinking": thought}} if chats
            else {"response": text, "thinking": thought}
            for thought, text in [*pieces, ("", "")]
        ]  # fmt: skip
        rows[-1] |= LAST
        return [{"model": body["model"], "done": False, **row} for row in rows]


def _handler(fake: FakeOllama) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fake.asked.append((self.path, body))
            self._reply(body)

        def _reply(self, body: dict[str, Any]) -> None:
            fake.headers.append({name.lower(): value for name, value in self.headers.items()})
            status, rows = fake.answer(self.path, body)
            self.send_response(status)
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            try:
                for index, row in enumerate(rows):
                    if fake.cut == index and len(rows) > 2:
                        self.wfile.write(b'{"half')
                        return
                    data = row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n"
                    self.wfile.write(data)
                    self.wfile.flush()
                    time.sleep(fake.pause)
            except OSError:
                fake.left.set()

        def version_string(self) -> str:
            return fake.server

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    return Handler
