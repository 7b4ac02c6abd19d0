"""The workload as the service sees it once decoded, for the loader, which goes past HTTP; a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bench.otlp_spans import RESOURCE, SCOPE, Event, PlainSpan, spans_of
from bench.otlp_workload import Exchange
from tracing_core.model import Decision, SpanData, SpanEvent, SpanStatus
from tracing_core.normal_form import kind_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AROUND = {"resource": RESOURCE, "scope": {"name": SCOPE[0], "version": SCOPE[1]}}
_DECISION = "decision"


def span_data(exchange: Exchange) -> tuple[SpanData, ...]:
    """The spans of a request, the root last, as they end in that order."""
    root, *children = spans_of(exchange)
    return tuple(_span(span) for span in (*children, root))


def _span(span: PlainSpan) -> SpanData:
    kept = [event for event in span.events if event.name != _DECISION]
    return SpanData(
        span_id=span.span_id,
        parent_id=span.parent_id,
        name=span.name,
        kind=kind_of(span.attributes),
        started_at=_moment(span.start_ns),
        duration_ns=span.end_ns - span.start_ns,
        status=SpanStatus.ERROR if span.error else SpanStatus.UNSET,
        error=span.error,
        attributes=span.attributes,
        events=tuple(
            SpanEvent(name=event.name, timestamp=_moment(event.time_ns), attributes=event.attributes) for event in kept
        ),
        decisions=tuple(_decision(event) for event in span.events if event.name == _DECISION),
        otel=_otel(span, [event.time_ns for event in kept]),
    )


def _otel(span: PlainSpan, event_ns: list[int]) -> dict[str, Any]:
    said = {**_AROUND, "start_ns": span.start_ns, "end_ns": span.end_ns, "kind": span.kind, "flags": 1}
    exact = not any(given % 1000 for given in event_ns)
    return said if exact else said | {"event_ns": event_ns}


def _decision(event: Event) -> Decision:
    said = event.attributes
    return Decision(
        decision=said["decision.type"],
        what=said["decision.what"],
        why=said["decision.why"],
        confidence=said["decision.confidence"],
        alternatives_considered=tuple(said["decision.alternatives"]),
        timestamp=_moment(event.time_ns),
    )


def _moment(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
