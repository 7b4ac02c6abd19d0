"""Traces, spans and decisions with a default for every field: a test names only what it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from tracing_core.model import Decision, SpanData, SpanKind, SpanStatus, TraceData, TraceStatus

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
"""When everything that these factories make begins."""

_numbers = count(1)


def milliseconds(amount: float) -> int:
    """Nanoseconds, as the model has them."""
    return int(amount * 1_000_000)


def make_decision(**overrides: Any) -> Decision:
    """The choice of a source, with one alternative."""
    fields: dict[str, Any] = {
        "decision": "source_selection",
        "what": "semantic + bm25",
        "why": "the question names a function",
        "confidence": 0.9,
        "alternatives_considered": ("bm25 (0.40)",),
        "inputs": {"words": 7},
        "timestamp": NOON,
    }
    return Decision(**(fields | overrides))


def make_span(**overrides: Any) -> SpanData:
    """A retrieval of 145 ms, without a parent unless one is given."""
    fields: dict[str, Any] = {
        "span_id": f"{next(_numbers):016x}",
        "parent_id": None,
        "name": "retrieval_semantic",
        "kind": SpanKind.RETRIEVAL,
        "started_at": NOON,
        "duration_ns": milliseconds(145),
        "status": SpanStatus.OK,
    }
    return SpanData(**(fields | overrides))


def make_trace(**overrides: Any) -> TraceData:
    """A complete answer to a question about fastapi, in 3.21 s: a root, a retrieval with a decision, and a generation.

    Spans start when the trace does. `duration_ns` is that of the trace and of its root.
    """
    started_at = overrides.get("started_at", NOON)
    duration_ns = overrides.get("duration_ns", milliseconds(3210))
    number = next(_numbers)
    fields: dict[str, Any] = {
        "trace_id": f"trc_{started_at:%Y%m%d_%H%M%S}_{number:016x}",
        "project": "default",
        "status": TraceStatus.COMPLETE,
        "started_at": started_at,
        "completed_at": started_at + timedelta(microseconds=(duration_ns or 0) / 1000),
        "duration_ns": duration_ns,
        "query": "How do I create a POST endpoint?",
        "answer": "Use the decorator app.post of FastAPI, and declare the body as a pydantic model [1].",
        "intent": "how_to",
        "library": "fastapi",
        "session_id": "session-1",
        "user_id": "user-1",
        "confidence": 0.9,
        "citations_count": 1,
    }
    fields |= overrides
    if "spans" not in overrides:
        fields["spans"] = make_spans(started_at, duration_ns)
    return TraceData(**fields)


def make_spans(started_at: datetime, duration_ns: int | None) -> tuple[SpanData, ...]:
    """The root, a retrieval with a decision, and a generation by a model whose price is known."""
    root = make_span(name="request", kind=SpanKind.ROOT, started_at=started_at, duration_ns=duration_ns)
    retrieval = make_span(parent_id=root.span_id, started_at=started_at, decisions=(make_decision(),))
    generation = make_span(
        parent_id=root.span_id,
        name="llm_generation",
        kind=SpanKind.GENERATION,
        started_at=started_at + timedelta(milliseconds=145),
        duration_ns=milliseconds(3020),
        attributes={"model": "gpt-4o-mini", "prompt_tokens": 1200, "completion_tokens": 350, "total_tokens": 1550},
    )
    return (root, retrieval, generation)
