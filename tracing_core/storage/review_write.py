"""Store what a person says of a run: notes, whether it is to be looked at, labels, and that it is settled."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, delete, func, update
from sqlalchemy.dialects.postgresql import insert

from tracing_core.errors import TraceNotFound
from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import trace_labels, trace_reviews
from tracing_core.storage.tables import traces


def put_review(database: Database, trace_id: str, notes: str | None, flagged: bool) -> None:
    """Set the notes of a run, and whether it is flagged for review.

    Raises:
        TraceNotFound: no such trace is stored.
        StorageError: the database did not take it.
    """
    with database.write(limited="in all") as connection:
        _update(connection, trace_id, review_notes=notes, flagged_for_review=flagged)


def put_settled(database: Database, trace_id: str) -> None:
    """Take the flag away, and let what was said until now be settled.

    Raises:
        TraceNotFound: no such trace is stored.
        StorageError: the database did not take it.
    """
    with database.write(limited="in all") as connection:
        _update(connection, trace_id, flagged_for_review=False)
        settled = insert(trace_reviews).values(trace_id=trace_id, resolved_at=func.now())
        connection.execute(settled.on_conflict_do_update(index_elements=["trace_id"], set_={"resolved_at": func.now()}))


def put_labels(database: Database, trace_id: str, labels: Collection[str]) -> None:
    """Let a run have these labels and no others.

    Raises:
        TraceNotFound: no such trace is stored.
        StorageError: the database did not take it.
    """
    with database.write(limited="in all") as connection:
        _update(connection, trace_id)
        others = (trace_labels.c.trace_id == trace_id, trace_labels.c.label.not_in(labels))
        connection.execute(delete(trace_labels).where(*others))
        if labels:
            rows = [{"trace_id": trace_id, "label": label} for label in labels]
            connection.execute(insert(trace_labels).values(rows).on_conflict_do_nothing())


def _update(connection: Connection, trace_id: str, **changed: Any) -> None:
    values = changed | {"updated_at": func.now()}
    if not connection.execute(update(traces).where(traces.c.trace_id == trace_id).values(values)).rowcount:
        raise TraceNotFound(f"there is no trace {trace_id}")
