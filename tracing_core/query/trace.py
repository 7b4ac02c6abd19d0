"""One trace: its row, the skeleton of its tree, what one span holds, its decisions, its session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, RowMapping, select

from tracing_core.contents import unpack
from tracing_core.given import without_given
from tracing_core.jsontext import storable
from tracing_core.model import QualityFlag, SpanData, SpanKind, SpanStatus, TraceStatus
from tracing_core.query.traces import TraceRow, trace_columns, trace_row
from tracing_core.retrieved import evidence_of
from tracing_core.span_view import outputs_of, prompts_of
from tracing_core.storage.database import Database
from tracing_core.storage.payloads import NEARBY, content_of, spans_in, stored_parts
from tracing_core.storage.tables import decisions as decisions_table
from tracing_core.storage.tables import trace_spans, traces


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceDetail:
    """Everything in the row of one trace; names ending in `_ms` are milliseconds, those ending in `_duration` seconds."""

    trace_id: str
    project: str
    project_id: str | None
    name: str
    source: str
    status: TraceStatus
    error: str | None
    query: str | None
    answer: str | None
    intent: str | None
    domain: str | None
    report_type: str | None
    research_type: str | None
    library: str | None
    session_id: str | None
    user_id: str | None
    environment: str | None
    release: str | None
    tags: tuple[str, ...]
    started_at: datetime
    completed_at: datetime | None
    duration_ms: float | None
    retrieval_ms: float | None
    generation_ms: float | None
    stage_ms: dict[str, float]
    time_to_first_token_ms: float | None
    tokens_per_second: float | None
    model: str | None
    provider: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: Decimal | None
    cost_given_usd: Decimal | None
    cost_computed_usd: Decimal | None
    unknown_models: tuple[str, ...]
    price_version: str | None
    confidence: float | None
    citations_count: int | None
    quality_flag: QualityFlag
    rating: int | None
    is_slow: bool
    quality_gate_passed: bool | None
    overall_quality_score: float | None
    evidence_collected: int | None
    evidence_passed: int | None
    evidence_filtered: int | None
    evidence_retrieved: int | None
    evidence_used: int | None
    evidence_sources: tuple[str, ...] | None
    intake_duration: float | None
    rubric_duration: float | None
    collection_duration: float | None
    synthesis_duration: float | None
    quality_gate_duration: float | None
    synthesis_model: str | None
    synthesis_input_tokens: int | None
    synthesis_output_tokens: int | None
    synthesis_cost_usd: float | None
    principle_scores: dict[str, float] | None
    gap_principles: tuple[str, ...] | None
    strength_principles: tuple[str, ...] | None
    flagged_for_review: bool
    review_notes: str | None
    iteration_count: int
    quality_gate_failures: int
    span_count: int
    decision_count: int
    parent_trace_id: str | None
    trace_file_path: str | None
    report_file_path: str | None
    output_file_paths: tuple[str, ...] | None
    sampling_probability: float
    attributes: dict[str, Any]
    schema_version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanRow:
    """A span without what it holds. `offset_ms` is how long after the start of the trace it began.

    `total_tokens` and `cost_usd` are those of the model call that the span is; None for other spans.
    """

    span_id: str
    parent_id: str | None
    position: int
    name: str
    kind: SpanKind
    started_at: datetime
    duration_ms: float | None
    status: SpanStatus
    error: str | None
    decision_count: int
    total_tokens: int | None
    cost_usd: Decimal | None
    model: str | None
    offset_ms: float


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanPayload:
    """What a span holds, as it was recorded; an event has name, timestamp and attributes."""

    attributes: dict[str, Any]
    events: tuple[dict[str, Any], ...]
    evidence: dict[str, Any]
    prompts: dict[str, str]
    outputs: dict[str, Any]
    otel: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionRow:
    """A decision; `position` is its place among those of the trace, `stage` is empty for one of the trace itself.

    `model` is the one that its span called, else the one that answered.
    """

    position: int
    span_id: str
    stage: str
    decision: str
    what: Any
    why: str
    confidence: float | None
    alternatives_considered: tuple[Any, ...]
    inputs: dict[str, Any]
    decided_at: datetime
    model: str | None


def get_trace(db: Database, trace_id: str) -> TraceDetail | None:
    """The row of one trace; None when there is no such trace.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        found = connection.execute(select(traces).where(traces.c.trace_id == storable(trace_id)))
        row = found.mappings().one_or_none()
    if row is None:
        return None
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    values |= {"status": TraceStatus(values["status"]), "quality_flag": QualityFlag(values["quality_flag"])}
    return TraceDetail(**values)


def spans(db: Database, trace_id: str) -> tuple[SpanRow, ...]:
    """The spans of a trace in the order in which they were recorded, without what they hold; empty for no such trace.

    Raises:
        StorageError: the database did not answer.
    """
    columns = [column for column in trace_spans.columns if column.name not in ("part", "trace_id")]
    with db.read() as connection:
        trace = _extent(connection, trace_id)
        if trace is None:
            return ()
        statement = select(*columns).where(trace_spans.c.trace_id == trace_id)
        statement = statement.order_by(trace_spans.c.started_at, trace_spans.c.position, trace_spans.c.span_id)
        found = connection.execute(statement.where(_nearby(trace))).mappings().all()
        if len(found) < trace.span_count:
            found = connection.execute(statement).mappings().all()
    return tuple(_span_row(row, trace.started_at) for row in found)


def span_payload(db: Database, trace_id: str, span_id: str) -> SpanPayload | None:
    """What one span holds; None when there is no such span.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        trace = _extent(connection, trace_id)
        if trace is None:
            return None
        statement = select(trace_spans.c.part).where(
            trace_spans.c.trace_id == trace_id, trace_spans.c.span_id == storable(span_id)
        )
        part = connection.scalar(statement.where(_nearby(trace)))
        part = connection.scalar(statement) if part is None else part
        content = None if part is None else content_of(connection, trace_id, trace.started_at, part)
    if content is None:
        return None
    found = next((span for span in unpack(content) if span.span_id == span_id), None)
    return None if found is None else _payload(found)


def payloads(db: Database, trace_id: str) -> dict[str, SpanPayload]:
    """What all spans of a trace hold, by their id; empty where that is not there.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        trace = _extent(connection, trace_id)
        parts = stored_parts(connection, [(trace_id, trace.started_at)]) if trace is not None else {}
    return {span.span_id: _payload(span) for span in spans_in(parts.get(trace_id, {}))}


def _payload(span: SpanData) -> SpanPayload:
    """What was recorded in our own words, else what other conventions' attributes mean in them."""
    return SpanPayload(
        attributes=without_given(span.attributes),
        events=tuple({"name": e.name, "timestamp": e.timestamp, "attributes": e.attributes} for e in span.events),
        evidence=dict(span.evidence) or evidence_of(span),
        prompts=dict(span.prompts) or prompts_of(span),
        outputs=dict(span.outputs) or outputs_of(span),
        otel=dict(span.otel),
    )


def decisions(db: Database, trace_id: str) -> tuple[DecisionRow, ...]:
    """The decisions of a trace, in order.

    Raises:
        StorageError: the database did not answer.
    """
    columns = [column for column in decisions_table.columns if column.name not in ("trace_id", "project")]
    statement = select(*columns).where(decisions_table.c.trace_id == storable(trace_id))
    with db.read() as connection:
        found = connection.execute(statement.order_by(decisions_table.c.position)).mappings().all()
    return tuple(
        DecisionRow(**{**row, "alternatives_considered": tuple(row["alternatives_considered"])}) for row in found
    )


def session_traces(db: Database, session_id: str, limit: int = 50) -> tuple[TraceRow, ...]:
    """The newest traces of a session, in the order in which they happened.

    Raises:
        StorageError: the database did not answer.
    """
    statement = select(*trace_columns()).where(traces.c.session_id == storable(session_id))
    newest = statement.order_by(traces.c.started_at.desc(), traces.c.trace_id.desc()).limit(limit)
    with db.read() as connection:
        found = connection.execute(newest).mappings().all()
    return tuple(trace_row(row) for row in reversed(found))


def _extent(connection: Connection, trace_id: str) -> Row[datetime, datetime | None, int] | None:
    columns = (traces.c.started_at, traces.c.completed_at, traces.c.span_count)
    return connection.execute(select(*columns).where(traces.c.trace_id == storable(trace_id))).one_or_none()


def _nearby(trace: Row[datetime, datetime | None, int]) -> ColumnElement[bool]:
    last = max(trace.started_at, trace.completed_at or trace.started_at)
    return trace_spans.c.started_at.between(trace.started_at - NEARBY, last + NEARBY)


def _span_row(row: RowMapping, trace_start: datetime) -> SpanRow:
    values = dict(row)
    values["kind"] = SpanKind(values["kind"])
    values["status"] = SpanStatus(values["status"])
    return SpanRow(**values, offset_ms=(values["started_at"] - trace_start) / timedelta(milliseconds=1))
