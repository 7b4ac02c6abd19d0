"""Which traces belong to a trace: those that name it as their parent, and those that it names itself."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, union

from tracing_core.jsontext import storable
from tracing_core.query.traces import TraceRow, trace_columns, trace_row
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces

MOST_CHILDREN = 100


def children(db: Database, trace_id: str, named: Iterable[str] = ()) -> tuple[TraceRow, ...]:
    """The traces below one, in the order in which they began; at most `MOST_CHILDREN`.

    Args:
        db: where they are.
        trace_id: of the one above.
        named: the ids that it names as its children; what is not stored is not found.

    Raises:
        StorageError: the database did not answer.
    """
    t, ids = traces.c, [storable(each) for each in named][:MOST_CHILDREN]
    below = select(t.trace_id).where(t.parent_trace_id == storable(trace_id)).limit(MOST_CHILDREN)
    there = select(t.trace_id).where(t.trace_id.in_(ids), t.trace_id != trace_id)
    found = union(below, there).subquery()
    statement = select(*trace_columns()).where(t.trace_id.in_(select(found.c.trace_id)))
    with db.read() as connection:
        rows = connection.execute(statement.order_by(t.started_at, t.trace_id).limit(MOST_CHILDREN)).mappings().all()
    return tuple(trace_row(row) for row in rows)
