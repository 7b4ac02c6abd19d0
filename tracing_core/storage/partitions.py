"""The daily partitions of `trace_spans`. A span whose day has none is kept in the default partition."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from psycopg2 import sql
from sqlalchemy import Connection, text

PARTITION_LOCK = 7_201_113_120_002
"""Key of the advisory lock that is held while partitions are made."""


def partition_name(day: date) -> str:
    """`trace_spans_20261121`: the table that holds the spans which began on that day, in UTC."""
    return f"trace_spans_{day:%Y%m%d}"


def existing_partitions(connection: Connection) -> set[str]:
    """The names of all partitions, the default one included."""
    rows = connection.execute(
        text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = 'trace_spans'::regclass"
        )
    )
    return set(rows.scalars())


def ensure_partitions(connection: Connection, days: Iterable[date]) -> None:
    """Make the partitions of these days that are missing. Call it in a transaction of its own.

    A partition is filled and indexed before it is attached, so that readers and writers of other days go on meanwhile.
    Spans of the day that are in the default partition move over.

    Args:
        connection: in a transaction that can write; the partitions are there for others once it is committed.
        days: in UTC.
    """
    wanted = sorted(set(days))
    if not wanted or {partition_name(day) for day in wanted} <= existing_partitions(connection):
        return
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PARTITION_LOCK})
    there = existing_partitions(connection)
    for day in wanted:
        if partition_name(day) not in there:
            _create(connection, day)


def _create(connection: Connection, day: date) -> None:
    start = datetime.combine(day, time(), UTC)
    parts = {"name": sql.Identifier(partition_name(day)), "start": sql.Literal(start)}
    parts["end"] = sql.Literal(start + timedelta(days=1))
    cursor = connection.connection.cursor()
    for statement in (_CREATE, _LOCK, _MOVE, _ATTACH):
        cursor.execute(sql.SQL(statement).format(**parts))
    cursor.close()


_CREATE = "CREATE TABLE {name} (LIKE trace_spans INCLUDING ALL)"
_LOCK = "LOCK TABLE trace_spans_default IN ACCESS EXCLUSIVE MODE"
_MOVE = (
    "WITH moved AS (DELETE FROM trace_spans_default WHERE started_at >= {start} AND started_at < {end} RETURNING *) "
    "INSERT INTO {name} SELECT * FROM moved"
)
_ATTACH = "ALTER TABLE trace_spans ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})"
