"""Counts, sums and histograms by bucket of time: what every chart over time is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from tracing_core.errors import InvalidInput
from tracing_core.query.filters import TraceFilter
from tracing_core.query.measures import NOTHING, Measures, measures
from tracing_core.query.reading import reading
from tracing_core.query.rollup_measures import answers, first_day, without_minutes
from tracing_core.query.time_buckets import WIDTHS, bucket_starts, chart_granularity
from tracing_core.storage.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class OverTime:
    """Some traces by the bucket in which they began, in order, empty buckets included.

    `granularity` is minute, hour or day.
    """

    granularity: str
    buckets: tuple[tuple[datetime, Measures], ...]


def over_time(
    db: Database, chosen: TraceFilter, granularity: str | None = None, *, histograms: bool = True
) -> OverTime:
    """What the chosen traces add up to in each bucket.

    Args:
        db: where the traces are.
        chosen: which; the buckets at the edges of its range are whole.
        granularity: minute, hour or day; by default what suits the length of the range.
        histograms: whether these are asked for, too; they are most of the work.

    Raises:
        InvalidInput: there is no such granularity.
        StorageError: the database did not answer.
    """
    if granularity is not None and granularity not in WIDTHS:
        raise InvalidInput("granularity", f"must be one of {', '.join(WIDTHS)}")
    with reading(db, chosen) as connection:
        start, end = _extent(connection, chosen)
        if start is None:
            return OverTime(granularity=granularity or "day", buckets=())
        granularity = granularity or _granularity(connection, chosen, start, end)
        found = measures(connection, chosen, "bucket", granularity, histograms=histograms)
    empty = dict.fromkeys(bucket_starts(start, end, granularity), NOTHING)
    return OverTime(granularity=granularity, buckets=tuple(sorted((empty | found).items())))


def _granularity(connection: Connection, chosen: TraceFilter, start: datetime, end: datetime) -> str:
    """What suits the length of the range, unless that is minutes which are not kept any more."""
    suiting = chart_granularity(end - start)
    if suiting != "minute" or not answers(chosen, "bucket"):
        return suiting
    return "hour" if without_minutes(connection, chosen.project, bucket_starts(start, end, "hour")) else suiting


def _extent(connection: Connection, chosen: TraceFilter) -> tuple[datetime | None, datetime]:
    """The range of a chart: up to now where the filter names no end, from the first day with traces where no start."""
    end = chosen.end or connection.execute(select(func.now())).scalar_one()
    if chosen.start is not None:
        return chosen.start, end
    return connection.scalar(first_day(chosen.project)), end
