"""What people thought of the answers. A filter chooses traces; what was said of them counts, whenever it was said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from tracing_core.jsontext import storable
from tracing_core.model import Feedback, QualityFlag, WaitingFeedback
from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.measures import NOTHING, measures
from tracing_core.query.reading import reading
from tracing_core.query.traces import ANSWER_CHARS, QUERY_CHARS
from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import waiting_feedback
from tracing_core.storage.tables import feedback, traces

LOW_RATING = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class RatedTrace:
    """A rating and the trace it is of. `query` and `answer_start` are shortened, `duration_ms` is in milliseconds."""

    feedback_id: str
    trace_id: str
    user_id: str
    rating: int
    comment: str | None
    created_at: datetime
    updated_at: datetime
    project: str
    query: str | None
    answer_start: str | None
    library: str | None
    model: str | None
    quality_flag: QualityFlag
    confidence: float | None
    started_at: datetime
    duration_ms: float | None


def rating_distribution(db: Database, chosen: TraceFilter) -> dict[int, int]:
    """How often each rating from 1 to 5 was given; all five are there.

    Each counts for as many as its trace stands for, since traces that sampling left out cannot be rated.

    Raises:
        StorageError: the database did not answer.
    """
    many = func.sum(metrics.weight())
    counted = select(feedback.c.rating, many).join_from(feedback, traces)
    counted = counted.where(traces.c.rating.is_not(None), *conditions(chosen))  # which has an index of its own
    with reading(db, chosen) as connection:
        found: dict[int, float] = dict(connection.execute(counted.group_by(feedback.c.rating)).all())
    return {rating: round(found.get(rating, 0)) for rating in range(1, 6)}


def average_rating(db: Database, chosen: TraceFilter) -> float | None:
    """The mean of all ratings, 1 to 5; None when there is none.

    Raises:
        StorageError: the database did not answer.
    """
    counts = rating_distribution(db, chosen)
    return metrics.mean(sum(rating * count for rating, count in counts.items()), sum(counts.values()))


def feedback_rate(db: Database, chosen: TraceFilter) -> float | None:
    """The share of traces that somebody rated, 0 to 1; None when there are no traces.

    Raises:
        StorageError: the database did not answer.
    """
    with reading(db, chosen) as connection:
        count = measures(connection, chosen, "all", histograms=False).get("", NOTHING).count
        return metrics.feedback_rate(rated_count(connection, chosen), count)


def rated_count(connection: Connection, chosen: TraceFilter) -> float:
    """How many of the chosen traces somebody rated, each for as many as it stands for."""
    rated = select(func.sum(metrics.weight())).where(traces.c.rating.is_not(None), *conditions(chosen))
    return connection.scalar(rated) or 0


def low_rated(
    db: Database, chosen: TraceFilter, *, max_rating: int = LOW_RATING, limit: int = 50
) -> tuple[RatedTrace, ...]:
    """The newest ratings up to `max_rating`.

    Raises:
        StorageError: the database did not answer.
    """
    return _newest(db, chosen, _ratings(chosen).where(feedback.c.rating <= max_rating), limit)


def recent_feedback(db: Database, chosen: TraceFilter, *, limit: int = 50) -> tuple[RatedTrace, ...]:
    """The newest ratings.

    Raises:
        StorageError: the database did not answer.
    """
    return _newest(db, chosen, _ratings(chosen), limit)


def for_trace(db: Database, trace_id: str) -> tuple[Feedback, ...]:
    """What people thought of one trace, the newest first.

    Raises:
        StorageError: the database did not answer.
    """
    statement = select(feedback).where(feedback.c.trace_id == storable(trace_id))
    with db.read() as connection:
        found = connection.execute(statement.order_by(feedback.c.updated_at.desc(), feedback.c.feedback_id)).mappings()
        return tuple(Feedback(**row) for row in found)


def for_user(db: Database, user_id: str, *, limit: int = 100) -> tuple[Feedback, ...]:
    """What one person thought of answers, the newest first.

    Raises:
        StorageError: the database did not answer.
    """
    statement = select(feedback).where(feedback.c.user_id == storable(user_id))
    ordered = statement.order_by(feedback.c.updated_at.desc(), feedback.c.feedback_id).limit(limit)
    with db.read() as connection:
        return tuple(Feedback(**row) for row in connection.execute(ordered).mappings())


def by_id(db: Database, feedback_id: str) -> Feedback | None:
    """One rating, also one that waits for its trace; None when there is none.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        for table, kind in ((feedback, Feedback), (waiting_feedback, WaitingFeedback)):
            statement = select(table).where(table.c.feedback_id == storable(feedback_id))
            row = connection.execute(statement).mappings().one_or_none()
            if row is not None:
                return kind(**row)
    return None


def waiting_count(db: Database) -> int:
    """How many ratings wait for their traces.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        return connection.scalar(select(func.count()).select_from(waiting_feedback)) or 0


def _ratings(chosen: TraceFilter) -> Select[Any]:
    of_trace = ("project", "library", "model", "quality_flag", "confidence", "started_at", "duration_ms")
    columns = (
        *feedback.columns,
        *(traces.c[name] for name in of_trace),
        func.left(traces.c.query, QUERY_CHARS).label("query"),
        func.left(traces.c.answer, ANSWER_CHARS).label("answer_start"),
    )
    return select(*columns).join_from(feedback, traces).where(*conditions(chosen))


def _newest(db: Database, chosen: TraceFilter, statement: Select[Any], limit: int) -> tuple[RatedTrace, ...]:
    ordered = statement.order_by(feedback.c.updated_at.desc(), feedback.c.feedback_id).limit(limit)
    with reading(db, chosen) as connection:
        found = connection.execute(ordered).mappings().all()
    return tuple(RatedTrace(**{**row, "quality_flag": QualityFlag(row["quality_flag"])}) for row in found)
