"""The view of a trace that seed C documents: a question, its steps with their times and details, the total."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tracing_core.model import SpanData, SpanKind, TraceData, TraceStatus

_STATUS_WORDS = {TraceStatus.COMPLETE: "success", TraceStatus.FAILED: "error", TraceStatus.IN_PROGRESS: "pending"}


def steps_view(trace: TraceData) -> dict[str, Any]:
    """`trace` in seed C's shape (section 4.1); durations in milliseconds, status success, error, pending or incomplete."""
    return {
        "trace_id": trace.trace_id,
        "timestamp": trace.started_at.isoformat(),
        "question": trace.query or "",
        "library_filter": trace.library,
        "steps": steps(trace.spans),
        "total_duration_ms": milliseconds(trace.duration_ns),
        "status": _STATUS_WORDS.get(trace.status, str(trace.status)),
    }


def steps(spans: Iterable[SpanData]) -> list[dict[str, Any]]:
    """Every timed span below the root, in the order in which they started."""
    return [
        {"name": span.name, "duration_ms": milliseconds(span.duration_ns), "details": dict(span.attributes)}
        for span in spans
        if span.kind is not SpanKind.ROOT and span.duration_ns is not None
    ]


def milliseconds(nanoseconds: int | None) -> float | None:
    """Nanoseconds as milliseconds, to the microsecond."""
    return None if nanoseconds is None else round(nanoseconds / 1e6, 3)
