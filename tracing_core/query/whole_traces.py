"""Stored traces with all that they hold, as they would leave for another place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from tracing_core.assembly import assemble
from tracing_core.given import from_stored
from tracing_core.jsontext import storable
from tracing_core.model import TraceData
from tracing_core.query.filters import TraceFilter
from tracing_core.query.traces import list_traces
from tracing_core.storage.database import Database
from tracing_core.storage.payloads import spans_in, stored_parts
from tracing_core.storage.tables import traces

_PAGE = 100


def whole_traces(db: Database, chosen: TraceFilter) -> Iterator[tuple[tuple[TraceData, ...], int]]:
    """The traces that the filter lets through, newest first, some at a time, however many there are.

    Args:
        db: where they are.
        chosen: which.

    Yields:
        Traces, and how many more were found beside them whose contents are gone.

    Raises:
        StorageError: the database did not answer.
    """
    after: str | None = None
    while True:
        page = list_traces(db, chosen, after=after, limit=_PAGE)
        with db.read() as connection:
            whole = read_traces(connection, [row.trace_id for row in page.rows])
        yield whole, len(page.rows) - len(whole)
        if page.next_cursor is None:
            return
        after = page.next_cursor


def whole_trace(db: Database, trace_id: str) -> TraceData | None:
    """One stored trace with all that it holds; None when it, or its contents, are not there.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        return next(iter(read_traces(connection, [storable(trace_id)])), None)


def read_traces(connection: Connection, ids: Sequence[str]) -> tuple[TraceData, ...]:
    """Those of the traces with these ids whose contents are stored, in the order of the ids."""
    found = connection.execute(select(traces).where(traces.c.trace_id.in_(ids))).mappings()
    rows = {row["trace_id"]: dict(row) for row in found}
    parts = stored_parts(connection, [(trace_id, row["started_at"]) for trace_id, row in rows.items()])
    return tuple(
        assemble(
            trace_id,
            [from_stored(span, rows[trace_id]) for span in spans_in(parts[trace_id])],
            rows[trace_id]["project"],
        )
        for trace_id in ids
        if trace_id in parts
    )
