"""POST /ask/stream, over real HTTP with the real assistant."""

from __future__ import annotations

import logging
import threading
from typing import Any

import httpx
import pytest

import tracing_core as tracing
from assistant.stop import StopSignal
from tests.service.model_server import MODEL, WORDS, ModelServer
from tests.service.serving import Scripted, ask_stream, events, eventually, serving
from tracing_core.files import files_of
from tracing_core.logs import TraceIdFilter
from tracing_core.model import TraceStatus
from tracing_core.query.document import full_trace
from tracing_core.query.filters import TraceFilter
from tracing_core.query.trace import get_trace, spans
from tracing_core.query.traces import list_traces

QUESTION = "How do I create a POST endpoint?"
FIVE_STEPS = ["retrieval_semantic", "retrieval_bm25", "fusion_rrf", "reranking", "llm_generation"]


def test_a_stream_is_sources_then_tokens_then_done(client: httpx.Client) -> None:
    """Seed C's events and no others come, in seed C's order, and the tokens make up the answer."""
    seen = ask_stream(client, QUESTION, library_filter="fastapi")
    kinds = [event["type"] for event in seen]
    assert kinds[0] == "sources"
    assert kinds[-1] == "done"
    assert set(kinds[1:-1]) == {"token"}
    assert {source["library"] for source in seen[0]["data"]} == {"fastapi"}
    done = seen[-1]["data"]
    assert "".join(event["data"] for event in seen[1:-1]) == done["answer"]
    assert done["answer"].startswith("".join(WORDS))
    assert done["total_ms"] > 0


def test_steps_come_as_events_only_when_asked_for(client: httpx.Client) -> None:
    """With `steps` each of the five steps is an event, with its milliseconds, before done."""
    seen = ask_stream(client, QUESTION, steps=True)
    named = [event["data"]["name"] for event in seen if event["type"] == "step"]
    assert [name for name in named if name in FIVE_STEPS] == FIVE_STEPS
    assert all(event["data"]["duration_ms"] >= 0 for event in seen if event["type"] == "step")


def test_who_sees_done_can_open_the_trace(client: httpx.Client, store: tracing.Store) -> None:
    """At the moment of `done` the file and the rows are there, with the five steps and the model's tokens."""
    done = ask_stream(client, QUESTION, session_id="s-1", user_id="u-1")[-1]["data"]
    assert done["stored"] is True
    row = get_trace(store.database, done["trace_id"])
    assert row is not None
    assert (row.status, row.query, row.session_id, row.user_id) == (TraceStatus.COMPLETE, QUESTION, "s-1", "u-1")
    assert (row.model, row.input_tokens, row.output_tokens) == (MODEL, 1200, 350)
    assert row.duration_ms == done["total_ms"]
    assert float(row.cost_usd or 0) == pytest.approx(done["cost_usd"])
    names = [span.name for span in spans(store.database, done["trace_id"])]
    assert [name for name in names if name in FIVE_STEPS] == FIVE_STEPS
    document = client.get(f"/api/v1/traces/{done['trace_id']}").json()
    assert document["run"]["answer"] == done["answer"]
    assert set(FIVE_STEPS) <= set(document["stages"])


def test_headers_forbid_buffering_and_name_the_trace(client: httpx.Client) -> None:
    """The response's headers keep proxies from holding events back, and give the id that done gives."""
    with client.stream("POST", "/ask/stream", json={"question": QUESTION}) as response:
        done = list(events(response))[-1]["data"]
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["x-trace-id"] == done["trace_id"]


def test_the_callers_traceparent_is_kept(client: httpx.Client, store: tracing.Store) -> None:
    """A trace that began elsewhere keeps its id here, and gets the caller's span above its root."""
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    headers = {"traceparent": f"00-{trace_id}-{span_id}-01"}
    response = client.post("/ask", json={"question": QUESTION}, headers=headers)
    assert response.json()["trace_id"] == response.headers["x-trace-id"] == trace_id
    assert client.get(f"/api/v1/traces/{trace_id}").json()["parent_span_id"] == span_id


def test_a_second_request_within_the_callers_trace_joins_it(client: httpx.Client) -> None:
    """One trace with the spans of both; the first asked its question, and the second overwrites nothing."""
    caller = "1af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{caller}-b7ad6b7169203331-01"}
    first, second = (client.post("/ask", json={"question": QUESTION}, headers=headers).json() for _ in range(2))
    assert first["trace_id"] == second["trace_id"] == caller
    document = client.get(f"/api/v1/traces/{caller}").json()
    called = [span for span in document["spans"] if span["kind"] == "ROOT"]
    assert len(called) == 2
    assert len(document["spans"]) == 2 * (len(first["trace"]["steps"]) + 1)
    assert document["run"]["query"] == QUESTION


def test_log_lines_of_a_request_carry_its_trace_id(client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    """Uvicorn's line about a request has the id of the request's trace."""
    caplog.handler.addFilter(TraceIdFilter())
    with caplog.at_level(logging.INFO):
        done = ask_stream(client, QUESTION)[-1]["data"]
        eventually(lambda: [r for r in caplog.records if r.name == "uvicorn.access"])
    lines = [record for record in caplog.records if record.name in ("uvicorn.access", "tracing_core.asgi")]
    assert {record.trace_id for record in lines} == {done["trace_id"]}


def test_a_client_that_goes_away_stops_the_model(
    client: httpx.Client, store: tracing.Store, model: ModelServer
) -> None:
    """The connection to a model that is silent is closed at once; what there was is kept, as incomplete."""
    model.words, model.waits = WORDS[:3], True
    with client.stream("POST", "/ask/stream", json={"question": QUESTION}) as response:
        trace_id = response.headers["x-trace-id"]
        words = (event["data"] for event in events(response) if event["type"] == "token")
        assert [next(words) for _ in range(3)] == list(WORDS[:3])
    assert model.hung_up.wait(5)
    eventually(lambda: store.writer.flush() and get_trace(store.database, trace_id))
    row = get_trace(store.database, trace_id)
    assert row is not None
    assert (row.status, row.answer) == (TraceStatus.INCOMPLETE, "".join(WORDS[:3]))
    assert client.get(f"/api/v1/traces/{trace_id}").json()["outputs"] == {"stopped": "client went away"}


def test_a_client_of_ask_that_goes_away_stops_it_too(store: tracing.Store) -> None:
    """`POST /ask` sends nothing until the end, and still notices that nobody waits for it."""
    waiting = threading.Event()

    def pause(number: int, stop: StopSignal) -> None:
        waiting.set()
        eventually(stop.is_set)

    assistant = Scripted(pause=pause)
    with serving(store, assistant) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post("/ask", json={"question": QUESTION}, timeout=0.5)
        assert waiting.is_set()
        assert assistant.closed.wait(10)
        eventually(lambda: store.writer.flush() and list_traces(store.database, TraceFilter()).rows)
    assert [row.status for row in list_traces(store.database, TraceFilter()).rows] == [TraceStatus.INCOMPLETE]


def test_a_slow_reader_holds_the_answer_up(store: tracing.Store) -> None:
    """A client that does not read does not make the service collect the whole answer in memory."""
    said: list[int] = []
    assistant = Scripted(words=(str(number) * 2000 for number in range(1_000_000)), pause=lambda n, _: said.append(n))
    with serving(store, assistant) as client:
        with client.stream("POST", "/ask/stream", json={"question": QUESTION}):
            eventually(lambda: said)
            counted = -1

            def stands_still() -> bool:
                nonlocal counted
                before, counted = counted, len(said)
                return before == counted

            eventually(stands_still)
            assert len(said) < 100_000
        assert assistant.closed.wait(10)


def test_the_end_of_the_service_ends_streams(store: tracing.Store) -> None:
    """A stream that is open when the service stops gets an error as its last event, and its trace says why."""
    going = threading.Event()
    seen: list[dict[str, Any]] = []

    def pause(number: int, stop: StopSignal) -> None:
        if number == 1:
            going.set()
            eventually(stop.is_set)

    def read(url: httpx.URL) -> None:
        with httpx.Client(base_url=url, timeout=20) as reading:
            seen.extend(ask_stream(reading, QUESTION))

    with serving(store, Scripted(pause=pause)) as client:
        reader = threading.Thread(target=read, args=[client.base_url])
        reader.start()
        assert going.wait(10)
    reader.join(10)
    assert seen[-1]["type"] == "error"
    document = full_trace(store.database, seen[-1]["data"]["trace_id"], files_of(store.settings))
    assert document is not None
    assert (document["run"]["status"], document["outputs"]) == ("incomplete", {"stopped": "service stopped"})
