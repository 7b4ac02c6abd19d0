"""The migrations build the schema that the code declares, and take it away again."""

from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import TextClause, inspect, text

from tests.factories import make_trace
from tests.postgres.writing import store
from tracing_core.errors import StorageError
from tracing_core.storage import migrate, monitoring_tables, side_tables, tables  # noqa: F401 - what they declare is compared
from tracing_core.storage.database import Database
from tracing_core.storage.schema import metadata

INDEXES = text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
CONSTRAINTS = text(
    "SELECT conrelid::regclass || ' ' || conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace"
)
STORAGE = text(
    "SELECT relname, coalesce(reloptions::text, '') FROM pg_class "
    "WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
)


def is_compared(thing: object, name: str | None, kind: str, *_: object) -> bool:
    """Partitions are declared by their parent; an index over an expression is compared by its definition below."""
    return not (name or "").startswith(("trace_spans_", "span_payloads_")) and name != "ix_traces_search"


def definitions(database: Database, query: TextClause) -> dict[str, str]:
    with database.read() as connection:
        return {name: what for name, what in connection.execute(query) if "_default" not in name + what}


def test_migrations_build_the_declared_schema(database: Database) -> None:
    """After all migrations nothing differs from tables.py: no table, column, type, comment or default."""
    options = {"compare_type": True, "compare_server_default": True, "include_object": is_compared}
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


@pytest.mark.parametrize("query", [INDEXES, CONSTRAINTS, STORAGE], ids=["indexes", "constraints", "storage"])
def test_migrations_build_the_declared_indexes(database: Database, empty_database_url: str, query: TextClause) -> None:
    """PostgreSQL describes every index, key, check and way of storing of the migrated schema as it does those made from tables.py."""
    declared = Database(empty_database_url)
    with declared.write() as connection:
        metadata.create_all(connection)
    built = {k: v for k, v in definitions(database, query).items() if "alembic_version" not in k}
    assert built == definitions(declared, query)
    assert len(built) >= 9
    declared.close()


def test_up_down_up(empty_database_url: str) -> None:
    """Down removes every table, and up after it builds them again."""
    database = Database(empty_database_url)
    migrate.upgrade(database)
    migrate.downgrade(database)
    with database.read() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    assert migrate.revision(database) is None
    migrate.upgrade(database)
    assert migrate.revision(database) == migrate.newest_revision()
    database.close()


def test_analyze_counts_no_words(database: Database) -> None:
    """It knows how often projects occur, and spends nothing on long texts and the words in them."""
    store(database, *(make_trace() for _ in range(3)))
    with database.write() as connection:
        connection.execute(text("ANALYZE traces"))
        counted = set(connection.scalars(text("SELECT attname FROM pg_stats WHERE tablename ~ '^(ix_)?traces'")))
    assert {"project", "started_at", "duration_ms"} <= counted
    assert not {"query", "answer", "attributes", "stage_ms", "to_tsvector"} & counted


def test_up_twice_changes_nothing(database: Database) -> None:
    """Upgrading a database that is up to date keeps what is in it."""
    with database.write() as connection:
        connection.execute(text("INSERT INTO ledger VALUES ('2026-11-21', 'native', 'stored', '', 1)"))
    migrate.upgrade(database)
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM ledger")).scalar() == 1


def test_processes_that_start_at_once_take_turns(empty_database_url: str) -> None:
    """Four upgrades at the same moment leave one schema and raise nothing."""
    databases = [Database(empty_database_url, pool_size=1) for _ in range(4)]
    failures: list[Exception] = []
    together = threading.Barrier(4)

    def start(database: Database) -> None:
        together.wait()
        try:
            migrate.upgrade(database)
        except StorageError as error:
            failures.append(error)

    threads = [threading.Thread(target=start, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert migrate.revision(databases[0]) == migrate.newest_revision()
    for database in databases:
        database.close()


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    """A revision that this version does not know stops it, in words that say what to do."""
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="newer version of Tracewhy"):
        migrate.upgrade(database)
