"""Spans live in a partition per day, which can be made at any time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from sqlalchemy import text

from tracing_core.storage.database import Database
from tracing_core.storage.partitions import ensure_partitions, existing_partitions

DAY = date(2026, 11, 21)


def insert_span(database: Database, started_at: str) -> None:
    statement = text(
        "INSERT INTO trace_spans (trace_id, span_id, position, name, kind, started_at, status, decision_count, part)"
        " VALUES ('t', 's', 0, 'n', 'TOOL', :at, 'ok', 0, 0)"
    )
    with database.write() as connection:
        connection.execute(statement, {"at": started_at})


def homes(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(text("SELECT CAST(tableoid::regclass AS text) FROM trace_spans")).scalars())


def test_a_span_goes_to_the_partition_of_its_day(database: Database) -> None:
    """The day counts in UTC, from midnight to midnight."""
    ensure_partitions(database, [DAY, date(2026, 11, 22)])
    for moment in ("2026-11-21T00:00:00Z", "2026-11-21T23:59:59.999999Z", "2026-11-22T00:30:00+01:00"):
        insert_span(database, moment)
    assert homes(database) == ["trace_spans_20261121"] * 3


def test_a_span_of_a_day_without_partition_is_kept(database: Database) -> None:
    """It goes to the default partition, and to that of its day when this is made later."""
    insert_span(database, "1970-01-01T00:00:00Z")
    assert homes(database) == ["trace_spans_default"]
    ensure_partitions(database, [date(1970, 1, 1)])
    assert homes(database) == ["trace_spans_19700101"]


def test_partitions_made_twice_and_at_once_are_made_once(database: Database) -> None:
    """Threads that ask for the same day at the same moment all go on."""
    together = threading.Barrier(4)
    done: list[bool] = []

    def ask() -> None:
        together.wait()
        ensure_partitions(database, [DAY, DAY])
        done.append(True)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [True] * 4
    with database.read() as connection:
        assert existing_partitions(connection) == {"trace_spans_20261121", "trace_spans_default"}


def test_partitions_are_made_beside_a_writer(database: Database) -> None:
    """A writer goes to the spans and to their contents in any order; whoever makes partitions holds one of them at most."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'span_payloads_default'::regclass"
    with ThreadPoolExecutor(1) as other:
        with database.write() as writer:
            writer.execute(text("SELECT count(*) FROM span_payloads_default"))
            made = other.submit(ensure_partitions, database, [DAY])
            with database.autocommit() as watcher:
                while not watcher.scalar(text(waiting)):
                    assert not made.done()
            writer.execute(text("SELECT count(*) FROM trace_spans_default"))
        made.result(20)
    with database.read() as connection:
        assert existing_partitions(connection, "span_payloads") == {"span_payloads_20261121", "span_payloads_default"}
