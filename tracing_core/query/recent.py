"""The newest traces with the times and details of their spans, for seed C's view of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, select

from tracing_core.errors import InvalidInput
from tracing_core.given import without_given
from tracing_core.model import SpanData, TraceData, TraceStatus
from tracing_core.query.traces import LARGEST_PAGE
from tracing_core.storage.database import Database
from tracing_core.storage.payloads import spans_in, stored_parts
from tracing_core.storage.tables import traces

_TRACE = [traces.c[name] for name in ("trace_id", "project", "status", "started_at", "duration_ms", "query", "library")]


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
    parts = stored_parts(connection, [(row.trace_id, row.started_at) for row in rows])
    for trace_id, contents in parts.items():
        for span in spans_in(contents):
            found[trace_id].append(replace(span, attributes=without_given(span.attributes)))
    return found


def _nanoseconds(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else round(milliseconds * 1e6)
