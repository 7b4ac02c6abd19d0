"""Store what a person says of a run that calibration flagged."""

from __future__ import annotations

from sqlalchemy import func, update

from tracing_core.errors import TraceNotFound
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces


def put_review(database: Database, trace_id: str, notes: str | None, flagged: bool) -> None:
    """Set the notes of a run, and whether it is flagged for review.

    Raises:
        TraceNotFound: no such trace is stored.
        StorageError: the database did not take it.
    """
    changed = {"review_notes": notes, "flagged_for_review": flagged, "updated_at": func.now()}
    with database.write(limited="in all") as connection:
        done = connection.execute(update(traces).where(traces.c.trace_id == trace_id).values(changed))
        if not done.rowcount:
            raise TraceNotFound(f"there is no trace {trace_id}")
