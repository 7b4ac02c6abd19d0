"""The middleware: every request is a trace, and the response names it (A2)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import tracing_core as tracing
from tests.surroundings import by_name
from tracing_core.asgi import TraceMiddleware
from tracing_core.freeze import freeze
from tracing_core.ids import otel_trace_id
from tracing_core.model import SpanKind, TraceData, TraceStatus
from tracing_core.sink import MemorySink

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def call(app: Any, path: str = "/ask", headers: dict[str, str] | None = None, **settings: Any) -> dict[bytes, bytes]:
    """One request; gives the headers of the response."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {"type": "http", "method": "POST", "path": path, "headers": raw}
    asyncio.run(TraceMiddleware(app, **settings)(scope, receive, send))
    return dict(sent[0]["headers"]) if sent else {}


def answering(status: int = 200) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        with tracing.span("work"):
            await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b""})

    return app


def only(sink: MemorySink) -> TraceData:
    (trace,) = sink.traces
    return freeze(trace)


def test_a_request_is_a_trace(sink: MemorySink) -> None:
    """With a root span, what the application recorded below it, and its id in the response."""
    headers = call(answering())
    data = only(sink)
    assert (data.name, data.status, data.spans[0].kind) == ("POST /ask", TraceStatus.COMPLETE, SpanKind.ROOT)
    assert by_name(data)["work"].parent_id == data.spans[0].span_id
    assert data.spans[0].attributes["http.response.status_code"] == 200
    assert headers[b"x-trace-id"].decode() == data.trace_id
    assert headers[b"traceparent"].decode() == f"00-{otel_trace_id(data.trace_id)}-{data.spans[0].span_id}-01"
    assert headers[b"content-type"] == b"text/plain"
    assert tracing.TraceContext.current() is None


def test_the_callers_trace_goes_on(sink: MemorySink) -> None:
    """Its id is kept and its span is above ours."""
    call(answering(), headers={"traceparent": CALLER})
    data = only(sink)
    assert (data.trace_id, data.parent_span_id) == ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")


def test_a_bad_traceparent_is_ignored(sink: MemorySink) -> None:
    """The request gets a trace of its own."""
    call(answering(), headers={"traceparent": "00-junk"})
    assert only(sink).trace_id.startswith("trc_")


@pytest.mark.parametrize(("status", "said"), [(404, TraceStatus.COMPLETE), (500, TraceStatus.FAILED)])
def test_the_response_decides_how_it_ended(sink: MemorySink, status: int, said: TraceStatus) -> None:
    """A server error is a failure, a client's is not."""
    call(answering(status))
    assert only(sink).status is said


def test_an_exception_fails_the_trace_and_goes_on(sink: MemorySink) -> None:
    """To the server, which answers as it always does."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError):
        call(app)
    data = only(sink)
    assert (data.status, data.error, data.spans[0].error) == (
        TraceStatus.FAILED,
        "KeyError: 'gone'",
        "KeyError: 'gone'",
    )


def test_a_mark_of_the_application_stays(sink: MemorySink) -> None:
    """What it says of its own run counts more than the status code."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        trace = tracing.TraceContext.current()
        assert trace is not None
        trace.mark_incomplete()
        await answering()(scope, receive, send)

    call(app)
    assert only(sink).status is TraceStatus.INCOMPLETE


def test_only_the_paths_named_are_traced(sink: MemorySink) -> None:
    """Each with what lies below it, and nothing that only begins alike."""
    for path in ("/api", "/api/v1", "/apis", "/health"):
        call(answering(), path, paths=["/api/"])
    assert [trace.name for trace in sink.traces] == ["POST /api", "POST /api/v1"]


def test_other_protocols_pass_through(sink: MemorySink) -> None:
    """Lifespan and web sockets are not requests."""
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(TraceMiddleware(app)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert (seen, sink.traces) == (["lifespan"], [])
