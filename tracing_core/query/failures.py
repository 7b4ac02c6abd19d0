"""What fails, and when it began to: the spans in which failures began, of failed traces and of those that got over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select

from tracing_core.failure_patterns import Failure, FailurePattern, failure_patterns
from tracing_core.model import TraceStatus
from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.near_spans import spans_of
from tracing_core.query.reading import reading
from tracing_core.query.trace_sample import Drawn, drawn
from tracing_core.storage.database import Database
from tracing_core.storage.tables import trace_spans, traces

MOST_FAILED, MOST_COMPLETE = 2_000, 3_000
"""Failed traces, the newest, and traces that were completed, drawn at random, in which a failure was got over."""
_MOST_SPANS = 10_000
_LONGEST = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Failures:
    """What failed.

    Args:
        patterns: the most frequent first.
        failed: traces that failed, as far as they were looked at: the newest; `all_failed` says whether these are all.
        complete: the traces that were looked at for failures they got over.
    """

    patterns: tuple[FailurePattern, ...]
    failed: int
    all_failed: bool
    complete: Drawn


def failures(db: Database, chosen: TraceFilter, before: TraceFilter | None = None) -> Failures:
    """The failures among the chosen traces, put together by what they have in common.

    Args:
        db: where they are.
        chosen: which.
        before: those of the period before, which tell what is new; None where there is none.

    Raises:
        StorageError: the database did not answer.
    """
    with reading(db, chosen) as connection:
        now, failed, sample = _failures(connection, chosen)
        was = None if before is None else _before(connection, before)
    return Failures(
        patterns=failure_patterns(now, was),
        failed=min(failed, MOST_FAILED),
        all_failed=failed <= MOST_FAILED,
        complete=sample,
    )


def _before(connection: Connection, chosen: TraceFilter) -> list[Failure] | None:
    """The failures of the period before; None where there were no traces, as then nothing is new."""
    found, failed, sample = _failures(connection, chosen)
    return found if failed or sample.looked_at else None


def _failures(connection: Connection, chosen: TraceFilter) -> tuple[list[Failure], int, Drawn]:
    t = traces.c
    columns = (t.trace_id, t.started_at, func.left(t.error, _LONGEST).label("error"), t.status)
    failing = select(*columns, metrics.weight().label("weight")).where(
        or_(metrics.trace_failed(), t.status == TraceStatus.INCOMPLETE), *conditions(chosen)
    )
    newest = failing.order_by(t.started_at.desc()).limit(MOST_FAILED + 1)
    failed = [dict(row) for row in connection.execute(newest).mappings()]
    complete, sample = drawn(connection, chosen, MOST_COMPLETE, columns, t.status == TraceStatus.COMPLETE)
    rows = {row["trace_id"]: row for row in (*complete, *failed[:MOST_FAILED])}
    spans = _failing_spans(connection, rows)
    having = {span["trace_id"] for span in spans}
    found = [_of_span(span, rows[span["trace_id"]]) for span in spans]
    found += [_of_trace(row) for row in failed[:MOST_FAILED] if row["error"] and row["trace_id"] not in having]
    return found, len(failed), sample


def _failing_spans(connection: Connection, rows: Mapping[str, Any]) -> Sequence[Mapping[Any, Any]]:
    """The spans in which failures began: those above them fail because of them."""
    if not rows:
        return ()
    s = trace_spans.c
    columns = (s.trace_id, s.span_id, s.name, func.left(s.error, _LONGEST).label("error"), s.started_at, s.parent_id)
    moments = [row["started_at"] for row in rows.values()]
    failed = spans_of(list(rows), moments, columns, metrics.span_failed()).cte("failed")
    below = failed.alias("below")
    because = select(below.c.span_id).where(
        below.c.trace_id == failed.c.trace_id, below.c.parent_id == failed.c.span_id
    )
    statement = select(failed).where(~because.exists()).order_by(failed.c.started_at.desc()).limit(_MOST_SPANS)
    return [dict(row) for row in connection.execute(statement).mappings()]


def _of_span(span: Mapping[Any, Any], row: Mapping[str, Any]) -> Failure:
    return Failure(
        trace_id=span["trace_id"],
        stage="" if span["parent_id"] is None else span["name"],
        error=span["error"] or row["error"] or "failed without a message",
        failed_at=span["started_at"],
        recovered=row["status"] == TraceStatus.COMPLETE,
        weight=float(row["weight"]),
    )


def _of_trace(row: Mapping[str, Any]) -> Failure:
    return Failure(
        trace_id=row["trace_id"],
        stage="",
        error=row["error"],
        failed_at=row["started_at"],
        recovered=False,
        weight=float(row["weight"]),
    )
