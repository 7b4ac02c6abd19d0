"""The daily partitions of `trace_spans` and `span_payloads`. What has no partition for its day is in the default one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from psycopg2 import sql
from sqlalchemy import Connection, text

from tracing_core.storage.database import Database

PARTITION_LOCK = 7_201_113_120_002
"""Key of the advisory lock that is held while partitions are made."""

PARTITIONED = ("trace_spans", "span_payloads")


def partition_name(day: date, table: str = "trace_spans") -> str:
    """`trace_spans_20261121`: the part of a table that holds what began on that day, in UTC."""
    return f"{table}_{day:%Y%m%d}"


_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)


def plausible(day: date) -> bool:
    """Whether a clock that is right can have shown this day. Spans of other days go to the default partition."""
    return _FIRST_DAY <= day <= _LAST_DAY


def existing_partitions(connection: Connection, table: str = "trace_spans") -> set[str]:
    """The names of all partitions of a table, the default one included."""
    rows = connection.execute(
        text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = CAST(:table AS regclass)"
        ),
        {"table": table},
    )
    return set(rows.scalars())


def ensure_partitions(database: Database, days: Iterable[date]) -> None:
    """Make the partitions of these days that are missing.

    A partition is filled and indexed before it is attached, so that readers and writers of other days go on meanwhile.
    What the default partition holds of the day moves over. Each is made in a transaction of its own: writers go from one
    table to the other and back, and would block one who holds both, and be blocked.

    Args:
        database: where.
        days: in UTC.

    Raises:
        StorageError: the database did not do it; the partitions that were made stay.
    """
    wanted = sorted(set(days))
    with database.read() as connection:
        missing = _missing(connection, wanted)
    for day, table in missing:
        with database.write(limited="in its locks") as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PARTITION_LOCK})
            if (day, table) in _missing(connection, [day]):  # nobody else made it meanwhile
                _create(connection, day, table)


def _missing(connection: Connection, days: Iterable[date]) -> list[tuple[date, str]]:
    there = {name for table in PARTITIONED for name in existing_partitions(connection, table)}
    return [(day, table) for table in PARTITIONED for day in days if partition_name(day, table) not in there]


def _create(connection: Connection, day: date, table: str) -> None:
    start = datetime.combine(day, time(), UTC)
    parts = {
        "name": sql.Identifier(partition_name(day, table)),
        "table": sql.Identifier(table),
        "default": sql.Identifier(f"{table}_default"),
        "start": sql.Literal(start),
        "end": sql.Literal(start + timedelta(days=1)),
    }
    cursor = connection.connection.cursor()
    for statement in (_CREATE, _LOCK, _MOVE, _ATTACH):
        cursor.execute(sql.SQL(statement).format(**parts))
    cursor.close()


_CREATE = "CREATE TABLE {name} (LIKE {table} INCLUDING ALL)"
_LOCK = "LOCK TABLE {default} IN ACCESS EXCLUSIVE MODE"
_MOVE = (
    "WITH moved AS (DELETE FROM {default} WHERE started_at >= {start} AND started_at < {end} RETURNING *) "
    "INSERT INTO {name} SELECT * FROM moved"
)
_ATTACH = "ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})"
