"""The one door to PostgreSQL: connections, transactions, and the driver's errors put into our words."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import psycopg2
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tracing_core.errors import Conflict, DatabaseUnavailable, DataRejected, SettingsError, StorageError
from tracing_core.question_times import QuestionTimes
from tracing_core.storage.hanging import cut_off_after
from tracing_core.storage.statement_times import time_statements

CONNECT_SECONDS = 3
_QUERY_CANCELED = "57014"
_CONFLICTS = ("40001", "40P01")
"""Serialization failure and deadlock: the transaction was ended for another one, and would most likely work now."""
_NOT_THERE = ("42P01", "42703")
"""A table or a column that the schema does not have."""
_DATA_CLASSES = ("22", "23", "54")
"""SQLSTATE classes that blame the data: data exception, integrity violation, program limit (a row too wide for an index)."""
_PASSING_CLASSES = ("08", "25", "40", "53", "55", "57", "58")
"""SQLSTATE classes that pass: connection, wrong state (a replica), rollback, resources, locks, operator, system."""


class Database:
    """A PostgreSQL database with a pool of connections, opened when first needed. Safe to share between threads.

    Args:
        url: `postgresql://user:password@host:port/name`, with libpq's options after `?`; `postgres://` will do.
        statement_timeout_ms: the longest that one statement of `read()` may take; 0 for no limit.
        write_timeout_ms: the longest that one of a `write()` that is limited may take; 0 for no limit.
        pool_size: connections kept open; as many again are opened when these are busy.
        revive: called when there is no server to connect to, before that is tried once more; raises DatabaseUnavailable.

    Raises:
        SettingsError: the URL is not one of a PostgreSQL database.
    """

    def __init__(
        self,
        url: str,
        statement_timeout_ms: int = 15_000,
        pool_size: int = 5,
        *,
        write_timeout_ms: int = 30_000,
        revive: Callable[[], object] | None = None,
    ) -> None:
        self._url = parse_url(url)
        self._statement_timeout_ms = statement_timeout_ms
        self._write_timeout_ms = write_timeout_ms
        self._engine = _engine(self._url, pool_size)
        self.times = QuestionTimes()
        time_statements(self._engine, self.times)
        if revive is not None:
            event.listen(self._engine, "do_connect", _connecting(revive))

    @property
    def address(self) -> str:
        """Host and name of the database, without user and password."""
        host = self._url.query.get("host") or self._url.host or "localhost"
        port = f":{self._url.port}" if self._url.port else ""
        return f"{host}{port}/{self._url.database or ''}"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that reads only, each statement bounded by the time limit.

        Raises:
            DatabaseUnavailable: PostgreSQL cannot be reached or went away.
            StorageError: a statement took too long, or failed for another reason.
        """
        with self._translated(reading=True), self._engine.begin() as connection:
            connection.execute(_READ_ONLY, {"ms": str(self._statement_timeout_ms)})
            yield connection

    @contextmanager
    def write(self, limited: Literal["not", "in its locks", "in all"] = "not") -> Iterator[Connection]:
        """A transaction that is committed when the block ends, and rolled back when it raises.

        Args:
            limited: what the time limit of writing is for: the waits for locks, or every statement and a server that
                says nothing any more. What may take long by its nature, as migrations may, has none.

        Raises:
            DatabaseUnavailable: PostgreSQL cannot be reached or went away, or took too long.
            Conflict: PostgreSQL ended it for another transaction; trying again at once will most likely help.
            DataRejected: PostgreSQL refused the data.
            StorageError: a statement failed for another reason.
        """
        with self._translated(), self._engine.begin() as connection, ExitStack() as limits:
            if limited != "not" and self._write_timeout_ms:
                if limited == "in all":
                    driver_connection = connection.connection.driver_connection
                    seconds = self._write_timeout_ms / 1000 * _STATEMENTS_THAT_MAY_BE_SLOW
                    limits.enter_context(cut_off_after(driver_connection, seconds))
                ms = self._write_timeout_ms
                connection.execute(_LIMITS, {"lock": str(ms), "statement": str(ms if limited == "in all" else 0)})
            yield connection

    @contextmanager
    def raw(self) -> Iterator[Any]:
        """The same as `write()`, with psycopg2's own connection, which can COPY.

        Raises:
            DatabaseUnavailable, DataRejected, StorageError: as `write()`.
        """
        with self.write() as connection:
            yield connection.connection.driver_connection

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """A connection without a transaction, for statements that cannot run in one, such as VACUUM.

        Raises:
            DatabaseUnavailable, DataRejected, StorageError: as `write()`.
        """
        with self._translated(), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def ping(self) -> None:
        """Ask the server for a sign of life.

        Raises:
            DatabaseUnavailable: there was none.
        """
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()

    @contextmanager
    def _translated(self, *, reading: bool = False) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, psycopg2.Error) as error:
            raise self._in_our_words(error, reading=reading) from error
        except PoolTimeout as error:
            raise DatabaseUnavailable(f"all connections to {self.address} are busy; try again in a moment") from error

    def _in_our_words(self, error: DBAPIError | psycopg2.Error, *, reading: bool) -> StorageError:
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "pgcode", None) or ""
        said = (str(cause).strip() or "no reason given").splitlines()[0]
        if code == _QUERY_CANCELED and reading:
            limit = self._statement_timeout_ms / 1000
            return StorageError(f"the database did not answer within {limit:g} s; choose a shorter time range")
        if code.startswith(_DATA_CLASSES) or (not code and isinstance(cause, psycopg2.DataError)):
            return DataRejected(f"the database refused the data: {said}")
        if code in _CONFLICTS:
            return Conflict(f"another transaction was in the way: {said}; try again")
        if code in _NOT_THERE:
            mend = "bring the schema up to date: .venv/bin/python -m tracing_core migrate"
            return StorageError(f"the database at {self.address} failed: {said}; {mend}")
        lost = not code and isinstance(
            cause, psycopg2.OperationalError | psycopg2.InterfaceError | psycopg2.DatabaseError
        )
        if code.startswith(_PASSING_CLASSES) or lost:
            return DatabaseUnavailable(
                f"the database at {self.address} cannot be used: {said}; "
                "check that PostgreSQL runs and that DATABASE_URL is right"
            )
        return StorageError(f"the database at {self.address} failed: {said}")


_LIMITS = text("SELECT set_config('lock_timeout', :lock, true), set_config('statement_timeout', :statement, true)")
_STATEMENTS_THAT_MAY_BE_SLOW = 2
_READ_ONLY = text("SELECT set_config('transaction_read_only', 'on', true), set_config('statement_timeout', :ms, true)")


def parse_url(url: str) -> URL:
    """The URL for SQLAlchemy's psycopg2 dialect, with a short connect timeout and our name unless it gives its own.

    Raises:
        SettingsError: it is not the URL of a PostgreSQL database. The message does not repeat it: it may hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise SettingsError(f"DATABASE_URL: {_EXPECTED}") from error
    if parsed.drivername.partition("+")[0] not in ("postgres", "postgresql"):
        raise SettingsError(f"DATABASE_URL: {_EXPECTED}; only PostgreSQL is supported")
    defaults = {"connect_timeout": str(CONNECT_SECONDS), "application_name": "tracewhy"}
    parsed = parsed.set(drivername="postgresql+psycopg2").update_query_dict({**defaults, **parsed.query})
    try:
        psycopg2.extensions.make_dsn(**{k: v for k, v in parsed.query.items() if isinstance(v, str)})
    except psycopg2.ProgrammingError as error:
        raise SettingsError(f"DATABASE_URL: {str(error).strip()}") from error
    return parsed


_EXPECTED = "is not a database URL; expected postgresql://user:password@host:5432/name"


def _engine(url: URL, pool_size: int) -> Engine:
    engine = create_engine(
        url, pool_size=pool_size, max_overflow=pool_size, pool_timeout=5, pool_pre_ping=True, pool_recycle=1800
    )
    event.listen(engine, "connect", _use_utc)
    ping = engine.dialect.do_ping

    def brief_ping(connection: Any) -> bool:
        """The pool's look at a connection that it kept; no longer than it takes to open a new one."""
        with cut_off_after(connection, CONNECT_SECONDS):
            return ping(connection)

    engine.dialect.do_ping = brief_ping  # type: ignore[assignment,method-assign]
    reference = weakref.ref(engine)

    def forget_connections() -> None:
        """A forked child must not talk on its parent's connections, nor close them."""
        if (inherited := reference()) is not None:
            inherited.dispose(close=False)

    os.register_at_fork(after_in_child=forget_connections)
    return engine


def _connecting(revive: Callable[[], object]) -> Callable[..., Any]:
    def connect(dialect: Any, _record: object, arguments: Any, options: Any) -> Any:
        try:
            return dialect.connect(*arguments, **options)
        except psycopg2.OperationalError:
            revive()
            return dialect.connect(*arguments, **options)

    return connect


def _use_utc(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
    connection.commit()
