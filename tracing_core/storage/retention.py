"""Remove traces whose time is up: whole partitions of spans, rows of traces in batches. Rollups of hours and days stay.

What is kept longer moves from its partition to the default one, in the transaction that drops the partition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from psycopg2 import sql
from sqlalchemy import ColumnElement, Connection, and_, column, delete, func, or_, select, table, text, tuple_

from tracing_core.errors import DatabaseUnavailable
from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.storage.database import Database
from tracing_core.storage.partitions import PARTITION_LOCK, PARTITIONED, ensure_partitions, partition_name
from tracing_core.storage.schema import metadata
from tracing_core.storage.side_tables import trace_metrics
from tracing_core.storage.tables import trace_spans, traces

_TRACES_AT_A_TIME = 1_000
_LOCK_TIMEOUT = "3s"
"""How long a drop waits for its lock, while writers wait behind it; if that is too short, the next run tries again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """Whose time is up: traces that began before `ordinary`, those that failed, are flagged or rated before `remarkable`."""

    ordinary: datetime
    remarkable: datetime

    def condition(self) -> ColumnElement[bool]:
        """The same as a condition on `traces`."""
        t = traces.c
        plain = and_(
            t.status != TraceStatus.FAILED,
            t.quality_flag == QualityFlag.NORMAL,
            t.rating.is_(None),
            ~t.flagged_for_review,
        )
        return and_(t.started_at < self.ordinary, or_(t.started_at < self.remarkable, plain))


@dataclass(frozen=True, kw_only=True, slots=True)
class Partition:
    """A day's part of a table: `spans` and `size` (bytes, indexes included) are what dropping it frees."""

    table: str
    day: date
    rows: int
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """Whose file it is."""

    project: str
    trace_id: str


def due_traces(database: Database, due: Due) -> Iterator[File]:
    """The traces whose time is up."""
    statement = select(traces.c.project, traces.c.trace_id).where(due.condition())
    with database.write() as connection:
        for project, trace_id in connection.execution_options(yield_per=5_000).execute(statement):
            yield File(project=project, trace_id=trace_id)


def due_partitions(database: Database, due: Due) -> tuple[Partition, ...]:
    """The partitions that can be dropped, with what is not kept longer."""
    with database.write() as connection:
        days = _days(connection, due.ordinary.date())
        return tuple(_measured(connection, name, day, due) for name, day in days)


def due_elsewhere(database: Database, due: Due) -> int:
    """How many spans of traces whose time is up are in no partition that can be dropped."""
    with database.write() as connection:
        home = func.coalesce(func.substring(text("s.tableoid::regclass::text"), "[0-9]{8}$"), "99999999")
        s = trace_spans.alias("s")
        kept = f"{due.ordinary:%Y%m%d}"
        return connection.scalar(
            select(func.count()).select_from(s).join(traces, traces.c.trace_id == s.c.trace_id)
            .where(due.condition(), home >= kept)
        ) or 0  # fmt: skip


def _days(connection: Connection, before: date) -> list[tuple[str, date]]:
    found = []
    for parent in PARTITIONED:
        names = connection.execute(_PARTITIONS, {"table": parent}).scalars()
        for name in names:
            digits = name.removeprefix(f"{parent}_")
            if digits.isdigit() and (day := _day(digits)) < before:
                found.append((parent, day))
    return sorted(found, key=lambda each: (each[1], each[0]))


_PARTITIONS = text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(:table AS regclass)")


def _day(digits: str) -> date:
    return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC).date()


def _measured(connection: Connection, parent: str, day: date, due: Due) -> Partition:
    name = partition_name(day, parent)
    part = table(name, column("trace_id"))
    stays = select(traces.c.trace_id).where(traces.c.trace_id == part.c.trace_id, ~due.condition()).exists()
    whole = connection.scalar(select(func.count()).select_from(part)) or 0
    going = connection.scalar(select(func.count()).select_from(part).where(~stays)) or 0
    size = connection.scalar(text("SELECT pg_total_relation_size(CAST(:name AS regclass))"), {"name": name}) or 0
    return Partition(table=parent, day=day, rows=going, size=int(size * going / whole) if whole else size)


def remove_some(
    database: Database, due: Due, after: tuple[datetime, str] | None
) -> tuple[list[File], tuple[datetime, str] | None]:
    """Remove some traces whose time is up, with their decisions and ratings, and their spans outside of partitions
    that will be dropped.

    Args:
        database: where they are.
        due: which.
        after: where the last call ended; None at the first.

    Returns:
        Those removed, and where this call ended: None when there was nothing left.

    Raises:
        StorageError: nothing was removed.
    """
    order = (traces.c.started_at, traces.c.trace_id)
    some = select(*order, traces.c.project, traces.c.completed_at).where(due.condition()).order_by(*order)
    if after is not None:
        some = some.where(tuple_(*order) > after)
    with database.write() as connection:
        statement = some.limit(_TRACES_AT_A_TIME).with_for_update(skip_locked=True)
        found = connection.execute(statement).all()
        if not found:
            return [], None
        ids = [row.trace_id for row in found]
        _remove_spans(connection, ids, due, max(row.completed_at or row.started_at for row in found))
        connection.execute(delete(traces).where(traces.c.trace_id.in_(ids)))
    removed = [File(project=row.project, trace_id=row.trace_id) for row in found]
    return removed, (found[-1].started_at, found[-1].trace_id)


def _remove_spans(connection: Connection, ids: Sequence[str], due: Due, last: datetime) -> None:
    for parent in PARTITIONED:
        default = table(f"{parent}_default", column("trace_id"))
        connection.execute(delete(default).where(default.c.trace_id.in_(ids)))
        if last >= due.ordinary:
            of = metadata.tables[parent]
            later = of.c.started_at.between(due.ordinary, last + timedelta(days=1))
            connection.execute(delete(of).where(of.c.trace_id.in_(ids), later))


def drop(database: Database, partition: Partition) -> bool:
    """Drop a partition; what it has of traces that are there moves to the default one. False when it is in use too much.

    Raises:
        StorageError: nothing was changed.
    """
    columns = [sql.Identifier(each.name) for each in metadata.tables[partition.table].columns]
    parts = {
        "table": sql.Identifier(partition.table),
        "name": sql.Identifier(partition_name(partition.day, partition.table)),
        "columns": sql.SQL(", ").join(columns),
    }
    try:
        with database.write() as connection:
            connection.execute(text("SELECT set_config('lock_timeout', :most, true)"), {"most": _LOCK_TIMEOUT})
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PARTITION_LOCK})
            cursor = connection.connection.cursor()
            for statement in (_DETACH, _KEEP, _DROP):
                cursor.execute(sql.SQL(statement).format(**parts))
            cursor.close()
    except DatabaseUnavailable as error:
        if "lock timeout" in str(error):
            return False
        raise
    return True


_DETACH = "ALTER TABLE {table} DETACH PARTITION {name}"
_KEEP = (
    "INSERT INTO {table} ({columns}) SELECT {columns} FROM {name} AS p "
    "WHERE EXISTS (SELECT FROM traces AS t WHERE t.trace_id = p.trace_id)"
)
_DROP = "DROP TABLE {name}"


def make_partitions(database: Database, days: Sequence[date]) -> None:
    """Make the partitions of these days that are missing.

    Raises:
        StorageError: the database did not do it.
    """
    ensure_partitions(database, days)


def partitions(database: Database) -> tuple[Partition, ...]:
    """All partitions of days, with their rows (as the planner estimates them) and bytes.

    Raises:
        StorageError: the database did not answer.
    """
    far = date.max
    with database.read() as connection:
        return tuple(
            Partition(
                table=parent,
                day=day,
                **dict(connection.execute(_SIZE, {"name": partition_name(day, parent)}).mappings().one()),
            )
            for parent, day in _days(connection, far)
        )


_SIZE = text(
    "SELECT greatest(reltuples, 0)::bigint AS rows, pg_total_relation_size(oid) AS size FROM pg_class "
    "WHERE oid = CAST(:name AS regclass)"
)


# --- rollups by the minute ---


def due_minutes(database: Database, before: datetime) -> tuple[tuple[str, date], ...]:
    """The projects and days that have rollups by the minute before then."""
    day = func.date_trunc("day", trace_metrics.c.bucket, "UTC")
    statement = select(trace_metrics.c.project, day).distinct()
    statement = statement.where(trace_metrics.c.granularity == "minute", trace_metrics.c.bucket < before)
    with database.write() as connection:
        return tuple((project, start.date()) for project, start in connection.execute(statement).all())


def count_minutes(database: Database, before: datetime) -> int:
    """How many rollups by the minute there are before then."""
    t = trace_metrics.c
    due = select(func.count()).where(t.granularity == "minute", t.bucket < before)
    with database.write() as connection:
        return connection.scalar(due) or 0


def drop_minutes(database: Database, project: str, day: date) -> int | None:
    """Drop a day's rollups by the minute; None when those of its hours do not hold all that they count.

    Raises:
        StorageError: nothing was dropped.
    """
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    given = {"project": project, "start": start, "end": start + timedelta(days=1)}
    with database.write() as connection:
        if connection.scalar(_UNCOUNTED, given):
            return None
        return connection.execute(_DROP_MINUTES, given).rowcount


_UNCOUNTED = text("""
SELECT count(*) FROM (
    SELECT date_trunc('hour', bucket, 'UTC') AS bucket, dimension, value, sum(stored) AS stored
    FROM trace_metrics
    WHERE project = :project AND granularity = 'minute' AND bucket >= :start AND bucket < :end GROUP BY 1, 2, 3
) AS fine
LEFT JOIN trace_metrics AS coarse ON coarse.project = :project AND coarse.granularity = 'hour'
    AND coarse.dimension = fine.dimension AND coarse.bucket = fine.bucket AND coarse.value = fine.value
WHERE fine.stored > coalesce(coarse.stored, 0)
""")
_DROP_MINUTES = text(
    "DELETE FROM trace_metrics WHERE project = :project AND granularity = 'minute' AND bucket >= :start AND bucket < :end"
)


def uncounted_days(database: Database, due: Due) -> tuple[tuple[str, date], ...]:
    """The projects and days with traces whose time is up that the rollups do not hold: those must be made first."""
    with database.write() as connection:
        found = connection.execute(_UNCOUNTED_DAYS, {"before": due.ordinary}).all()
    return tuple((project, start.date()) for project, start in found)


_UNCOUNTED_DAYS = text("""
SELECT t.project, t.day FROM (
    SELECT project, date_trunc('day', started_at, 'UTC') AS day, count(*) AS stored
    FROM traces WHERE started_at < :before GROUP BY 1, 2
) AS t
LEFT JOIN trace_metrics AS m ON m.project = t.project AND m.granularity = 'day' AND m.dimension = 'trace'
    AND m.bucket = t.day AND m.value = ''
WHERE t.stored > coalesce(m.stored, 0)
""")
