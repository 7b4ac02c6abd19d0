"""From a live trace to frozen data. Runs in the writer's thread, after the run has ended."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sized
from datetime import datetime, timedelta
from itertools import islice
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from tracing_core.decision_marks import CONFIDENCE, marked, marks_of
from tracing_core.jsontext import mapping_of, text_of
from tracing_core.model import Decision, SpanData, SpanEvent, SpanKind, SpanStatus, TraceData, TraceStatus
from tracing_core.recording import Span

if TYPE_CHECKING:
    from tracing_core.trace import Trace

logger = logging.getLogger(__name__)

_MOST_ITEMS = 1000
"""Of a generator, which may have no end."""
_LARGEST_COUNT = 2**31 - 1


def freeze(trace: Trace) -> TraceData:
    """The finished form of `trace`; what the host still changes afterwards is not in it."""
    root = trace.root
    return TraceData(
        trace_id=trace.trace_id,
        project=trace.project_name,
        project_id=_text(trace.project_id),
        name=_text(trace.name) or "request",
        source=_text(trace.source) or "native",
        status=TraceStatus(trace.status),
        started_at=trace.started_at,
        completed_at=_moment(trace, root.end_tick) if root.end_tick is not None else None,
        duration_ns=_duration(root),
        spans=tuple(_span(trace, span) for span in list(trace.spans)),
        query=_text(trace.query),
        answer=_text(trace.answer),
        intent=_text(trace.intent),
        domain=_text(trace.domain),
        report_type=_text(trace.report_type),
        research_type=_text(trace.research_type),
        library=_text(trace.library),
        session_id=_text(trace.session_id),
        user_id=_text(trace.user_id),
        tags=tuple(text_of(tag) for tag in _items(trace.tags)),
        confidence=share(trace.confidence),
        citations_count=_count(trace.citations_count),
        error=_text(trace.error),
        iterations=_mappings(trace.iterations),
        iteration_count=trace.iteration_count,
        quality_gate_failures=trace.quality_gate_failures,
        outputs=mapping_of(trace.outputs),
        child_traces=_mappings(trace.child_traces),
        parent_trace_id=_text(trace.parent_trace_id),
        parent_span_id=_text(trace.parent_span_id),
    )


def _span(trace: Trace, span: Span) -> SpanData:
    given = text_of(span.kind)
    kind, attributes = SpanKind(given), mapping_of(span.details)
    if kind is SpanKind.UNKNOWN and given != SpanKind.UNKNOWN:
        attributes["kind_given"] = given
    if span is trace.root and trace.confidence is not None and share(trace.confidence) is None:
        attributes.setdefault(CONFIDENCE, text_of(trace.confidence))
    return SpanData(
        span_id=span.span_id,
        parent_id=span.parent.span_id if span.parent else None,
        name=text_of(span.name),
        kind=kind,
        started_at=_moment(trace, span.start_tick),
        duration_ns=_duration(span),
        status=_status(span),
        error=_text(span.error),
        attributes=attributes,
        events=tuple(
            SpanEvent(name=text_of(name), timestamp=_moment(trace, tick), attributes=values)
            for name, tick, values in span.events
        ),
        decisions=tuple(_decision(trace, given) for given in span.decisions),
        evidence=mapping_of(span.evidence),
        prompts=mapping_of(span.prompts),
        outputs=mapping_of(span.outputs),
        otel={"trace_state": trace.trace_state} if trace.trace_state is not None and span is trace.root else {},
    )


def _status(span: Span) -> SpanStatus:
    if span.error is not None:
        return SpanStatus.ERROR
    return SpanStatus.UNSET if span.end_tick is None else SpanStatus.OK


def _decision(trace: Trace, given: Mapping[str, Any]) -> Decision:
    what, inputs, confidence = given["what"], mapping_of(given["inputs"]), share(given["confidence"])
    alternatives = _items(given["alternatives_considered"])
    parts = {**inputs, "what": what, "alternatives_considered": alternatives}
    return Decision(
        decision=text_of(given["decision"]),
        what=what,
        why=_text(given["why"]) or "",
        confidence=confidence,
        alternatives_considered=alternatives,
        inputs=marked(inputs, marks_of(given["confidence"], confidence, parts)),
        timestamp=_moment(trace, given["tick"]),
    )


def _items(given: Any) -> tuple[Any, ...]:
    """What was listed; one value stands for a list of one, and a list that has no end is cut."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        return () if given is None else (given,)
    try:
        return tuple(given if isinstance(given, Sized) else islice(given, _MOST_ITEMS))
    except Exception:
        logger.exception("a list that was recorded cannot be read")
        return ()


def _mappings(given: Any) -> tuple[dict[str, Any], ...]:
    return tuple(mapping_of(item) for item in _items(given))


def _moment(trace: Trace, tick: int | None) -> datetime:
    """When `tick` was: one reading of the wall clock a trace, so that times within it cannot contradict each other."""
    if tick is None or trace.root.start_tick is None:
        return trace.started_at
    return trace.started_at + timedelta(microseconds=(tick - trace.root.start_tick) / 1000)


def _duration(span: Span) -> int | None:
    return None if span.end_tick is None or span.start_tick is None else span.end_tick - span.start_tick


def _text(value: Any) -> str | None:
    return None if value is None else text_of(value)


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, Integral):
        return None
    return int(value) if 0 <= int(value) <= _LARGEST_COUNT else None


def share(value: Any) -> float | None:
    """`value` as a number from 0 to 1, None when it is no such number."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 1 else None
