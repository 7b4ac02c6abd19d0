"""Reviewing a run: notes, labels, and whether it still needs somebody to look at it."""

from __future__ import annotations

from collections.abc import Iterable

from tracing_core.errors import InvalidInput
from tracing_core.ids import check_trace_id
from tracing_core.jsontext import storable
from tracing_core.storage.database import Database
from tracing_core.storage.review_write import put_labels, put_review, put_settled

LONGEST_NOTES = 5000
MOST_LABELS, LONGEST_LABEL = 20, 50


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


def settle(database: Database, *, trace_id: str) -> None:
    """Take a run out of the queue: its flag goes, and low ratings given until now are settled; a later one brings it back.

    Raises:
        InvalidInput: the id is none.
        TraceNotFound: no such trace is stored.
        StorageError: the database did not take it.
    """
    put_settled(database, check_trace_id(trace_id))


def label(database: Database, *, trace_id: str, labels: Iterable[str]) -> tuple[str, ...]:
    """Let a run have these labels and no others.

    Args:
        database: where the run is.
        trace_id: of the run.
        labels: at most 20, of at most 50 characters; blanks around them are taken away, and empty ones are none.

    Returns:
        The labels, in order.

    Raises:
        InvalidInput: the id is none, there are too many, or one is too long.
        TraceNotFound: no such trace is stored.
        StorageError: the database did not take it.
    """
    kept = tuple(sorted({cleaned for each in labels if (cleaned := " ".join(storable(each).split()))}))
    if len(kept) > MOST_LABELS:
        raise InvalidInput("labels", f"are {len(kept)}; a trace has at most {MOST_LABELS}")
    if longest := next((each for each in kept if len(each) > LONGEST_LABEL), None):
        raise InvalidInput("labels", f"have one of {len(longest)} characters; at most {LONGEST_LABEL} are kept")
    put_labels(database, check_trace_id(trace_id), kept)
    return kept
