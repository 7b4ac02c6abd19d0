"""A small OpenAI-compatible server, real over HTTP, that answers, breaks off, refuses or waits as a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODEL = "gpt-4o-mini"
WORDS = tuple(
    f"{word} "
    for word in [
        "Decorate",
        "a",
        "function",
        "with",
        "app.post",
        "and",
        "declare",
        "its",
        "body",
        "as",
        "a",
        "model",
        "[1].",
    ]
)


class ModelServer(ThreadingHTTPServer):
    """Says `words`; with `waits`, then nothing until the client hangs up; with `breaks`, closes; with `status`, refuses."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hung_up = threading.Event()
        self.well()

    def well(self) -> None:
        """Answer as it should."""
        self.words: tuple[str, ...] = WORDS
        self.waits = self.breaks = False
        self.status = 200
        self.hung_up.clear()

    @property
    def url(self) -> str:
        """What LLM_BASE_URL is set to."""
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        server = self.server
        if server.status != 200:
            self._answer(server.status, b'{"error": {"message": "the model has no memory left"}}')
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for word in server.words:
            self._event({"choices": [{"delta": {"content": word}}]})
        if server.waits:
            self.connection.settimeout(20)
            if self.connection.recv(1) == b"":
                server.hung_up.set()
        elif not server.breaks:
            usage = {"prompt_tokens": 1200, "completion_tokens": 350, "total_tokens": 1550}
            self._event({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage})
            self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _event(self, event: object) -> None:
        self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        self.wfile.flush()

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@contextmanager
def model_serving() -> Iterator[ModelServer]:
    """A model server, until the end of the block."""
    server = ModelServer()
    thread = threading.Thread(target=server.serve_forever, name="model-server")
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
