"""The newest traces with the times and details of their spans, for seed C's view of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from tracing_core.errors import InvalidInput
from tracing_core.model import SpanData, SpanKind, TraceData, TraceStatus
from tracing_core.query.trace import NEARBY
from tracing_core.query.traces import LARGEST_PAGE
from tracing_core.storage.database import Database
from tracing_core.storage.tables import trace_spans, traces

_TRACE = [traces.c[name] for name in ("trace_id", "project", "status", "started_at", "duration_ms", "query", "library")]
_SPAN = [
    *(
        trace_spans.c[name]
        for name in ("trace_id", "span_id", "parent_id", "name", "kind", "started_at", "duration_ms")
    ),
    trace_spans.c.payload["attributes"].label("attributes"),
]


def recent_traces(db: Database, limit: int = 50) -> tuple[TraceData, ...]:
    """The newest traces, newest first; of a span only its place, times and attributes, in two questions in all.

    Args:
        db: where they are.
        limit: the most traces, 1 to 1,000.

    Raises:
        InvalidInput: `limit` cannot be used.
        StorageError: the database did not answer.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidInput("limit", f"must be from 1 to {LARGEST_PAGE}")
    newest = select(*_TRACE).order_by(traces.c.started_at.desc(), traces.c.trace_id.desc()).limit(limit)
    with db.read() as connection:
        rows = connection.execute(newest).all()
        spans = _spans_of(connection, rows)
    return tuple(
        TraceData(
            trace_id=row.trace_id,
            project=row.project,
            status=TraceStatus(row.status),
            started_at=row.started_at,
            completed_at=None,
            duration_ns=_nanoseconds(row.duration_ms),
            spans=tuple(spans[row.trace_id]),
            query=row.query,
            library=row.library,
        )
        for row in rows
    )


def _spans_of(connection: Connection, rows: Sequence[Row[Any]]) -> dict[str, list[SpanData]]:
    found: dict[str, list[SpanData]] = defaultdict(list)
    if not rows:
        return found
    first, last = min(row.started_at for row in rows), max(row.started_at for row in rows)
    statement = select(*_SPAN).where(
        trace_spans.c.trace_id.in_([row.trace_id for row in rows]),
        trace_spans.c.started_at.between(first - NEARBY, last + NEARBY),
    )
    for span in connection.execute(statement.order_by(trace_spans.c.trace_id, trace_spans.c.position)):
        found[span.trace_id].append(
            SpanData(
                span_id=span.span_id,
                parent_id=span.parent_id,
                name=span.name,
                kind=SpanKind(span.kind),
                started_at=span.started_at,
                duration_ns=_nanoseconds(span.duration_ms),
                attributes=span.attributes or {},
            )
        )
    return found


def _nanoseconds(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else round(milliseconds * 1e6)
