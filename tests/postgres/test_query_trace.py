"""One trace opens as it was recorded."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import event

from tests.factories import NOON, make_decision, make_span, make_trace
from tests.postgres.writing import store
from tracing_core.model import SpanEvent, SpanKind, SpanStatus, TraceStatus
from tracing_core.query import trace as query
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces


def test_nothing_is_known_of_a_trace_that_is_not_there(database: Database) -> None:
    """Asking for it is no error, whatever the id."""
    for trace_id in ("trc_20261121_120000_0000000000000000", "", "\x00", "\ud800", "' OR 1=1 --"):
        assert query.get_trace(database, trace_id) is None
        assert query.spans(database, trace_id) == ()
        assert query.span_payload(database, trace_id, "x") is None
        assert query.decisions(database, trace_id) == ()
        assert query.session_traces(database, trace_id) == ()


def test_the_detail_has_every_column() -> None:
    """A column that is added to the table is added to the dataclass."""
    assert {field.name for field in fields(query.TraceDetail)} == {column.name for column in traces.columns}


def test_the_detail_is_typed(database: Database) -> None:
    """Lists become tuples, words become members."""
    trace = make_trace(tags=("a", "b"), status=TraceStatus.INCOMPLETE)
    store(database, trace)
    detail = query.get_trace(database, trace.trace_id)
    assert detail is not None
    assert (detail.tags, detail.status, detail.unknown_models) == (("a", "b"), TraceStatus.INCOMPLETE, ())
    assert (detail.retrieval_ms, detail.generation_ms, detail.rating) == (145.0, 3020.0, None)


def test_spans_come_in_the_order_in_which_they_started(database: Database) -> None:
    """Each says how long after the start of the trace it began; one that began before says so with a minus."""
    root = make_span(name="request", kind=SpanKind.ROOT)
    late = make_span(
        parent_id=root.span_id, started_at=NOON + timedelta(milliseconds=250), status=SpanStatus.ERROR, error="gone"
    )
    early = make_span(
        parent_id=root.span_id, started_at=NOON - timedelta(milliseconds=3), kind=SpanKind.TOOL, duration_ns=None
    )
    trace = make_trace(spans=(root, late, early))
    store(database, trace)
    found = query.spans(database, trace.trace_id)
    assert [(s.span_id, s.position, s.offset_ms) for s in found] == [
        (early.span_id, 2, -3.0), (root.span_id, 0, 0.0), (late.span_id, 1, 250.0),
    ]  # fmt: skip
    assert (found[2].status, found[2].error) == (SpanStatus.ERROR, "gone")
    assert (found[0].kind, found[0].duration_ms) == (SpanKind.TOOL, None)


def test_a_model_call_says_its_tokens_and_its_price(database: Database) -> None:
    """A span that calls no model has neither; a model without a price has tokens alone."""
    root = make_span(kind=SpanKind.ROOT)
    counted = {"prompt_tokens": 1000, "completion_tokens": 100}
    priced = make_span(parent_id=root.span_id, attributes={"model": "gpt-4o-mini", **counted})
    unpriced = make_span(parent_id=root.span_id, attributes={"model": "home-made", **counted})
    trace = make_trace(spans=(root, priced, unpriced))
    store(database, trace)
    found = [(span.total_tokens, span.cost_usd) for span in query.spans(database, trace.trace_id)]
    assert found == [(None, None), (1100, Decimal("0.00021")), (1100, None)]


def test_a_span_far_from_its_trace_is_found(database: Database) -> None:
    """A clock that was wrong by a month does not hide a span or what it holds."""
    root = make_span(kind=SpanKind.ROOT)
    far = make_span(parent_id=root.span_id, started_at=NOON - timedelta(days=30), attributes={"model": "x"})
    trace = make_trace(spans=(root, far))
    store(database, trace)
    assert {span.span_id for span in query.spans(database, trace.trace_id)} == {root.span_id, far.span_id}
    payload = query.span_payload(database, trace.trace_id, far.span_id)
    assert payload is not None
    assert payload.attributes == {"model": "x"}


def test_the_skeleton_does_not_read_what_spans_hold(database: Database) -> None:
    """The tree of a trace with 10,000 spans must not carry its prompts along."""
    trace = make_trace()
    store(database, trace)
    said: list[str] = []
    listen = lambda *arguments: said.append(arguments[2])  # noqa: E731
    event.listen(database._engine, "before_cursor_execute", listen)
    query.spans(database, trace.trace_id)
    event.remove(database._engine, "before_cursor_execute", listen)
    assert any("trace_spans" in statement for statement in said)
    assert not any("payload" in statement for statement in said)


def test_a_payload_has_all_its_parts(database: Database) -> None:
    """What was recorded comes back; parts without anything are empty, not missing."""
    full = make_span(
        attributes={"model": "m", "nested": {"a": [1, 2.5, None]}},
        events=(SpanEvent(name="first_token", timestamp=NOON, attributes={"index": 0}),),
        evidence={"collected_count": 3, "kept": []},
        prompts={"system_prompt": "<b>be brief</b>"},
        outputs={"answer": "yes"},
    )
    bare = make_span()
    trace = make_trace(spans=(full, bare))
    store(database, trace)
    payload = query.span_payload(database, trace.trace_id, full.span_id)
    assert payload is not None
    assert payload.attributes == {"model": "m", "nested": {"a": [1, 2.5, None]}}
    assert (payload.events[0]["name"], payload.events[0]["attributes"]) == ("first_token", {"index": 0})
    assert payload.evidence == {"collected_count": 3, "kept": []}
    assert (payload.prompts, payload.outputs) == ({"system_prompt": "<b>be brief</b>"}, {"answer": "yes"})
    nothing = query.span_payload(database, trace.trace_id, bare.span_id)
    assert nothing == query.SpanPayload(attributes={}, events=(), evidence={}, prompts={}, outputs={}, otel={})
    assert query.span_payload(database, trace.trace_id, "no such span") is None


def test_decisions_come_in_order_with_their_alternatives(database: Database) -> None:
    """What was chosen may be any value."""
    what = {"sources": ["semantic", "bm25"]}
    span = make_span(
        decisions=(make_decision(), make_decision(decision="classified_intent", what=what, confidence=None))
    )
    trace = make_trace(spans=(make_span(kind=SpanKind.ROOT), span))
    store(database, trace)
    first, second = query.decisions(database, trace.trace_id)
    assert (first.position, first.decision, first.why) == (0, "source_selection", "the question names a function")
    assert (first.alternatives_considered, first.inputs) == (("bm25 (0.40)",), {"words": 7})
    assert (second.what, second.confidence, second.span_id) == (what, None, span.span_id)


def test_a_session_is_read_from_its_beginning(database: Database) -> None:
    """The turns come in the order in which they happened; of a long session the last ones."""
    turns = [make_trace(session_id="s", started_at=NOON + timedelta(minutes=n)) for n in range(4)]
    store(database, *reversed(turns), make_trace(session_id="other"))
    assert [row.trace_id for row in query.session_traces(database, "s")] == [turn.trace_id for turn in turns]
    assert [row.trace_id for row in query.session_traces(database, "s", limit=2)] == [t.trace_id for t in turns[2:]]
