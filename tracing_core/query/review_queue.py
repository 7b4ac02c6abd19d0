"""Which traces wait for somebody to look at them, what people said of them, and all of that as a data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from tracing_core.jsontext import dump, storable
from tracing_core.model import QualityFlag
from tracing_core.query.feedback import LOW_RATING
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.reading import reading
from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import trace_labels, trace_reviews
from tracing_core.storage.tables import feedback, traces

MOST_IN_QUEUE = 500
MOST_IN_DATA_SET = 10_000
_AT_A_TIME = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewItem:
    """A trace to look at, and what was said of it. `rating` is the lowest, 1 to 5."""

    trace_id: str
    project: str
    started_at: datetime
    query: str | None
    answer: str | None
    error: str | None
    library: str | None
    model: str | None
    confidence: float | None
    quality_flag: QualityFlag
    rating: int | None
    flagged_for_review: bool
    review_notes: str | None
    labels: tuple[str, ...]


def waiting_for_review(db: Database, chosen: TraceFilter, *, limit: int = MOST_IN_QUEUE) -> tuple[str, ...]:
    """The ids of traces that are flagged for review, or rated 2 or less since they were settled, the newest first.

    Raises:
        StorageError: the database did not answer.
    """
    flagged = _ids(chosen, traces.c.flagged_for_review)
    low = _ids(chosen, _rated_low())
    both = flagged.union(low).subquery()
    ordered = select(both.c.trace_id).order_by(both.c.started_at.desc(), both.c.trace_id).limit(limit)
    with reading(db, chosen) as connection:
        return tuple(connection.execute(ordered).scalars())


def review_item(db: Database, trace_id: str) -> ReviewItem | None:
    """One trace; None when there is none.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        statement = select(*_columns()).where(traces.c.trace_id == storable(trace_id))
        row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else _item(row)


def labels_in_use(db: Database, *, limit: int = 200) -> tuple[str, ...]:
    """The labels that traces have, the frequent ones first.

    Raises:
        StorageError: the database did not answer.
    """
    statement = select(trace_labels.c.label).group_by(trace_labels.c.label)
    ordered = statement.order_by(func.count().desc(), trace_labels.c.label).limit(limit)
    with db.read() as connection:
        return tuple(connection.execute(ordered).scalars())


def data_set(db: Database, chosen: TraceFilter, *, limit: int = MOST_IN_DATA_SET) -> Iterator[str]:
    """The traces that somebody rated, labelled, noted something on or flagged, the newest first: a line of JSON each.

    A line has trace_id, project, started_at, question, answer, error, library, model, confidence, quality_flag, rating (the
    lowest), ratings (user_id, rating, comment), labels, notes and flagged_for_review.

    Raises:
        StorageError: the database did not answer.
    """
    said = or_(
        traces.c.rating.is_not(None), traces.c.flagged_for_review, traces.c.review_notes.is_not(None),
        exists().where(trace_labels.c.trace_id == traces.c.trace_id),
    )  # fmt: skip
    statement = select(*_columns()).where(said, *conditions(chosen))
    ordered = statement.order_by(traces.c.started_at.desc(), traces.c.trace_id).limit(limit)
    with reading(db, chosen) as connection:
        items = [_item(row) for row in connection.execute(ordered).mappings()]
        ratings: dict[str, list[dict[str, Any]]] = {}
        for start in range(0, len(items), _AT_A_TIME):
            ids = [each.trace_id for each in items[start : start + _AT_A_TIME]]
            given = select(feedback).where(feedback.c.trace_id.in_(ids)).order_by(feedback.c.user_id)
            for row in connection.execute(given).mappings():
                kept = {name: row[name] for name in ("user_id", "rating", "comment")}
                ratings.setdefault(row["trace_id"], []).append(kept)
    return (_line(each, ratings.get(each.trace_id, ())) for each in items)


def _ids(chosen: TraceFilter, wanted: ColumnElement[bool]) -> Select[Any]:
    return select(traces.c.trace_id, traces.c.started_at).where(wanted, *conditions(chosen))


def _rated_low() -> ColumnElement[bool]:
    """Whether somebody rated a trace low, and nobody has settled that since."""
    of_trace = and_(feedback.c.trace_id == traces.c.trace_id, feedback.c.rating <= LOW_RATING)
    latest = select(func.max(feedback.c.updated_at)).where(of_trace).scalar_subquery()
    settled = exists().where(trace_reviews.c.trace_id == traces.c.trace_id, trace_reviews.c.resolved_at >= latest)
    return and_(traces.c.rating.is_not(None), traces.c.rating <= LOW_RATING, ~settled)


_PLAIN = (
    "trace_id", "project", "started_at", "query", "answer", "error", "library", "model", "confidence", "quality_flag",
    "rating", "flagged_for_review", "review_notes",
)  # fmt: skip


def _columns() -> list[ColumnElement[Any]]:
    ordered = func.array_agg(aggregate_order_by(trace_labels.c.label, trace_labels.c.label))
    labels = select(ordered).where(trace_labels.c.trace_id == traces.c.trace_id).scalar_subquery()
    return [*(traces.c[name] for name in _PLAIN), labels.label("labels")]


def _item(row: Any) -> ReviewItem:
    plain = {name: row[name] for name in _PLAIN}
    plain["quality_flag"] = QualityFlag(row["quality_flag"])
    return ReviewItem(**plain, labels=tuple(row["labels"] or ()))


def _line(item: ReviewItem, ratings: Sequence[dict[str, Any]]) -> str:
    names = ("trace_id", "project", "started_at")
    said = {name: getattr(item, name) for name in names} | {"question": item.query, "answer": item.answer}
    for name in ("error", "library", "model", "confidence", "quality_flag", "rating"):
        said[name] = getattr(item, name)
    said |= {"ratings": list(ratings), "labels": item.labels, "notes": item.review_notes}
    return f"{dump(said | {'flagged_for_review': item.flagged_for_review}).decode()}\n"
