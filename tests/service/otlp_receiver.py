"""A receiver of OTLP over HTTP that keeps what it takes, for tests of what is sent on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tracing_core.model import SpanData
from tracing_core.otlp.bodies import unpack
from tracing_core.otlp.decode import trace_request
from tracing_core.otlp.spans import received


class Receiver(ThreadingHTTPServer):
    """An OTLP receiver: keeps what it takes, answers what a test says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.refuses: Callable[[set[str]], bool] = lambda _ids: False
        self.response = ExportTraceServiceResponse()
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.traces: dict[str, tuple[SpanData, ...]] = {}
        self.arrived: SimpleQueue[str] = SimpleQueue()
        self.may_answer = threading.Event()
        self.may_answer.set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.headers.append({key.lower(): value for key, value in self.headers.items()})
        self.server.paths.append(self.path)
        result = received(
            trace_request(unpack(body, self.headers["content-encoding"], 10**8), self.headers["content-type"])
        )
        self.server.arrived.put(self.path)
        self.server.may_answer.wait(10)
        status, headers = self.server.answers.pop(0) if self.server.answers else (200, {})
        if self.server.refuses(set(result.traces)):
            status = 400
        if status == 200:
            self.server.traces |= result.traces
        content = self.server.response.SerializeToString()
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def receiving() -> Iterator[Receiver]:
    """One that listens."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.may_answer.set()
        server.shutdown()
        thread.join()
