"""How the store itself is: sizes, days, what is orphaned, which statements are slow."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import CTE, Select, func, select, text

from tracing_core.given import OTLP
from tracing_core.model import TraceStatus
from tracing_core.storage.database import Database
from tracing_core.storage.partitions import PARTITIONED
from tracing_core.storage.payloads import NEARBY
from tracing_core.storage.side_tables import trace_metrics
from tracing_core.storage.tables import trace_spans, traces

SAMPLE = 1000
"""Traces, the newest, in which orphans are looked for."""
LATE = timedelta(minutes=1)
"""How long a parent may take to arrive."""
_DAY = re.compile(r"_(\d{4})(\d{2})(\d{2})$")


@dataclass(frozen=True, kw_only=True, slots=True)
class TableSize:
    """A table, its partitions included: rows as PostgreSQL estimates them, bytes of its data and of its indexes."""

    table: str
    rows: int
    data_bytes: int
    index_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DayPart:
    """The spans of one day (UTC) and what they hold; None is what shares the default partition. Rows are estimated."""

    day: date | None
    spans: int
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Storage:
    """The whole database in bytes, its tables, the largest first, and its days, the newest first."""

    bytes: int
    tables: tuple[TableSize, ...]
    days: tuple[DayPart, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Orphans:
    """Spans of one name whose parent did not arrive: how many, in how many traces, and one of these."""

    project: str
    name: str
    spans: int
    traces: int
    example: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SlowQuery:
    """A statement as PostgreSQL has it: how often it ran, its mean and its longest time in milliseconds."""

    statement: str
    calls: int
    mean_ms: float
    max_ms: float


def storage(db: Database) -> Storage:
    """What there is, and how large.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        whole = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        relations = connection.execute(_RELATIONS).all()
    tables: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    days: dict[date | None, list[int]] = defaultdict(lambda: [0, 0])
    for name, parent, rows, data_bytes, index_bytes in relations:
        for number, amount in enumerate((rows, data_bytes, index_bytes)):
            tables[parent or name][number] += amount
        if parent in PARTITIONED:
            part = days[_day_of(name)]
            part[0] += rows if parent == "trace_spans" else 0
            part[1] += data_bytes + index_bytes
    sizes = [TableSize(table=name, rows=r, data_bytes=d, index_bytes=i) for name, (r, d, i) in tables.items()]
    parts = [DayPart(day=day, spans=spans, bytes=size) for day, (spans, size) in days.items()]
    return Storage(
        bytes=whole,
        tables=tuple(sorted(sizes, key=lambda each: -(each.data_bytes + each.index_bytes))),
        days=tuple(sorted(parts, key=lambda each: each.day or date.min, reverse=True)),
    )


def stored_traces(db: Database) -> int:
    """How many traces are stored, as the rollups count them.

    Raises:
        StorageError: the database did not answer.
    """
    whole = (trace_metrics.c.granularity == "day", trace_metrics.c.dimension == "trace")
    with db.read() as connection:
        return int(connection.scalar(select(func.sum(trace_metrics.c.stored)).where(*whole)) or 0)


def orphans(db: Database, since: datetime, now: datetime) -> tuple[Orphans, ...]:
    """Spans of traces by OTLP whose parent is not there although it had time to come, the most frequent first.

    Args:
        db: where they are.
        since: when their traces began, at the earliest.
        now: the time of now.

    A span whose parent is in a program that sends nothing here is as good as a root, and none of them.

    Raises:
        StorageError: the database did not answer.
    """
    late = (traces.c.source == OTLP, traces.c.started_at >= since, traces.c.updated_at < now - LATE)
    columns = (traces.c.trace_id, traces.c.project, traces.c.status, traces.c.started_at)
    newest = select(*columns).where(*late).order_by(traces.c.started_at.desc(), traces.c.trace_id.desc())
    some = newest.limit(SAMPLE).cte("newest")
    with db.read() as connection:
        first, last = connection.execute(select(func.min(some.c.started_at), func.max(some.c.started_at))).one()
        found = connection.execute(_orphans(some, first, last)).all() if first is not None else []
    return tuple(
        Orphans(project=project, name=name, spans=spans, traces=count, example=example)
        for project, name, spans, count, example in found
    )


def _orphans(some: CTE, first: datetime, last: datetime) -> Select[Any]:
    """Those among spans of `some` traces, which began between `first` and `last`; that spares looking at every day."""
    child, parent = trace_spans.alias("child"), trace_spans.alias("parent")
    near = (first - NEARBY, last + NEARBY)
    theirs = (parent.c.trace_id == child.c.trace_id) & (parent.c.span_id == child.c.parent_id)
    there = select(parent.c.span_id).where(theirs, parent.c.started_at.between(*near)).exists()
    # The span on top has no parent in the rows; where it is not the root, the trace is incomplete although it has ended.
    rootless = (
        child.c.parent_id.is_(None) & (some.c.status == TraceStatus.INCOMPLETE) & child.c.duration_ms.is_not(None)
    )
    counted = func.count().label("spans")
    in_traces, example = func.count(child.c.trace_id.distinct()), func.max(child.c.trace_id)
    return (
        select(some.c.project, child.c.name, counted, in_traces, example)
        .join(some, some.c.trace_id == child.c.trace_id)
        .where(child.c.started_at.between(*near), (child.c.parent_id.is_not(None) & ~there) | rootless)
        .group_by(some.c.project, child.c.name)
        .order_by(counted.desc(), child.c.name)
        .limit(50)
    )


def slow_queries(db: Database, limit: int = 10) -> tuple[SlowQuery, ...] | None:
    """The statements with the longest mean time; None where PostgreSQL does not keep them (pg_stat_statements).

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        if not connection.scalar(_KEEPS_STATEMENTS):
            return None
        rows = connection.execute(_SLOWEST, {"most": limit}).all()
    return tuple(
        SlowQuery(statement=statement, calls=calls, mean_ms=mean_ms, max_ms=max_ms)
        for statement, calls, mean_ms, max_ms in rows
    )


def _day_of(partition: str) -> date | None:
    found = _DAY.search(partition)
    return date(*map(int, found.groups())) if found else None


_RELATIONS = text(
    "SELECT c.relname, p.relname, greatest(c.reltuples, 0)::bigint, pg_table_size(c.oid), pg_indexes_size(c.oid) "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent "
    "WHERE c.relkind = 'r' AND n.nspname = current_schema()"
)
_KEEPS_STATEMENTS = text("SELECT to_regclass('pg_stat_statements') IS NOT NULL")
_SLOWEST = text(
    "SELECT left(query, 2000), calls, mean_exec_time, max_exec_time FROM pg_stat_statements s "
    "JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database() AND calls > 1 "
    "ORDER BY mean_exec_time DESC LIMIT :most"
)
