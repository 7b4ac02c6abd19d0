"""Questions that cannot be asked: one clear sentence, the field it is about, and no trace of success."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

import tracing_core as tracing
from tests.service.serving import Scripted, serving
from tracing_core.model import TraceStatus
from tracing_core.query.filters import TraceFilter
from tracing_core.query.traces import list_traces

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("path", ["/ask", "/ask/stream", "/api/v1/query", "/api/v1/chat"])
@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"json": {"question": ""}}, "question", "empty"),
        ({"json": {"question": " \n\t "}}, "question", "empty"),
        ({"json": {"question": "x" * 100_001}}, "question", "100,001 bytes"),
        ({"json": {"question": "ü" * 50_001}}, "question", "100,002 bytes"),
        ({"json": {}}, "question", "missing"),
        ({"json": {"question": "x", "limit": 0}}, "limit", "greater"),
        ({"json": {"question": "x", "temperature": 9}}, "temperature", "less"),
        ({"json": ["x"]}, "body", "JSON object"),
        ({"content": b'{"question": "\xff\xfe"}', "headers": JSON}, "body", "UTF-8"),
        ({"content": b'{"question": ', "headers": JSON}, "body", "not JSON"),
        ({"content": b"[" * 100_000, "headers": JSON}, "body", "JSON"),
        ({"content": b'{"question": "x"}'}, "body", "content-type"),
    ],
)
def test_a_question_that_does_not_fit_is_refused(
    store: tracing.Store, path: str, body: dict[str, Any], field: str, words: str
) -> None:
    """400, naming the field; also where an answer would be a stream."""
    with serving(store, Scripted()) as client:
        response = client.post(path, **body)
    error = response.json()["error"]
    assert (response.status_code, error["field"]) == (400, field)
    assert words in error["message"]


def test_a_library_that_is_not_known_is_refused_before_the_stream(client: httpx.Client) -> None:
    """The status says so, as the stream has not begun."""
    response = client.post("/ask/stream", json={"question": "x", "library_filter": "nonsense"})
    assert (response.status_code, response.json()["error"]["field"]) == (400, "library_filter")


def test_a_refused_question_is_no_success(store: tracing.Store) -> None:
    """Its trace is incomplete and says what it was refused for."""
    with serving(store, Scripted()) as client:
        client.post("/ask", json={"question": " "})
        store.writer.flush()
        (row,) = list_traces(store.database, TraceFilter()).rows
        document = client.get(f"/api/v1/traces/{row.trace_id}").json()
    assert row.status is TraceStatus.INCOMPLETE
    assert document["outputs"]["refused"].startswith("question: is empty")


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_without_end_is_cut_off(store: tracing.Store, announced: bool) -> None:
    """413, whether the client says how much it will send or not; the service does not read it all."""
    piece, sent = b"x" * 65_536, []

    def pieces() -> Any:
        for number in range(200):
            sent.append(number)
            yield piece

    headers = JSON | ({"content-length": str(200 * len(piece))} if announced else {})
    with serving(store, Scripted()) as client:
        try:
            status = client.post("/ask", content=pieces(), headers=headers).status_code
        except (httpx.WriteError, httpx.ReadError):  # it closed the door while we were still sending
            status = 413
        assert client.get("/healthz").json()["status"] == "ok"
    assert status == 413


def test_a_question_with_what_cannot_be_stored_is_answered(store: tracing.Store) -> None:
    """NUL and lone surrogates, which PostgreSQL and UTF-8 cannot hold, are replaced, and the trace is stored."""
    with serving(store, Scripted()) as client:
        response = client.post("/ask", content=rb'{"question": "a\u0000b\ud800c"}', headers=JSON)
        assert response.json()["trace"]["question"] == "a\ufffdb\ufffdc"
    assert len(list_traces(store.database, TraceFilter()).rows) == 1


def test_unknown_paths_speak_the_same_way(store: tracing.Store) -> None:
    """404 and 405 have the shape of every other error."""
    with serving(store, Scripted()) as client:
        assert client.get("/nowhere").json()["error"] == {
            "field": "path", "message": "there is nothing at /nowhere; OTLP goes to /v1/traces, /v1/logs and /v1/metrics, the README lists the rest",
        }  # fmt: skip
        assert client.get("/stats/x").status_code == 404
        answer = client.delete("/stats")
        assert (answer.status_code, answer.json()["error"]["field"]) == (405, "method")
        assert answer.json()["error"]["message"] == "DELETE is not understood here; send GET"
