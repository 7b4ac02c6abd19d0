"""Traces of an hour with a cause in them: one library's answers are slow as a decision chose a slow source."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.factories import make_decision, make_span, make_trace, milliseconds
from tracing_core.model import SpanKind, TraceData

LIBRARIES = ("fastapi", "plotly", "streamlit", "sqlalchemy", "pandas")
SLOW_LIBRARY, SLOW_SOURCE = "pandas", "archive"
MODELS = ("gpt-4o-mini", "claude-3-5-haiku-latest", "house-model-7b")


def traces_with_a_cause(now: datetime, count: int = 120, project: str = "default") -> list[TraceData]:
    """One each half minute before `now`; each fifth one is about the slow library, and half of these ask the slow source."""
    return [_one(now - timedelta(seconds=30 * (number + 1)), number, project) for number in range(count)]


def _one(at: datetime, number: int, project: str) -> TraceData:
    slow = number % 10 == 4
    searched = 6000 + 37 * number if slow else 40 + number % 23
    generated = 900 + 53 * (number * 7 % 19)
    whole = searched + generated
    root = make_span(name="request", kind=SpanKind.ROOT, started_at=at, duration_ns=milliseconds(whole))
    decision = make_decision(
        decision="source_choice",
        what=SLOW_SOURCE if slow else "index",
        confidence=0.5 + number * 11 % 40 / 100,
        alternatives_considered=("index (0.3)",) if slow else (f"{SLOW_SOURCE} (0.3)",),
        timestamp=at,
    )
    search = make_span(
        parent_id=root.span_id, name="search", started_at=at, duration_ns=milliseconds(searched), decisions=(decision,)
    )
    generation = make_span(
        parent_id=root.span_id,
        name="llm_generation",
        kind=SpanKind.GENERATION,
        started_at=at + timedelta(milliseconds=searched),
        duration_ns=milliseconds(generated),
        attributes={"model": MODELS[number * 5 % 3], "prompt_tokens": 900 + number * 31 % 400, "completion_tokens": 90},
    )
    return make_trace(
        started_at=at,
        project=project,
        duration_ns=milliseconds(whole),
        library=LIBRARIES[number % 5],
        query=f"Question {number}?",
        user_id=f"user-{number * 3 % 7}",
        session_id=f"session-{number // 3}",
        confidence=0.6 + number * 13 % 40 / 100,
        spans=(root, search, generation),
    )
