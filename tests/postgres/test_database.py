"""The door to PostgreSQL says in our words what went wrong, and never says a password."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from sqlalchemy import text

from tracing_core.errors import DatabaseUnavailable, DataRejected, SettingsError, StorageError
from tracing_core.storage.database import Database, parse_url


def run(database: Database, statement: str) -> object:
    with database.write() as connection:
        return connection.execute(text(statement)).scalar()


@pytest.mark.parametrize(
    "url",
    [
        "", "nonsense", "mysql://host/name", "sqlite:///x.db", "postgresql://host:port/name", "postgresql://h/x?nosuch=1",
        "postgresql://[::1/name",
    ],
)  # fmt: skip
def test_what_is_no_url_of_postgresql_names_the_setting(url: str) -> None:
    """Before anything is connected to."""
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        Database(url)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+asyncpg"])
def test_every_spelling_of_postgresql_will_do(scheme: str) -> None:
    """What hosting providers give out works as it is, with its options."""
    url = parse_url(f"{scheme}://me:pw@db.example:5433/traces?sslmode=require&connect_timeout=9")
    assert (url.drivername, url.host, url.port, url.database) == ("postgresql+psycopg2", "db.example", 5433, "traces")
    assert url.query["sslmode"] == "require"
    assert url.query["connect_timeout"] == "9"
    assert url.query["application_name"] == "tracewhy"


@pytest.mark.parametrize(
    "url", ["postgresql://me:s3cret@127.0.0.1:1/traces", "postgresql:///traces?host=/nowhere&password=s3cret"]
)
def test_a_server_that_is_away_is_named_without_its_password(url: str) -> None:
    """Who reads the message knows what to check."""
    with pytest.raises(DatabaseUnavailable) as caught:
        Database(url).ping()
    assert "DATABASE_URL" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "traces" in str(caught.value)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO traces (trace_id) VALUES ('x')",
        "INSERT INTO ledger VALUES ('2026-11-21', 'a', 'b', 'c', 1), ('2026-11-21', 'a', 'b', 'c', 1)",
        "SELECT CAST('x' AS integer)",
        "INSERT INTO ledger SELECT '2026-11-21', string_agg(md5(CAST(i AS text)), ''), 'b', 'c', 1 FROM generate_series(1, 9999) i",
    ],
    ids=["null", "twice", "type", "too wide for an index"],
)
def test_refused_data_is_told_apart(database: Database, statement: str) -> None:
    """Trying again will not help, so the writer looks for the row at fault."""
    with pytest.raises(DataRejected):
        run(database, statement)


def test_a_broken_statement_is_neither_away_nor_data(database: Database) -> None:
    """It is a fault of ours."""
    with pytest.raises(StorageError) as caught:
        run(database, "SELECT nonsense")
    assert type(caught.value) is StorageError


def test_a_schema_of_another_version_says_the_way_out(database: Database) -> None:
    """A table or a column that is not there is one that a migration makes."""
    for statement in ("SELECT * FROM trace_of_tomorrow", "SELECT of_tomorrow FROM traces"):
        with pytest.raises(StorageError, match=r"of_tomorrow.* does not exist; .* -m tracing_core migrate"):
            run(database, statement)


def test_reading_cannot_write(database: Database) -> None:
    """Whatever a query does."""
    with pytest.raises(StorageError), database.read() as connection:
        connection.execute(text("DELETE FROM traces"))


def test_reading_has_a_time_limit(database_url: str) -> None:
    """A query that takes too long ends with advice; the connection serves the next one."""
    database = Database(database_url, statement_timeout_ms=50)
    with pytest.raises(StorageError, match="choose a shorter time range"), database.read() as connection:
        connection.execute(text("SELECT pg_sleep(60)"))
    database.ping()
    assert run(database, "SELECT current_setting('statement_timeout')") == "0"
    database.close()


def test_a_write_that_raises_leaves_nothing(database: Database) -> None:
    """A block is a transaction."""
    insert = text("INSERT INTO ledger VALUES ('2026-11-21', 'a', 'b', 'c', 1)")
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        assert connection.execute(insert).rowcount / 0
    assert run(database, "SELECT count(*) FROM ledger") == 0


def test_a_raw_connection_is_in_the_same_kind_of_transaction(database: Database) -> None:
    """What psycopg2 wrote is committed at the end of the block, and its errors are ours."""
    with database.raw() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO ledger VALUES ('2026-11-21', 'a', 'b', 'c', 1)")
    assert run(database, "SELECT count(*) FROM ledger") == 1
    with pytest.raises(DataRejected), database.raw() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")


def test_times_are_utc(database: Database) -> None:
    """Whatever the server's own time zone."""
    assert run(database, "SELECT current_setting('TimeZone')") == "UTC"


def end_connections(database_url: str) -> None:
    """As a restart of the server does."""
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    other = Database(database_url)
    run(other, others)
    other.close()


def test_a_lost_connection_is_replaced(database: Database, database_url: str) -> None:
    """The pool notices that the server ended its connections."""
    database.ping()
    end_connections(database_url)
    database.ping()


def test_a_connection_lost_in_the_middle_is_said(database: Database, database_url: str) -> None:
    """Trying again may help, and does."""
    with pytest.raises(DatabaseUnavailable), database.write() as connection:
        connection.execute(text(f"SELECT {end_connections(database_url) or 1}"))
    database.ping()


def test_many_threads_share_it(database: Database) -> None:
    """More threads than connections wait for their turn."""
    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(lambda number: run(database, f"SELECT {number}"), range(100))) == list(range(100))


def _ping_and_report(database: Database, answers: object) -> None:
    answers.put(run(database, "SELECT pg_backend_pid()"))  # type: ignore[attr-defined]


def test_a_forked_child_opens_connections_of_its_own(database: Database) -> None:
    """Parent and child would garble each other on one connection."""
    before = run(database, "SELECT pg_backend_pid()")
    fork = multiprocessing.get_context("fork")
    answers = fork.SimpleQueue()
    child = fork.Process(target=_ping_and_report, args=(database, answers))
    child.start()
    assert answers.get() != before
    child.join()
    assert run(database, "SELECT pg_backend_pid()") == before


def test_writing_has_a_time_limit(database_url: str, database: Database) -> None:
    """Each statement and each wait for a lock; it counts as being away, so that what was to be written waits on disk."""
    hasty = Database(database_url, write_timeout_ms=50)
    with pytest.raises(DatabaseUnavailable, match="timeout"), hasty.write(limited="in all") as connection:
        connection.execute(text("SELECT pg_sleep(60)"))
    with database.write() as holder:
        holder.execute(text("LOCK TABLE traces"))
        with pytest.raises(DatabaseUnavailable, match="timeout"), hasty.write(limited="in its locks") as connection:
            connection.execute(text("SELECT pg_sleep(0.2), (SELECT count(*) FROM traces)"))
    with hasty.write(limited="in its locks") as connection:
        connection.execute(text("SELECT pg_sleep(0.2)"))
    assert run(hasty, "SELECT current_setting('statement_timeout') || current_setting('lock_timeout')") == "00"
    hasty.close()


@pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="the server's processes may be on another machine")
def test_a_server_that_falls_silent_is_let_go(database_url: str) -> None:
    """A backend that is stopped answers nothing, not even its time limits: the wait for it ends all the same, also that
    for a connection which was kept, and the next one is new.
    """
    hasty = Database(database_url, write_timeout_ms=100)
    with pytest.raises(DatabaseUnavailable, match="closed the connection"), hasty.write(limited="in all") as connection:  # noqa: PT012
        backend = psutil.Process(connection.scalar(text("SELECT pg_backend_pid()")))
        backend.suspend()
        connection.execute(text("SELECT 1"))
    backend.resume()
    kept = psutil.Process(run(hasty, "SELECT pg_backend_pid()"))
    kept.suspend()
    assert run(hasty, "SELECT pg_backend_pid()") != kept.pid
    kept.resume()
    hasty.close()
