"""Traces leave as they came, and ours come back as they left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tests import strategies
from tests.factories import NOON, make_decision, make_span, make_trace
from tests.otlp_messages import logs_requests, otlp_span, received_from, trace_requests
from tracing_core.assembly import assemble
from tracing_core.contents import encode, pack, unpack
from tracing_core.given import as_spans
from tracing_core.jsontext import dump
from tracing_core.model import SpanData, SpanKind, SpanStatus, TraceData
from tracing_core.otlp.any_value import fill_value
from tracing_core.otlp.decode import logs_request, trace_request
from tracing_core.otlp.encode import request_of
from tracing_core.otlp.logs import fragments
from tracing_core.otlp.spans import received
from tracing_core.otlp.values import BYTES_PREFIX, value_of


def there_and_back(*traces: TraceData) -> dict[str, list[SpanData]]:
    """The spans of traces after they went out and came in again, by their trace and sorted."""
    request = request_of(traces)
    result = received(trace_request(request.SerializeToString()))
    assert result.rejected == ()
    return {trace_id: in_order(spans) for trace_id, spans in result.traces.items()}


def in_order(spans: Iterable[SpanData]) -> list[SpanData]:
    return sorted(spans, key=lambda span: (span.span_id, dump(span)))


def test_a_word_for_the_kind_that_is_not_ours_stays() -> None:
    """Beside parts of ours, too, as the word of a sender may say more than our kind."""
    given_attributes = {"tracewhy.span.kind": "chat", "tracewhy.span.outputs": '{"a":1}'}
    first = received_from(otlp_span(given_attributes))
    (spans,) = first.traces.values()
    assert spans[0].attributes == {"tracewhy.span.kind": "chat"}
    traces = [assemble(trace_id, spans) for trace_id, spans in first.traces.items()]
    assert there_and_back(*traces) == {trace_id: in_order(spans) for trace_id, spans in first.traces.items()}


@given(trace_requests())
def test_what_came_in_goes_out_as_it_came(request: ExportTraceServiceRequest) -> None:
    """In, stored, out and in again, every span is equal to what it was, to the nanosecond."""
    first = {
        trace_id: {span.span_id: span for span in spans}
        for trace_id, spans in received(trace_request(request.SerializeToString())).traces.items()
    }
    traces = [assemble(trace_id, unpack(pack(encode(tuple(spans.values()))))) for trace_id, spans in first.items()]
    assert there_and_back(*traces) == {trace_id: in_order(spans.values()) for trace_id, spans in first.items()}


@given(logs_requests())
def test_fragments_come_back_as_fragments(request: Any) -> None:
    """What only came as log records is no span after a round trip either."""
    first = fragments(logs_request(request.SerializeToString())).traces
    traces = [assemble(trace_id, spans) for trace_id, spans in first.items()]
    assert there_and_back(*traces) == {trace_id: in_order(spans) for trace_id, spans in first.items()}


@given(strategies.traces(source=st.just("native")))
def test_our_own_spans_come_back(trace: TraceData) -> None:
    """Kind, evidence, prompts, outputs, decisions and values of a recorded span survive; only `otel` is new."""
    trace = replace(trace, spans=tuple(map(_with_usual_id, trace.spans)), parent_span_id=None)
    sent = in_order(replace(span, otel={}) for span in as_spans(trace))
    ((spans),) = there_and_back(trace).values()
    for read, span in zip(spans, sent, strict=True):
        expected = replace(
            span,
            error=span.error or None if span.status is SpanStatus.ERROR else None,
            attributes=_without_large_numbers(span.attributes),
            events=tuple(replace(e, attributes=_without_large_numbers(e.attributes)) for e in span.events),
            decisions=tuple(
                replace(d, what=d.what if isinstance(d.what, dict | list) else _without_large_numbers(d.what))
                for d in span.decisions
            ),
        )
        assert dump(replace(read, otel={})) == dump(expected)


def _with_usual_id(span: SpanData) -> SpanData:
    started_at = max(span.started_at, NOON.replace(year=1971, day=1))
    parent = None if span.parent_id is None else "f" + span.parent_id[1:]
    events = tuple(replace(event, timestamp=max(event.timestamp, started_at)) for event in span.events)
    return replace(span, span_id="f" + span.span_id[1:], parent_id=parent, started_at=started_at, events=events)


def _without_large_numbers(value: Any) -> Any:
    """What OTLP's signed numbers cannot hold leaves as text."""
    if isinstance(value, dict):
        return {key: _without_large_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_large_numbers(item) for item in value]
    return str(value) if type(value) is int and value >= 2**63 else value


def test_a_native_span_names_its_project_and_us() -> None:
    """Resource and scope say where a recorded span is from, and any backend can show its decisions and errors."""
    failed = make_span(status=SpanStatus.ERROR, error="ValueError: no", decisions=(make_decision(),), outputs={"n": 1})
    request = request_of([make_trace(project="shop", spans=(failed,))])
    (group,) = request.resource_spans
    (scope,) = group.scope_spans
    (span,) = scope.spans
    assert {pair.key: pair.value.string_value for pair in group.resource.attributes} == {
        "service.name": "shop",
        "tracewhy.project": "shop",
    }
    assert scope.scope.name == "tracewhy"
    assert (span.status.code, span.status.message) == (2, "ValueError: no")
    assert [event.name for event in span.events] == ["decision"]
    said = {pair.key: pair.value.string_value for pair in span.attributes}
    assert said["tracewhy.span.kind"] == "RETRIEVAL"
    assert said["tracewhy.span.outputs"] == '{"n":1}'


def test_a_native_trace_is_the_same_trace_after_a_round_trip() -> None:
    """Question, answer, confidence and status of a recorded trace come back, under its own id."""
    trace = make_trace()
    ((trace_id, spans),) = there_and_back(trace).items()
    back = assemble(trace_id, spans)
    same = ("trace_id", "project", "query", "answer", "confidence", "status", "duration_ns", "library", "source")
    assert {name: getattr(back, name) for name in same} == {name: getattr(trace, name) for name in same}


def test_the_project_of_a_header_is_kept() -> None:
    """What a sender said beside the spans leaves with them."""
    ((span,),) = received_from(otlp_span()).traces.values()
    span = replace(span, otel=span.otel | {"project": "shop"})
    ((back,),) = there_and_back(assemble("ab" * 16, [span])).values()
    assert back.otel["resource"] == {"tracewhy.project": "shop"}


def test_spans_of_one_resource_and_scope_are_together() -> None:
    """A request says a resource once, however many traces share it."""
    request = request_of([make_trace(project="a"), make_trace(project="a"), make_trace(project="b")])
    assert [len(group.scope_spans[0].spans) for group in request.resource_spans] == [6, 3]


def test_ids_that_opentelemetry_cannot_hold_are_always_the_same_others() -> None:
    """A span whose id is zero or no hex leaves under a hash of it, and its children still name it."""
    root = make_span(span_id="0" * 16, kind=SpanKind.ROOT)
    child = make_span(span_id="step-1", parent_id="0" * 16)
    trace = make_trace(trace_id="trc_20260213_143022_a1b2c3d4", spans=(root, child))
    once, again = request_of([trace]), request_of([trace])
    assert once == again
    parent, other = once.resource_spans[0].scope_spans[0].spans
    assert len(parent.trace_id) == 16
    assert parent.span_id == other.parent_span_id
    assert len({parent.span_id, other.span_id}) == 2


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, None),
        (2**64, str(2**64)),
        (-(2**63), -(2**63)),
        (float("nan"), "NaN"),
        (NOON, "2026-11-21T12:00:00Z"),
        (Decimal("0.10"), "0.10"),
        ({"b", "a"}, ["a", "b"]),
        ((1, None), [1, None]),
        ({1: [], "a": {}}, {"1": [], "a": {}}),
        ("half \ud83d", "half \ufffd"),
        (BYTES_PREFIX + "AAE=", BYTES_PREFIX + "AAE="),
        (BYTES_PREFIX + "AAE", BYTES_PREFIX + "AAE"),
        (BYTES_PREFIX, BYTES_PREFIX),
    ],
)
def test_any_value_leaves_somehow(value: Any, read: Any) -> None:
    """What OTLP has no type for leaves as the nearest that it has."""
    target = AnyValue()
    fill_value(target, value)
    assert value_of(target.SerializeToString()) == read


def test_values_nested_deeply_leave_as_text() -> None:
    """A request stays readable for others, who refuse a hundred messages within each other."""
    value: Any = "core"
    for _ in range(60):
        value = {"in": [value]}
    request = request_of([make_trace(spans=(make_span(attributes={"deep": value}),))])
    assert ExportTraceServiceRequest.FromString(request.SerializeToString()) == request
    assert b'{\\"in\\"' in dump(received(trace_request(request.SerializeToString())).traces)
