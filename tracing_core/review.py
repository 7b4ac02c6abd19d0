"""Reviewing a run that calibration flagged: notes, and whether it still needs somebody to look at it."""

from __future__ import annotations

from tracing_core.errors import InvalidInput
from tracing_core.ids import check_trace_id
from tracing_core.jsontext import storable
from tracing_core.storage.database import Database
from tracing_core.storage.review_write import put_review

LONGEST_NOTES = 5000


def review(database: Database, *, trace_id: str, notes: str | None, flagged: bool) -> None:
    """Write down what came out of looking at a run.

    Args:
        database: where the run is.
        trace_id: of the run.
        notes: at most 5,000 characters; None or nothing but spaces takes them away.
        flagged: whether it is to be looked at (again); False when that is settled.

    Raises:
        InvalidInput: the id is none, or the notes are too long.
        TraceNotFound: no such trace is stored.
        StorageError: the database did not take it.
    """
    if notes is not None and len(notes) > LONGEST_NOTES:
        raise InvalidInput("review_notes", f"have {len(notes)} characters; at most {LONGEST_NOTES:,} are kept")
    put_review(database, check_trace_id(trace_id), storable(notes or "").strip() or None, flagged)
