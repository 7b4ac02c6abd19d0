"""From a live trace to frozen data. Runs in the writer's thread, after the run has ended."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tracing_core.model import Decision, SpanData, SpanEvent, SpanKind, SpanStatus, TraceData
from tracing_core.recording import Span
from tracing_core.trace import Trace


def freeze(trace: Trace) -> TraceData:
    """The finished form of `trace`; what the host still changes afterwards is not in it."""
    root = trace.root
    return TraceData(
        trace_id=trace.trace_id,
        project=trace.project_name,
        project_id=_text(trace.project_id),
        name=trace.name,
        source=trace.source,
        status=trace.status,
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
        tags=tuple(str(tag) for tag in trace.tags),
        confidence=share(trace.confidence),
        citations_count=trace.citations_count,
        error=_text(trace.error),
        iterations=tuple(trace.iterations),
        iteration_count=trace.iteration_count,
        quality_gate_failures=trace.quality_gate_failures,
        outputs=dict(trace.outputs),
        child_traces=tuple(trace.child_traces),
        parent_trace_id=trace.parent_trace_id,
        parent_span_id=trace.parent_span_id,
    )


def _span(trace: Trace, span: Span) -> SpanData:
    kind = SpanKind(span.kind)
    attributes = dict(span.details)
    if kind is SpanKind.UNKNOWN and span.kind != SpanKind.UNKNOWN:
        attributes["kind_given"] = str(span.kind)
    return SpanData(
        span_id=span.span_id,
        parent_id=span.parent.span_id if span.parent else None,
        name=span.name,
        kind=kind,
        started_at=_moment(trace, span.start_tick),
        duration_ns=_duration(span),
        status=_status(span),
        error=span.error,
        attributes=attributes,
        events=tuple(
            SpanEvent(name=name, timestamp=_moment(trace, tick), attributes=values)
            for name, tick, values in span.events
        ),
        decisions=tuple(_decision(trace, given) for given in span.decisions),
        evidence=dict(span.evidence or {}),
        prompts=dict(span.prompts or {}),
        outputs=dict(span.outputs or {}),
    )


def _status(span: Span) -> SpanStatus:
    if span.error is not None:
        return SpanStatus.ERROR
    return SpanStatus.UNSET if span.end_tick is None else SpanStatus.OK


def _decision(trace: Trace, given: Mapping[str, Any]) -> Decision:
    return Decision(
        decision=str(given["decision"]),
        what=given["what"],
        why=str(given["why"] or ""),
        confidence=share(given["confidence"]),
        alternatives_considered=_alternatives(given["alternatives_considered"]),
        inputs=given["inputs"] if isinstance(given["inputs"], Mapping) else {},
        timestamp=_moment(trace, given["tick"]),
    )


def _alternatives(given: Any) -> tuple[Any, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        return () if given is None else (given,)
    return tuple(given)


def _moment(trace: Trace, tick: int | None) -> datetime:
    """When `tick` was: one reading of the wall clock a trace, so that times within it cannot contradict each other."""
    if tick is None or trace.root.start_tick is None:
        return trace.started_at
    return trace.started_at + timedelta(microseconds=(tick - trace.root.start_tick) / 1000)


def _duration(span: Span) -> int | None:
    return None if span.end_tick is None or span.start_tick is None else span.end_tick - span.start_tick


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def share(value: Any) -> float | None:
    """`value` as a number from 0 to 1, None when it is no such number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if 0 <= value <= 1 else None
