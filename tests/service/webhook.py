"""A receiver of webhooks that keeps what comes, for tests of alerts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any


class Webhook(ThreadingHTTPServer):
    """Takes each id once, as a destination that is declared idempotent does; answers what a test says.

    `came` has every request, `taken` what was new by its id; `arrived` gets an id before the answer to it, which waits for
    `may_answer`.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/hook?token=hidden"
        self.answers: list[int | None] = []
        self.location = ""
        self.came: list[tuple[str, dict[str, str], bytes]] = []
        self.taken: dict[str, Any] = {}
        self.arrived: SimpleQueue[str] = SimpleQueue()
        self.may_answer = threading.Event()
        self.may_answer.set()

    def ids(self) -> list[str]:
        """The ids of all requests, in order."""
        return [headers["idempotency-key"] for _, headers, _ in self.came]

    def kinds(self) -> list[str]:
        """What the taken ones tell, in order."""
        return [each["kind"] for each in self.taken.values()]

    def handle_error(self, *_: object) -> None:
        """A sender that is killed is no fault of this one."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.server.came.append((self.path, headers, body))
        status = self.server.answers.pop(0) if self.server.answers else 200
        if status is not None and status < 300:
            self.server.taken.setdefault(headers["idempotency-key"], json.loads(body))
        self.server.arrived.put(headers["idempotency-key"])
        self.server.may_answer.wait(20)
        if status is None:  # goes away without a word
            self.close_connection = True
            return
        self.send_response(status)
        if self.server.location:
            self.send_header("location", self.server.location)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""


@contextmanager
def webhook() -> Iterator[Webhook]:
    """A receiver that listens for as long as the block lasts."""
    server = Webhook()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="webhook")
    thread.start()
    try:
        yield server
    finally:
        server.may_answer.set()
        server.shutdown()
        thread.join(20)
        server.server_close()
