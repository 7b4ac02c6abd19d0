"""How fast the writer stores: spans a second, files and database included, and bytes a trace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import text as sql

from bench.measure import Figure
from bench.workload import make_requests, record_request
from tracing_core.storage.embedded import release_embedded
from tracing_core.store import Store, init

TRACES = 3_000
SPANS_PER_TRACE = 6


def measure() -> Iterator[Figure]:
    """The figures of this module; starts an embedded PostgreSQL of its own."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        store = init(TRACEWHY_DATA_DIR=directory)
        yield from _writer_figures(store, Path(directory))
        store.close()
        release_embedded()


def _writer_figures(store: Store, directory: Path) -> Iterator[Figure]:
    requests = make_requests(TRACES + 1)
    record_request(requests.pop()).result(60)
    empty = _database_bytes(store)
    start, cpu = time.perf_counter(), time.process_time()
    receipts = [record_request(request) for request in requests]
    stored = [receipt.result(120) for receipt in receipts]
    taken, cpu = time.perf_counter() - start, time.process_time() - cpu
    assert all(outcome["database"] == "saved" for outcome in stored), "a trace was not stored"
    grown = _database_bytes(store) - empty
    files = sum(path.stat().st_size for path in directory.glob("projects/*/_traces/*.json"))
    spans = TRACES * SPANS_PER_TRACE
    yield Figure(what="durable spans a second, recording, files and database", value=spans / taken, unit="spans/s")
    yield Figure(
        what="CPU of a span in our process, background included", value=cpu / spans * 1e6, unit="µs", target="30 µs"
    )
    yield Figure(what="database bytes a trace, indexes included", value=grown / TRACES / 1000, unit="kB", target="8 kB")
    yield Figure(what="file bytes a trace", value=files / TRACES / 1000, unit="kB")


def _database_bytes(store: Store) -> int:
    with store.database.read() as connection:
        return int(connection.scalar(sql("SELECT pg_database_size(current_database())")) or 0)
