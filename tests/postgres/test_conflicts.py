"""Two transactions that are in each other's way: PostgreSQL ends one of them, and nobody is told that the database is away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, text

from tests.factories import make_trace
from tests.postgres.pieces_written import Writer, otlp
from tests.postgres.tables import assert_balanced, rows
from tests.postgres.writing import store
from tests.surroundings import PATIENCE_SECONDS
from tracing_core.errors import Conflict
from tracing_core.storage.database import Database
from tracing_core.storage.tables import trace_spans

A, B = "a" * 32, "b" * 32


@contextmanager
def alongside(work: Callable[[], object]) -> Iterator[None]:
    """Do `work` in a thread; what it raises is raised at the end."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test says it
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    if raised:
        raise raised[0]


def test_a_batch_that_lost_a_deadlock_is_written_at_once(database: Database) -> None:
    """The batch of pieces that PostgreSQL chose to end is stored all the same, once."""
    store(database, make_trace(trace_id=A), make_trace(trace_id=B))
    writer = Writer(database)
    pieces = [(trace_id, [otlp(900 + number, 1)]) for number, trace_id in enumerate((A, B))]
    locked = threading.Event()

    def write() -> None:
        assert locked.wait(PATIENCE_SECONDS)
        writer.write(*pieces)

    with alongside(write), database.write() as holder:
        holder.execute(text("SET LOCAL deadlock_timeout = '1min'"))  # the other one finds the deadlock, and is ended
        _lock(holder, B)
        locked.set()
        holder.execute(_UNTIL_SOMEBODY_WAITS)
        _lock(holder, A)
    assert len(rows(database, trace_spans)) == 2 * 3 + 2
    assert_balanced(database)


def test_what_stood_in_the_way_is_told_apart(database: Database) -> None:
    """A serialization failure passes at once; that the database cannot be reached does not."""
    store(database, make_trace(trace_id=A))
    with pytest.raises(Conflict), database.write() as late:  # noqa: PT012
        late.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
        late.execute(text("SELECT count(*) FROM traces"))
        with database.write() as first:
            first.execute(_CHANGE, {"trace_id": A})
        late.execute(_CHANGE, {"trace_id": A})


def _lock(connection: Connection, trace_id: str) -> None:
    connection.execute(text("SELECT FROM traces WHERE trace_id = :trace_id FOR UPDATE"), {"trace_id": trace_id})


_CHANGE = text("UPDATE traces SET query = 'changed' WHERE trace_id = :trace_id")
_UNTIL_SOMEBODY_WAITS = text("""
DO $$ BEGIN
    WHILE NOT EXISTS (
        SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))
    ) LOOP PERFORM pg_sleep(0.01); END LOOP;
END $$
""")
