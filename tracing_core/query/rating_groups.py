"""Ratings by model, by library and over time, with how many there are and how far chance reaches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Connection, func, literal, select

from tracing_core.confidence import wilson
from tracing_core.intervals import Estimate
from tracing_core.query import metrics
from tracing_core.query.feedback import LOW_RATING
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.measures import measures
from tracing_core.query.over_time import over_time
from tracing_core.query.reading import reading
from tracing_core.storage.database import Database
from tracing_core.storage.tables import feedback, traces

Dimension = Literal["model", "library"]
_WORST, _BEST = 1, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class RatedGroup:
    """The ratings of the traces of one model or library; those of traces that sampling left out are estimated.

    Args:
        name: of the model or library; None for traces without one.
        seen: ratings that are stored.
        mean: of the ratings, 1 to 5, with its interval.
        low: the share of ratings up to 2.
        answers: how many traces there are.
        rate: the share of traces that somebody rated.
    """

    name: str | None
    seen: int
    mean: Estimate
    low: Estimate
    answers: int
    rate: Estimate


@dataclass(frozen=True, kw_only=True, slots=True)
class RatingPoint:
    """The ratings of the traces of one bucket of time; without any there is no mean."""

    bucket: datetime
    count: int
    mean: float | None


def ratings_by(db: Database, chosen: TraceFilter, dimension: Dimension | None) -> tuple[RatedGroup, ...]:
    """The chosen traces that somebody rated, by model or library, most ratings first; without either as one group.

    Raises:
        StorageError: the database did not answer.
    """
    with reading(db, chosen) as connection:
        found = _sums(connection, chosen, dimension)
        rated = _rated(connection, chosen, dimension)
        counted = measures(connection, chosen, dimension or "all", histograms=False) if found else {}
    groups = [
        _group(name, sums, rated[name], counted[name].count if name in counted else 0) for name, sums in found.items()
    ]
    return tuple(sorted(groups, key=lambda each: (-each.seen, each.name or "")))


def ratings_over_time(db: Database, chosen: TraceFilter) -> tuple[RatingPoint, ...]:
    """The ratings by when the rated traces began, in order, empty buckets included.

    Raises:
        StorageError: the database did not answer.
    """
    return tuple(
        RatingPoint(bucket=bucket, count=each.rating_count, mean=metrics.mean(each.rating_sum, each.rating_count))
        for bucket, each in over_time(db, chosen, histograms=False).buckets
    )


def rating_interval(mean: float, effective: float) -> Estimate:
    """The mean of ratings with its interval: Wilson's of where it lies between worst and best.

    Nothing between two ends spreads more than shares do, so the interval is on the safe side, also of few that all agree.
    """
    width = _BEST - _WORST
    found = wilson((mean - _WORST) / width, effective)
    return Estimate(value=mean, low=_WORST + width * found.low, high=_WORST + width * found.high)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sums:
    """Of some ratings or traces: how many, their weights and the squares of these; of ratings what they come to, too."""

    seen: int
    weight: float
    squares: float
    total: float = 0.0
    low: float = 0.0

    @property
    def effective(self) -> float:
        return self.weight**2 / self.squares if self.squares else 0.0


def _name(dimension: Dimension | None) -> ColumnElement[str]:
    return literal("") if dimension is None else func.coalesce(traces.c[dimension], "")


def _sums(connection: Connection, chosen: TraceFilter, dimension: Dimension | None) -> dict[str, _Sums]:
    weight, rating = metrics.weight(), feedback.c.rating
    columns = (
        _name(dimension), func.count(), func.sum(weight), func.sum(weight * weight), func.sum(weight * rating),
        metrics.how_many(rating <= LOW_RATING, weight),
    )  # fmt: skip
    statement = select(*columns).join_from(feedback, traces).where(traces.c.rating.is_not(None), *conditions(chosen))
    found = connection.execute(statement.group_by(_name(dimension)) if dimension else statement).all()
    return {
        name: _Sums(seen=seen, weight=weights, squares=squares, total=total, low=low)
        for name, seen, weights, squares, total, low in found
        if seen
    }


def _rated(connection: Connection, chosen: TraceFilter, dimension: Dimension | None) -> dict[str, _Sums]:
    weight = metrics.weight()
    columns = (_name(dimension), func.count(), func.sum(weight), func.sum(weight * weight))
    statement = select(*columns).where(traces.c.rating.is_not(None), *conditions(chosen))
    found = connection.execute(statement.group_by(_name(dimension)) if dimension else statement).all()
    return {name: _Sums(seen=seen, weight=weights or 0, squares=squares or 0) for name, seen, weights, squares in found}


def _group(name: str, ratings: _Sums, rated: _Sums, answers: int) -> RatedGroup:
    mean = ratings.total / ratings.weight
    return RatedGroup(
        name=name or None,
        seen=ratings.seen,
        mean=rating_interval(mean, ratings.effective),
        low=_share(ratings.low / ratings.weight, ratings.effective),
        answers=max(answers, round(rated.weight)),
        rate=_share(
            min(rated.weight / max(answers, rated.weight), 1.0),
            rated.effective * max(answers, rated.weight) / rated.weight,
        ),
    )


def _share(value: float, effective: float) -> Estimate:
    found = wilson(value, effective)
    return Estimate(value=value, low=found.low, high=found.high)
