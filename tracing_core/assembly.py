"""Traces from spans. A trace is a pure function of the set of its spans, in whatever order, pieces and repetitions they come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from tracing_core.given import OTLP, REMOTE_PARENT, as_spans, given_by, speaks_for_trace
from tracing_core.ids import safe_project
from tracing_core.jsontext import dump
from tracing_core.making import maker
from tracing_core.model import SpanData, SpanEvent, SpanKind, SpanStatus, TraceData, TraceStatus
from tracing_core.normal_form import SpanFacts, facts_of, texts_of
from tracing_core.said import names_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Assembly:
    """A trace, and what each of its spans says of itself (without its texts), in the order of the spans."""

    trace: TraceData
    facts: tuple[SpanFacts, ...]


_make_trace = maker(TraceData)
_NOTHING: Mapping[str, SpanFacts] = {}


def assemble(trace_id: str, spans: Iterable[SpanData], project: str = "default") -> TraceData:
    """The trace that these spans make; see `assembly_of`."""
    return assembly_of(trace_id, spans, project).trace


def assembly_of(
    trace_id: str, spans: Iterable[SpanData], project: str = "default", known: Mapping[str, SpanFacts] = _NOTHING
) -> Assembly:
    """The trace that these spans make.

    Args:
        trace_id: of all of them.
        spans: in any order, with repetitions; not empty.
        project: of a trace whose spans name none.
        known: facts of spans, by their ids, that need not be found out again.

    A trace without its root is incomplete until the root arrives. A span whose parent is in another process that sends
    nothing here (OTLP says so) is as good as a root.
    """
    ordered, root = _ordered(_once(spans))
    facts = tuple([known.get(span.span_id) or facts_of(span, texts=False) for span in ordered])
    given = given_by(root) if root is not None else {}
    trace = _make_trace(**(_derived(trace_id, ordered, root, facts, project) | given))
    return Assembly(trace=trace, facts=facts)


def each_once(trace: TraceData) -> TraceData:
    """The same with each span once, the fuller copy where there are two."""
    spans = _once(trace.spans)
    return trace if len(spans) == len(trace.spans) else replace(trace, spans=tuple(spans.values()))


def joined_with(
    stored: Mapping[str, SpanData], pieces: Sequence[SpanData]
) -> tuple[dict[str, SpanData], tuple[SpanData, ...]]:
    """All spans of a trace by their id, and those that `pieces` add to what is stored or change of it."""
    after = dict(stored)
    for span in pieces:
        before = after.get(span.span_id)
        after[span.span_id] = span if before is None else _joined(before, span)
    touched = {span.span_id: after[span.span_id] for span in pieces}
    return after, tuple(span for span_id, span in touched.items() if stored.get(span_id) != span)


def merge(one: TraceData, other: TraceData, project: str = "default") -> TraceData:
    """The trace that both are pieces of. It does not matter which comes first, nor whether they overlap."""
    if one == other:
        return one
    return assemble(one.trace_id, (*as_spans(one), *as_spans(other)), project)


# --- one span from its copies ---


def _once(spans: Iterable[SpanData]) -> dict[str, SpanData]:
    found: dict[str, SpanData] = {}
    for span in spans:
        before = found.get(span.span_id)
        found[span.span_id] = span if before is None else _joined(before, span)
    return found


def _joined(one: SpanData, other: SpanData) -> SpanData:
    """One of two copies of a span, the fuller, with what log records said of either."""
    if one == other:
        return one
    best = max(one, other, key=_rank)
    logs = {_canonical(event): event for copy in (one, other) for event in copy.events if _from_log(event)}
    if not logs:
        return best
    # The span's own events keep their order: a copy is ranked by them, and other fields count them off.
    own = (event for event in best.events if not _from_log(event))
    return replace(best, events=(*own, *sorted(logs.values(), key=lambda event: (event.timestamp, _canonical(event)))))


def _rank(span: SpanData) -> tuple[bool, bool, int, bytes]:
    """What is best at the end: the span itself before mentions of it, ended before open, more before less."""
    without_logs = replace(span, events=tuple(event for event in span.events if not _from_log(event)))
    content = _canonical(without_logs)
    return not span.otel.get("fragment"), span.duration_ns is not None, len(content), content


def _canonical(value: Any) -> bytes:
    """Equal bytes for what is equal: the order of attributes says nothing."""
    return orjson.dumps(orjson.loads(dump(value)), option=orjson.OPT_SORT_KEYS)


def _from_log(event: SpanEvent) -> bool:
    return event.attributes.get("log.record") is True


# --- one trace from its spans ---


def _started(span: SpanData) -> tuple[datetime, int, str]:
    ns = span.otel.get("start_ns")
    return span.started_at, ns % 1000 if isinstance(ns, int) else 0, span.span_id


def _ordered(spans: Mapping[str, SpanData]) -> tuple[tuple[SpanData, ...], SpanData | None]:
    """The root first, the others as they started; and the root, None when none has arrived."""
    by_start = sorted(spans.values(), key=_started)
    whole = [span for span in by_start if not span.otel.get("fragment")]
    roots = [span for span in whole if span.parent_id is None] or [
        span for span in whole if span.parent_id not in spans and _parent_is_remote(span)
    ]
    root = next(filter(speaks_for_trace, roots), roots[0]) if roots else None
    first = root or next((span for span in whole if span.parent_id not in spans), by_start[0])
    return (first, *(span for span in by_start if span is not first)), root


def _parent_is_remote(span: SpanData) -> bool:
    flags = span.otel.get("flags")
    return isinstance(flags, int) and flags & REMOTE_PARENT == REMOTE_PARENT


def _derived(
    trace_id: str, spans: Sequence[SpanData], root: SpanData | None, facts: Sequence[SpanFacts], project: str
) -> dict[str, Any]:
    top, said = spans[0], dict(zip(SpanFacts._fields, zip(*facts, strict=True), strict=True))  # by fact, of every span
    query, answer = _texts(spans)
    return {
        "trace_id": trace_id,
        "project": _project(spans, project),
        "name": _first(said["trace_name"]) or top.name or "request",
        "source": OTLP,
        "status": _status(root),
        **_times(spans, root),
        "spans": spans,
        "query": query,
        "answer": answer,
        "library": _first(said["library"]),
        "session_id": _first(said["session_id"]),
        "user_id": _first(said["user_id"]),
        "environment": _first(said["environment"]),
        "release": _first(said["release"]),
        "tags": tuple(sorted(set().union(*said["tags"]))),
        "confidence": _first(said["confidence"]),
        "error": top.error if root is not None and root.status is SpanStatus.ERROR else None,
        "parent_span_id": root.parent_id if root is not None else None,
    }


def _times(spans: Sequence[SpanData], root: SpanData | None) -> dict[str, Any]:
    """Those of the root; without one, from the first start to the last end."""
    if root is not None and root.duration_ns is not None:
        return {"started_at": root.started_at, "completed_at": _end(root), "duration_ns": root.duration_ns}
    started_at, completed_at = min(span.started_at for span in spans), max(_end(span) for span in spans)
    whole = completed_at - started_at
    return {
        "started_at": started_at,
        "completed_at": completed_at,
        "duration_ns": (whole.days * 86_400 + whole.seconds) * 10**9 + whole.microseconds * 1000,
    }


def _end(span: SpanData) -> datetime:
    return span.started_at + timedelta(0, 0, (span.duration_ns or 0) // 1000)


def _status(root: SpanData | None) -> TraceStatus:
    if root is None or root.duration_ns is None:
        return TraceStatus.INCOMPLETE
    return TraceStatus.FAILED if root.status is SpanStatus.ERROR else TraceStatus.COMPLETE


def _first(values: Iterable[Any]) -> Any:
    """What the first span says that says anything, the root before all."""
    for value in values:
        if value is not None:
            return value
    return None


_ANSWERING = frozenset({SpanKind.LLM, SpanKind.GENERATION, SpanKind.AGENT, SpanKind.CHAIN})


def _texts(spans: Sequence[SpanData]) -> tuple[str | None, str | None]:
    """Question and answer: of the trace, else of the root, else the first question and the last answer of a model call.

    To read them is what costs time, so it is done for the spans that can have them, until they are found.
    """
    top = texts_of(spans[0])
    telling = [top, *(texts_of(span) for span in spans[1:] if not _OF_TRACES.isdisjoint(span.attributes))]
    query: str | None = _first([said["trace_query"] for said in telling]) or top["query"]
    answer: str | None = _first([said["trace_answer"] for said in telling]) or top["answer"]
    asking = [span for span in spans[1:] if span.kind in _ANSWERING]
    if query is None:
        query = next((said for span in asking if (said := texts_of(span)["query"])), None)
    if answer is None:
        by_end = sorted(asking, key=lambda span: (_end(span), span.span_id), reverse=True)
        answer = next((said for span in by_end if (said := texts_of(span)["answer"])), None)
    return query, answer


_OF_TRACES = names_of(("trace_query", "trace_answer"))


def _project(spans: Iterable[SpanData], fallback: str) -> str:
    """What the sender said in a header, else the resource; the name of a service is the last resort before ours."""
    for span in spans:
        resource = span.otel.get("resource") or {}
        service = resource.get("service.name")
        named = (
            span.otel.get("project") or resource.get("tracewhy.project") or resource.get("openinference.project.name")
        )
        if named is None and isinstance(service, str) and not service.startswith("unknown_service"):
            named = service
        if named is not None:
            return safe_project(named)
    return fallback
