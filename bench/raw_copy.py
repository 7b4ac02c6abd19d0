"""The measure of the machine: how quickly PostgreSQL takes the very rows that the service stored, by `COPY` and nothing else.

The rows are copied out once, and then timed back into fresh tables that have the same columns, indexes, constraints and
partitions (foreign keys left out, which favours the raw COPY), by one connection that commits after each table.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from psycopg2 import sql
from sqlalchemy import text

from tracing_core.storage.database import Database
from tracing_core.storage.schema import metadata

TABLES = ("traces", "trace_spans", "span_payloads", "decisions")
"""The rows that a trace becomes; of them those are used that this version has."""

_SCHEMA = "bench_raw"
_ROUNDS = 2

_COLUMNS = text(
    "SELECT attname FROM pg_attribute WHERE attrelid = CAST(:name AS regclass) AND attnum > 0 AND NOT attisdropped "
    "AND attgenerated = '' ORDER BY attnum"
)
_PARTITIONS = text(
    "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = CAST(:name AS regclass)"
)
_PARTITION_KEY = text("SELECT pg_get_partkeydef(CAST(:name AS regclass))")


@dataclass(frozen=True, kw_only=True, slots=True)
class RawCopy:
    """How long COPY took, the quickest of some rounds, and how many bytes it was given."""

    seconds: float
    copied_bytes: int


def raw_copy(database: Database) -> RawCopy:
    """Time COPY of all rows of the tables of traces.

    Raises:
        StorageError: the database did not do it.
    """
    tables = [name for name in TABLES if name in metadata.tables]
    with TemporaryDirectory() as directory:
        files = {name: Path(directory) / name for name in tables}
        for name, file in files.items():
            _copy_out(database, name, file)
        with _fresh_tables(database, tables):
            best = min(_round(database, files) for _ in range(_ROUNDS))
        return RawCopy(seconds=best, copied_bytes=sum(file.stat().st_size for file in files.values()))


def _copy_out(database: Database, name: str, file: Path) -> None:
    statement = sql.SQL("COPY (SELECT {columns} FROM {table}) TO STDOUT")
    with database.raw() as connection, connection.cursor() as cursor, file.open("wb") as out:
        columns = _columns(database, name)
        cursor.copy_expert(statement.format(columns=columns, table=sql.Identifier(name)), out)


def _round(database: Database, files: dict[str, Path]) -> float:
    _empty(database, list(files))
    statement = sql.SQL("COPY {table} ({columns}) FROM STDIN")
    into = {name: statement.format(table=_fresh(name), columns=_columns(database, name)) for name in files}
    start = time.perf_counter()
    for name, file in files.items():
        with database.raw() as connection, connection.cursor() as cursor, file.open("rb") as content:
            cursor.copy_expert(into[name], content)
    return time.perf_counter() - start


def _empty(database: Database, tables: Sequence[str]) -> None:
    """Nothing of an earlier round, and nothing for a checkpoint to do meanwhile."""
    with database.raw() as connection, connection.cursor() as cursor:
        for name in tables:
            cursor.execute(sql.SQL("TRUNCATE {table}").format(table=_fresh(name)))
    with database.autocommit() as connection:
        connection.execute(text("CHECKPOINT"))


def _columns(database: Database, name: str) -> sql.Composed:
    with database.read() as connection:
        names = connection.execute(_COLUMNS, {"name": name}).scalars().all()
    return sql.SQL(", ").join(map(sql.Identifier, names))


@contextmanager
def _fresh_tables(database: Database, tables: Sequence[str]) -> Iterator[None]:
    drop = sql.SQL("DROP SCHEMA IF EXISTS {schema} CASCADE").format(schema=sql.Identifier(_SCHEMA))
    try:
        with database.raw() as connection, connection.cursor() as cursor:
            cursor.execute(drop)
            cursor.execute(sql.SQL("CREATE SCHEMA {schema}").format(schema=sql.Identifier(_SCHEMA)))
            for name in tables:
                _create_like(database, cursor, name)
        yield
    finally:
        with database.raw() as connection, connection.cursor() as cursor:
            cursor.execute(drop)


def _create_like(database: Database, cursor: Any, name: str) -> None:
    with database.read() as connection:
        key = connection.scalar(_PARTITION_KEY, {"name": name})
        partitions = connection.execute(_PARTITIONS, {"name": name}).all()
    like = sql.SQL("CREATE TABLE {fresh} (LIKE {old} INCLUDING ALL)")
    by = sql.SQL(" PARTITION BY " + key) if key else sql.SQL("")
    cursor.execute(like.format(fresh=_fresh(name), old=sql.Identifier(name)) + by)
    attach = sql.SQL("ALTER TABLE {parent} ATTACH PARTITION {part} ")
    for partition, bounds in partitions:
        cursor.execute(like.format(fresh=_fresh(partition), old=sql.Identifier(partition)))
        cursor.execute(attach.format(parent=_fresh(name), part=_fresh(partition)) + sql.SQL(bounds))


def _fresh(name: str) -> sql.Identifier:
    return sql.Identifier(_SCHEMA, name)
