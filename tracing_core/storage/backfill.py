"""Make the rollups of one hour anew from the rows of traces, spans and ratings.

Whoever writes a trace or a rating adds to `trace_metrics` in the same transaction, at its end. So the table is locked
against writing (SHARE ROW EXCLUSIVE) while rows are replaced: a writer that has added already is waited for and then seen;
one that has not yet is not seen, and adds to what was replaced. The lock is taken before any other, and no row of another
table is locked, so nobody waits in a ring. Rows are read before that, without a lock; a fingerprint of the traces tells
whether they still are as they were read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from itertools import islice

from sqlalchemy import ColumnElement, Connection, func, select, text

from tracing_core.projection import Row
from tracing_core.rollups import Key, Rollup, add_trace, coarser, trace_keys, weight_of
from tracing_core.storage.database import Database
from tracing_core.storage.rollup_write import add_rollups
from tracing_core.storage.side_tables import trace_metrics
from tracing_core.storage.stored_traces import ratings_of, span_rows
from tracing_core.storage.tables import traces

_HOUR = timedelta(hours=1)
_TRACES_AT_A_TIME = 1_000
_READS_WITHOUT_LOCK = 3
_NEEDED = (
    "trace_id", "project", "started_at", "completed_at", "library", "model", "duration_ms", "status", "input_tokens",
    "output_tokens", "cost_usd", "unknown_models", "quality_flag", "sampling_probability", "span_count",
)  # fmt: skip


class Refilled(StrEnum):
    """What became of the rollups of an hour."""

    DONE = "done"
    LEFT = "left"
    """They count traces that are not there any more, and are all that is left of these."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hour:
    """The traces of a project that began in the hour from `start` on."""

    project: str
    start: datetime


def hours(database: Database, since: datetime | None, until: datetime | None, project: str | None) -> tuple[Hour, ...]:
    """The hours from `since` up to `until` that have traces or rollups, in order.

    Raises:
        StorageError: the database did not answer.
    """
    of_traces = func.date_trunc("hour", traces.c.started_at, "UTC")
    stored = select(traces.c.project, of_traces.label("start")).distinct()
    counted = select(trace_metrics.c.project, trace_metrics.c.bucket)
    counted = counted.where(trace_metrics.c.granularity == "hour", trace_metrics.c.dimension == "trace")
    stored = stored.where(*_between(traces.c.started_at, since, until), *_of(traces.c.project, project))
    counted = counted.where(*_between(trace_metrics.c.bucket, since, until), *_of(trace_metrics.c.project, project))
    with database.write() as connection:
        found = connection.execute(stored.union(counted)).all()
    return tuple(Hour(project=name, start=start) for start, name in sorted((start, name) for name, start in found))


def refill(
    database: Database, hour: Hour, *, minutes_since: datetime | None = None, even_if_fewer: bool = False
) -> Refilled:
    """Replace the rollups of an hour, and those of its day by the sum of the day's hours; in one transaction.

    Args:
        database: where they are.
        hour: which.
        minutes_since: before this no rollups by the minute are kept.
        even_if_fewer: also where fewer traces are stored than the rollups count.

    Raises:
        StorageError: the database did not do it; nothing was changed.
    """
    keep_minutes = minutes_since is None or hour.start >= minutes_since
    for _ in range(_READS_WITHOUT_LOCK):
        with database.write() as connection:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            seen, rollups = _fingerprint(connection, hour), _count(connection, hour)
        with database.write() as connection:
            connection.execute(_LOCK)
            if _fingerprint(connection, hour) == seen:
                return _replace(connection, hour, rollups, seen[0], keep_minutes, even_if_fewer)
    with database.write() as connection:  # it changes all the time: read it while nobody can write
        connection.execute(_LOCK)
        count = _fingerprint(connection, hour)[0]
        return _replace(connection, hour, _count(connection, hour), count, keep_minutes, even_if_fewer)


_LOCK = text("LOCK TABLE trace_metrics IN SHARE ROW EXCLUSIVE MODE")


def _in_hour(hour: Hour) -> tuple[ColumnElement[bool], ...]:
    return (traces.c.project == hour.project, *_between(traces.c.started_at, hour.start, hour.start + _HOUR))


def _fingerprint(connection: Connection, hour: Hour) -> tuple[int, str]:
    """How many traces there are, and a number that is another when one of them was written or rated since."""
    version = func.hashtextextended(traces.c.trace_id + text("traces.xmin::text"), 0)
    statement = select(func.count(), func.coalesce(func.sum(version), 0)).where(*_in_hour(hour))
    count, versions = connection.execute(statement).one()
    return count, str(versions)


def _count(connection: Connection, hour: Hour) -> dict[Key, Rollup]:
    """The rollups by the minute."""
    statement = select(*(traces.c[name] for name in _NEEDED)).where(*_in_hour(hour))
    rows = [dict(row) for row in connection.execute(statement).mappings()]
    minutes: dict[Key, Rollup] = {}
    for some in _portions(rows):
        by_id = {row["trace_id"]: row for row in some}
        spans, ratings = span_rows(connection, by_id), ratings_of(connection, by_id)
        for trace_id, row in by_id.items():
            add_trace(minutes, row, spans.get(trace_id, {}).values())
            number, total = ratings.get(trace_id, (0, 0))
            for key in trace_keys(row):
                minutes[key].add(Rollup(rating_count=number, rating_sum=total), weight_of(row))
    return minutes


def _portions(rows: Sequence[Row]) -> Iterable[list[Row]]:
    rest = iter(rows)
    while some := list(islice(rest, _TRACES_AT_A_TIME)):
        yield some


def _replace(
    connection: Connection, hour: Hour, minutes: dict[Key, Rollup], count: int, keep_minutes: bool, even_if_fewer: bool
) -> Refilled:
    given = {"project": hour.project, "start": hour.start, "end": hour.start + _HOUR}
    if (connection.scalar(_STORED, given) or 0) > count and not even_if_fewer:
        return Refilled.LEFT
    connection.execute(_DELETE, given)
    granularities = ("minute", "hour") if keep_minutes else ("hour",)
    add_rollups(connection, {key: rollup for key, rollup in coarser(minutes).items() if key[1] in granularities})
    day = datetime.combine(hour.start.astimezone(UTC).date(), time(), UTC)
    of_day = {"project": hour.project, "start": day, "end": day + timedelta(days=1)}
    connection.execute(_DELETE_DAY, of_day)
    connection.execute(_SUM_DAY, of_day)
    return Refilled.DONE


_STORED = text(
    "SELECT stored FROM trace_metrics WHERE project = :project AND granularity = 'hour' AND dimension = 'trace' "
    "AND bucket = :start"
)
_DELETE = text(
    "DELETE FROM trace_metrics WHERE project = :project AND granularity IN ('minute', 'hour') "
    "AND bucket >= :start AND bucket < :end"
)
_DELETE_DAY = text("DELETE FROM trace_metrics WHERE project = :project AND granularity = 'day' AND bucket = :start")
_SUM_DAY = text("""
WITH of_day AS (
    SELECT * FROM trace_metrics
    WHERE project = :project AND granularity = 'hour' AND bucket >= :start AND bucket < :end
), counts AS (
    SELECT dimension, value, bin, sum(n) AS n
    FROM of_day, unnest(bins, bin_counts) AS u (bin, n) GROUP BY dimension, value, bin
), histograms AS (
    SELECT dimension, value, array_agg(bin ORDER BY bin) AS bins, array_agg(n ORDER BY bin) AS bin_counts
    FROM counts GROUP BY dimension, value
), sums AS (
    SELECT dimension, value, sum(stored) AS stored, sum(count) AS count, sum(errors) AS errors,
        sum(duration_ms_sum) AS duration_ms_sum, sum(timed_count) AS timed_count, sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens, sum(cost_usd) AS cost_usd, sum(unpriced_count) AS unpriced_count,
        sum(flag_user_negative) AS flag_user_negative, sum(flag_empty) AS flag_empty,
        sum(flag_low_confidence) AS flag_low_confidence, sum(flag_normal) AS flag_normal,
        sum(rating_count) AS rating_count, sum(rating_sum) AS rating_sum
    FROM of_day GROUP BY dimension, value
)
INSERT INTO trace_metrics (
    project, granularity, bucket, dimension, value, stored, count, errors, duration_ms_sum, timed_count, input_tokens,
    output_tokens, cost_usd, unpriced_count, flag_user_negative, flag_empty, flag_low_confidence, flag_normal,
    rating_count, rating_sum, bins, bin_counts)
SELECT :project, 'day', :start, s.dimension, s.value, s.stored, s.count, s.errors, s.duration_ms_sum, s.timed_count,
    s.input_tokens, s.output_tokens, s.cost_usd, s.unpriced_count, s.flag_user_negative, s.flag_empty,
    s.flag_low_confidence, s.flag_normal, s.rating_count, s.rating_sum, coalesce(h.bins, '{}'),
    coalesce(h.bin_counts, '{}')
FROM sums s LEFT JOIN histograms h ON h.dimension = s.dimension AND h.value = s.value
""")


def _between(
    column: ColumnElement[datetime], since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    return [*([column >= since] if since is not None else []), *([column < until] if until is not None else [])]


def _of(column: ColumnElement[str], project: str | None) -> list[ColumnElement[bool]]:
    return [] if project is None else [column == project]
