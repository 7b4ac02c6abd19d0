"""Rollups made anew from the rows are what writing gave."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.factories import NOON, make_span, make_trace, milliseconds
from tests.postgres.tables import rows
from tests.postgres.writing import opening, prepared, rate, store, trace_table
from tests.surroundings import PATIENCE_SECONDS, make_preparation
from tracing_core.backfill import backfill
from tracing_core.clock import ManualClock
from tracing_core.errors import Busy
from tracing_core.ledger import Ledger
from tracing_core.model import TraceStatus
from tracing_core.query import overview
from tracing_core.query.filters import TraceFilter
from tracing_core.storage.backfill import Hour, refill
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import trace_metrics
from tracing_core.storage.upkeep_lock import alone
from tracing_core.storage.write import TraceTable
from tracing_core.store import Store

CLOCK = ManualClock(datetime(2026, 11, 25, 3, tzinfo=UTC))


@pytest.fixture
def opened(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Opens stores on one database; they are closed after the test."""
    with opening(database_url, tmp_path, CLOCK) as open_one:
        yield open_one


def rollups(database: Database) -> dict[tuple[Any, ...], dict[str, Any]]:
    """What is counted, by key; rows of what was taken away again count nothing."""
    found = {}
    for row in rows(database, trace_metrics):
        key = tuple(row.pop(name) for name in ("granularity", "project", "bucket", "dimension", "value"))
        row["bins"] = dict(zip(row["bins"], row.pop("bin_counts"), strict=True))
        if row["stored"] or row["count"] > 1e-6:
            found[key] = row
    return found


def assert_same(one: dict[tuple[Any, ...], Any], other: dict[tuple[Any, ...], Any]) -> None:
    assert one.keys() == other.keys()
    for key, row in one.items():
        theirs = dict(other[key])
        assert row["bins"] == pytest.approx(theirs.pop("bins"), abs=1e-6), key
        numbers = {name: float(value) for name, value in row.items() if name != "bins"}
        assert numbers == pytest.approx({name: float(value) for name, value in theirs.items()}, rel=1e-6, abs=1e-6), key


def fill(database: Database, draw: random.Random) -> None:
    """Three days of traces, some in pieces, each with a probability of its own, some rated."""
    preparation = make_preparation(sampler=lambda row: random.Random(row["trace_id"]).choice([1.0, 0.8]))
    table = TraceTable(database, preparation)
    kept = []
    for number in range(40):
        start = NOON + timedelta(hours=draw.uniform(-36, 36))
        status = draw.choice([TraceStatus.COMPLETE, TraceStatus.COMPLETE, TraceStatus.FAILED])
        trace = make_trace(
            started_at=start, project=draw.choice(["shop", "desk"]), status=status,
            duration_ns=int(draw.lognormvariate(20, 1)), library=draw.choice(["fastapi", None]),
        )  # fmt: skip
        ready = preparation.prepare(trace)
        if ready is not None:
            table.write([ready], Ledger())
            kept.append(trace)
        root = make_span(name="otlp", started_at=start, attributes={"gen_ai.request.model": "gpt-4o-mini"})
        below = make_span(name=f"step {number}", parent_id=root.span_id, started_at=start)
        for piece in ([below], [root]):
            again = preparation.prepare(preparation.assemble(f"{number:032x}", piece))
            if again is not None:
                table.write([again], Ledger())
    for trace in kept[::3]:
        rate(database, trace, draw.randint(1, 5))


@pytest.mark.parametrize("seed", [1, 2])
def test_rollups_made_anew_are_what_writing_gave(opened: Callable[..., Store], seed: int) -> None:
    """Of all granularities and dimensions, with weights, joins and ratings; whatever was there instead."""
    opened_store = opened()
    fill(opened_store.database, random.Random(seed))
    before = rollups(opened_store.database)
    with opened_store.database.write() as connection:
        connection.execute(
            text("UPDATE trace_metrics SET count = count * 3, bins = '{1}', bin_counts = '{7}', stored = 0")
        )
        connection.execute(text("DELETE FROM trace_metrics WHERE dimension = 'model'"))
    done = backfill(opened_store, CLOCK)
    assert not done.left
    assert_same(rollups(opened_store.database), before)


def test_percentiles_of_rollups_are_within_one_percent(opened: Callable[..., Store]) -> None:
    """Of those that PostgreSQL finds among the rows, by hour and over all."""
    opened_store = opened()
    draw = random.Random(5)
    durations = [draw.lognormvariate(7, 1.5) for _ in range(400)]
    store(
        opened_store.database,
        *(
            make_trace(duration_ns=milliseconds(ms), started_at=NOON + timedelta(minutes=n))
            for n, ms in enumerate(durations)
        ),
    )
    backfill(opened_store, CLOCK)
    exact = text("SELECT percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms) FROM traces")
    with opened_store.database.read() as connection:
        wanted = connection.scalar(exact)
    found = overview.totals(opened_store.database, TraceFilter())
    assert [found.p50_ms, found.p95_ms, found.p99_ms] == pytest.approx(wanted, rel=0.0101)


def test_only_the_days_and_the_project_asked_for(opened: Callable[..., Store]) -> None:
    """The others stay as they are, wrong as they may be."""
    opened_store = opened()
    for day in (0, 1):
        for project in ("shop", "desk"):
            store(opened_store.database, make_trace(project=project, started_at=NOON + timedelta(days=day)))
    with opened_store.database.write() as connection:
        connection.execute(text("UPDATE trace_metrics SET errors = 99"))
    done = backfill(opened_store, CLOCK, since=date(2026, 11, 22), until=date(2026, 11, 22), project="shop")
    assert done.done == 1
    right = {key[1:3] for key, row in rollups(opened_store.database).items() if row["errors"] == 0 and key[0] == "hour"}
    assert right == {("shop", NOON + timedelta(days=1))}


def test_what_is_told_of_removed_traces_is_not_lost(opened: Callable[..., Store]) -> None:
    """An hour of which traces are gone is left, and said to be; unless the caller insists."""
    opened_store = opened()
    gone, stays = make_trace(), make_trace()
    store(opened_store.database, gone, stays)
    before = rollups(opened_store.database)
    with opened_store.database.write() as connection:
        connection.execute(text("DELETE FROM traces WHERE trace_id = :id"), {"id": gone.trace_id})
    done = backfill(opened_store, CLOCK)
    assert (done.done, done.left) == (0, (Hour(project="default", start=NOON),))
    assert_same(rollups(opened_store.database), before)
    assert not backfill(opened_store, CLOCK, even_if_fewer=True).left
    assert rollups(opened_store.database)["day", "default", NOON.replace(hour=0), "trace", ""]["count"] == 1


def test_no_minutes_are_made_that_would_be_removed(opened: Callable[..., Store]) -> None:
    """Before the day on which rollups by the minute begin there are hours and days only."""
    opened_store = opened(TRACEWHY_METRICS_DAYS=3)
    for day in (0, 2):
        store(opened_store.database, make_trace(started_at=NOON + timedelta(days=day)))
    backfill(opened_store, CLOCK)
    minutes = {key[2].date() for key in rollups(opened_store.database) if key[0] == "minute"}
    assert minutes == {date(2026, 11, 23)}


def test_one_process_at_a_time(opened: Callable[..., Store]) -> None:
    """Another is told so."""
    opened_store = opened()
    with alone(opened_store.database), pytest.raises(Busy):
        backfill(opened_store, CLOCK)
    backfill(opened_store, CLOCK)


def test_writers_at_the_same_time_are_not_lost(opened: Callable[..., Store]) -> None:
    """Traces and ratings that come while rollups are made anew count once."""
    opened_store = opened()
    database = opened_store.database
    first = [make_trace(duration_ns=milliseconds(10 + number)) for number in range(20)]
    store(database, *first)
    started, finished = threading.Event(), threading.Event()
    written: list[int] = []

    def write() -> None:
        table = trace_table(database)
        try:
            for number in range(40):
                table.write([prepared(make_trace(duration_ns=milliseconds(100 + number)))], Ledger())
                rate(database, first[number % 20], 1 + number % 5, user_id=f"user-{number % 3}")
                started.set()
                written.append(number)
        finally:
            finished.set()

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    assert started.wait(PATIENCE_SECONDS)
    while not finished.is_set():
        refill(database, Hour(project="default", start=NOON))
    for writer in writers:
        writer.join(PATIENCE_SECONDS)
    assert len(written) == 80
    by_writing = rollups(database)
    whole = by_writing["hour", "default", NOON, "trace", ""]
    assert whole["count"] == 100
    refill(database, Hour(project="default", start=NOON))
    assert_same(rollups(database), by_writing)
