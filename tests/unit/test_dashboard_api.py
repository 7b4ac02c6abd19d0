"""The client of the service, against a server of our own that can misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dashboard.api import Answer, Health, Question, ServiceUnavailable, health, healthy, rate, service_url
from tracing_core.errors import InvalidInput, TraceNotFound
from tracing_core.settings import read_settings

Reply = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def served(reply: Reply) -> Iterator[str]:
    """A server on a free port that answers everything with `reply`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply(self)

        def do_POST(self) -> None:
            reply(self)

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(handler: BaseHTTPRequestHandler, status: int, body: object) -> None:
    data = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def stream(handler: BaseHTTPRequestHandler, *events: object) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.end_headers()
    for event in events:
        handler.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        handler.wfile.flush()


def asked(url: str) -> list[tuple[str, object]]:
    with Answer(url, Question(text="why?")) as answer:
        return [(event.kind, event.data) for event in answer if event.kind != "tick"]


def test_events_come_in_their_order() -> None:
    """Sources, tokens and the end are passed on as they were sent; kinds that nobody knows are left out."""
    sent = [{"type": "token", "data": "Hi"}, {"type": "ping", "data": 1}, {"type": "done", "data": {"trace_id": "t"}}]
    with served(lambda handler: stream(handler, *sent)) as url:
        assert asked(url) == [("token", "Hi"), ("done", {"trace_id": "t"})]


def test_the_question_is_sent_without_what_was_not_said() -> None:
    """The body has the names that the service documents, and no empty ones."""
    assert Question(text="q", library="pandas", session_id="s").body() == {
        "question": "q", "library_filter": "pandas", "limit": 5, "session_id": "s", "steps": True,
    }  # fmt: skip


def test_waiting_can_be_stopped_and_closes_the_connection() -> None:
    """Whoever waits gets ticks; leaving closes the connection, which the service notices, even while nothing is sent."""
    closed, release = threading.Event(), threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        handler.connection.settimeout(20)
        stream(handler, {"type": "token", "data": "Hi"})
        handler.rfile.read(int(handler.headers["Content-Length"]))
        if handler.rfile.read(1) == b"":
            closed.set()
        release.wait(20)

    with served(hang) as url:
        with Answer(url, Question(text="why?")) as answer:
            kinds = []
            for event in answer:
                kinds.append(event.kind)
                if event.kind == "tick":
                    break
        assert closed.wait(10)
        release.set()
    assert kinds == ["token", "tick"]


def test_an_answer_that_is_not_an_answer_says_so() -> None:
    """Something else on the port gives an error event, not a traceback."""
    with served(
        lambda handler: (handler.send_response(200), handler.end_headers(), handler.wfile.write(b"data: hm\n\n"))
    ) as url:
        assert [kind for kind, _ in asked(url)] == ["error"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, InvalidInput),
        (422, InvalidInput),
        (404, TraceNotFound),
        (429, ServiceUnavailable),
        (500, ServiceUnavailable),
    ],
)
def test_refusals_say_whose_fault_it_is(status: int, error: type[Exception]) -> None:
    """A question or rating that does not fit is told apart from a service that cannot answer."""
    with served(lambda handler: send(handler, status, {"detail": "too long"})) as url:
        with pytest.raises(error), Answer(url, Question(text="why?")):
            pass
        with pytest.raises(error):
            rate(url, "trc_1", 5, None, "me")


def test_nobody_there_is_a_sentence() -> None:
    """A service that is away is one exception with a message for people."""
    with served(lambda handler: send(handler, 200, {})) as url:
        assert not healthy(url)
    assert not healthy(url)
    with pytest.raises(ServiceUnavailable, match="try again"), Answer(url, Question(text="why?")):
        pass


def test_a_service_says_who_it_is() -> None:
    """Only a Tracewhy service counts as one, and it says how far its assistant is."""
    said = {"service": "tracewhy", "assistant": {"ready": False, "progress": "Reading pandas, 3 of 8", "problem": None}}
    with served(lambda handler: send(handler, 200, said)) as url:
        assert health(url) == Health(ready=False, progress="Reading pandas, 3 of 8")


def test_the_service_is_looked_for_where_it_listens() -> None:
    """API_URL wins; else it is the address of the service that the dashboard starts, seen from this machine."""
    assert service_url(read_settings(API_URL="http://elsewhere:1/")) == "http://elsewhere:1"
    assert service_url(read_settings(TRACEWHY_HOST="0.0.0.0", TRACEWHY_SERVICE_PORT=9)) == "http://127.0.0.1:9"
