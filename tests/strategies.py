"""Any trace that recording could make, for property tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from tracing_core.model import Decision, SpanData, SpanEvent, SpanKind, SpanStatus, TraceData, TraceStatus

words = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
names = st.sampled_from(["request", "x", "x (2)", "x (3)", "retrieval", "", "\u20ac"]) | words
moments = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is given
shares = st.none() | st.floats(0, 1)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | words,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(words, values, max_size=3),
    max_leaves=5,
)
mappings = st.dictionaries(words, json_values, max_size=3)
durations = st.none() | st.integers(0, 10**15)

decisions = st.builds(
    Decision,
    decision=words,
    what=json_values,
    why=words,
    confidence=shares,
    alternatives_considered=st.lists(json_values, max_size=2).map(tuple),
    inputs=mappings,
    timestamp=st.none() | moments,
)
events = st.builds(SpanEvent, name=words, timestamp=moments, attributes=mappings)


@st.composite
def span_trees(draw: st.DrawFn) -> tuple[SpanData, ...]:
    """A root and up to six spans, each below one that came before it or below none."""
    size = draw(st.integers(0, 6))
    spans = [draw(_span(0, None, SpanKind.ROOT))]
    for number in range(1, size + 1):
        parent = draw(st.none() | st.integers(0, number - 1).map(lambda at: f"{at:016x}"))
        spans.append(draw(_span(number, parent, None)))
    return tuple(spans)


@st.composite
def bare_trees(draw: st.DrawFn) -> tuple[SpanData, ...]:
    """A root and up to four spans below it, with nothing in them but names, times and a model's tokens."""
    bare = {"events": st.just(()), "decisions": st.just(())} | dict.fromkeys(
        ("evidence", "prompts", "outputs"), st.just({})
    )
    size = draw(st.integers(0, 4))
    return (
        draw(_span(0, None, SpanKind.ROOT, **bare)),
        *(draw(_span(number, f"{0:016x}", None, **bare)) for number in range(1, size + 1)),
    )


def _span(number: int, parent: str | None, kind: SpanKind | None, **fixed: Any) -> st.SearchStrategy[SpanData]:
    fields: dict[str, Any] = {
        "span_id": st.just(f"{number:016x}"),
        "parent_id": st.just(parent),
        "name": names,
        "kind": st.just(kind) if kind else st.sampled_from(SpanKind),
        "started_at": moments,
        "duration_ns": durations,
        "status": st.sampled_from(SpanStatus),
        "error": st.none() | words,
        "attributes": mappings | st.fixed_dictionaries({"model": words, "prompt_tokens": st.integers(0, 10**7)}),
        "events": st.lists(events, max_size=2).map(tuple),
        "decisions": st.lists(decisions, max_size=2).map(tuple),
        "evidence": mappings,
        "prompts": st.dictionaries(words, words, max_size=2),
        "outputs": mappings,
    }
    return st.builds(SpanData, **(fields | fixed))


def traces(**fixed: Any) -> st.SearchStrategy[TraceData]:
    """Traces, with some fields fixed to strategies of the caller's."""
    fields: dict[str, Any] = {
        "trace_id": st.integers(0, 2**64 - 1).map(lambda number: f"trc_20261121_120000_{number:016x}"),
        "project": st.sampled_from(["default", "cobot"]),
        "status": st.sampled_from(TraceStatus),
        "started_at": moments,
        "completed_at": st.none() | moments,
        "duration_ns": durations,
        "spans": span_trees(),
        "name": words,
        "source": st.sampled_from(["native", "otlp"]),
        "tags": st.lists(words, max_size=2).map(tuple),
        "confidence": shares,
        "citations_count": st.none() | st.integers(0, 100),
        "iterations": st.lists(mappings, max_size=2).map(tuple),
        "iteration_count": st.integers(1, 5),
        "quality_gate_failures": st.integers(0, 5),
        "outputs": mappings,
        "child_traces": st.lists(mappings, max_size=2).map(tuple),
        "parent_trace_id": st.none() | words,
        "parent_span_id": st.none() | words,
        "sampling_probability": st.floats(0.001, 1),
        "schema_version": st.just(1),
    }
    optional = ("project_id", "query", "answer", "intent", "domain", "report_type", "research_type", "library")
    fields |= {name: st.none() | words for name in (*optional, "session_id", "user_id", "error")}
    return st.builds(TraceData, **(fields | fixed))
