"""The database goes away in the middle: requests go on, files are written, rows follow, the ledger balances (B5, E15)."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

import tracing_core as tracing
from tests.factories import NOON
from tests.faults.switch import Switch
from tests.surroundings import PATIENCE_SECONDS, finished
from tracing_core.clock import ManualClock
from tracing_core.runtime import Runtime, configure
from tracing_core.settings import read_settings
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import ledger, trace_metrics
from tracing_core.storage.tables import traces
from tracing_core.store import Store, open_store

pytestmark = pytest.mark.faults


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def store(database_url: str, data_dir: Path, clock: ManualClock) -> Iterator[Store]:
    yield from recording(database_url, data_dir, clock)


def recording(database_url: str, data_dir: Path, clock: ManualClock) -> Iterator[Store]:
    settings = read_settings(database_url=database_url, TRACEWHY_DATA_DIR=data_dir, TRACEWHY_BATCH_SIZE=4)
    opened = open_store(settings, clock=clock)
    restore = configure(Runtime(clock=clock, sink=opened.writer))
    yield opened
    restore()
    opened.close()


def request() -> dict[str, Any]:
    """One request from its start to the outcome of its trace."""
    trace = finished(tracing.TraceContext.start(query="How?"))
    with tracing.span("generation"):
        trace.answer = "x" * 60
    trace.mark_complete()
    return tracing.TraceContext.finish(trace).result(PATIENCE_SECONDS)


def later(store: Store, clock: ManualClock, seconds: float = 60) -> None:
    """What the writer does when that much time has passed."""
    clock.advance(seconds)
    assert store.writer.flush(PATIENCE_SECONDS)


def stored(database: Database) -> set[str]:
    with database.read() as connection:
        return set(connection.execute(select(traces.c.trace_id)).scalars())


def counted(database: Database) -> dict[str, int]:
    """The ledger by outcome, and how many traces the rollups know."""
    with database.read() as connection:
        lines = connection.execute(select(ledger.c.outcome, func.sum(ledger.c.count)).group_by(ledger.c.outcome)).all()
        whole = (trace_metrics.c.dimension == "trace") & (trace_metrics.c.granularity == "day")
        rolled_up = connection.scalar(select(func.sum(trace_metrics.c.count)).where(whole))
    return {outcome: int(count) for outcome, count in lines} | {"rolled up": int(rolled_up or 0)}


def test_rows_follow_when_the_database_is_back(
    store: Store, switch: Switch, clock: ManualClock, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Meanwhile requests go on and their files are written; each trace is counted once."""
    before = [request() for _ in range(3)]
    switch.off()
    during = [request() for _ in range(10)]
    later(store, clock)
    during += [request() for _ in range(2)]
    assert {outcome["database"] for outcome in before} == {"saved"}
    assert {outcome["database"] for outcome in during} == {"spooled"}
    assert all("cannot be used" in outcome["database_error"] for outcome in during)
    assert all(Path(outcome["file_path"]).is_file() for outcome in during)
    assert store.writer.stats().waiting == 12
    switch.on()
    later(store, clock)
    after = [request()]
    assert stored(database) == {outcome["trace_id"] for outcome in before + during + after}
    assert counted(database) == {"received": 16, "stored": 16, "rolled up": 16}
    assert (store.writer.stats().waiting, store.writer.stats().problem) == (0, None)
    assert [record.levelno for record in caplog.records if "wait on disk" in record.message] == [logging.ERROR]


def test_a_batch_that_is_cut_off_is_written_whole_later(
    store: Store, switch: Switch, clock: ManualClock, database: Database
) -> None:
    """The connection breaks while the rows go in; nothing of it stays, and all of it comes in once."""
    first = request()
    with database.write() as blocker:
        blocker.execute(text("LOCK TABLE trace_metrics IN ACCESS EXCLUSIVE MODE"))
        receipts = [tracing.TraceContext.finish(tracing.TraceContext.start()) for _ in range(4)]
        wait_until(switch.waiting_for_a_lock)
        blocker.execute(
            text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        )
    assert {receipt.result(PATIENCE_SECONDS)["database"] for receipt in receipts} == {"spooled"}
    assert stored(database) == {first["trace_id"]}
    later(store, clock)
    assert counted(database) == {"received": 5, "stored": 5, "rolled up": 5}


def wait_until(happened: Any) -> None:
    """Ask PostgreSQL, which tells nobody by itself, until it says so."""
    for _ in range(2000):
        if happened():
            return
    raise AssertionError("it did not happen")


def test_what_waits_is_stored_by_the_next_process(
    switch: Switch, clock: ManualClock, database: Database, database_url: str, data_dir: Path
) -> None:
    """A program that ends while the database is away leaves its traces to the one that starts next."""
    first = recording(database_url, data_dir, clock)
    next(first)
    switch.off()
    outcome = request()
    assert outcome["database"] == "spooled"
    assert list(first) == []
    switch.on()
    second = recording(database_url, data_dir, clock)
    store = next(second)
    store.writer.replay()
    assert store.writer.flush(PATIENCE_SECONDS)
    assert stored(database) == {outcome["trace_id"]}
    assert list(second) == []
    assert counted(database) == {"received": 1, "stored": 1, "rolled up": 1}


def test_a_batch_that_was_stored_but_not_forgotten_counts_once(
    store: Store, switch: Switch, clock: ManualClock, database: Database, data_dir: Path
) -> None:
    """As when the process dies between the two: it comes again, and the ledger says so."""
    switch.off()
    request()
    (waiting,) = (data_dir / "spool" / "waiting").iterdir()
    content = waiting.read_bytes()
    switch.on()
    later(store, clock)
    waiting.write_bytes(content)
    later(store, clock)
    assert counted(database) == {"received": 2, "stored": 2, "rolled up": 1}
    assert list((data_dir / "spool" / "waiting").iterdir()) == []


def test_a_database_that_was_never_there_stops_nothing(data_dir: Path, clock: ManualClock) -> None:
    """A program starts, records and ends; its traces are in files and wait."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"postgresql://nobody@127.0.0.1:{unused.getsockname()[1]}/nothing"
        running = recording(url, data_dir, clock)
        store = next(running)
        outcome = request()
        assert outcome["database"] == "spooled"
        assert Path(outcome["file_path"]).is_file()
        assert list(running) == []
        assert store.writer.stats().waiting == 1


def test_database_and_spool_away_is_said_and_counted(
    store: Store,
    switch: Switch,
    clock: ManualClock,
    database: Database,
    data_dir: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The trace's row is lost, its file is not, and the host goes on."""
    (data_dir / "spool").write_text("not a directory")
    switch.off()
    lost = [request() for _ in range(2)]
    assert {outcome["database"] for outcome in lost} == {"dropped"}
    assert all(Path(outcome["file_path"]).is_file() for outcome in lost)
    assert "cannot be kept" in caplog.text
    switch.on()
    later(store, clock)
    assert counted(database) == {"received": 2, "dropped": 2, "rolled up": 0}


def test_everything_away_is_said_and_counted(
    store: Store, switch: Switch, clock: ManualClock, database: Database, data_dir: Path
) -> None:
    """No database, no files, no spool: the host goes on, and the receipt names each reason."""
    for name in ("projects", "spool"):
        (data_dir / name).write_text("not a directory")
    switch.off()
    outcome = request()
    assert (outcome["database"], outcome["file_path"]) == ("dropped", None)
    assert outcome["file_error"]
    assert outcome["database_error"]
    switch.on()
    later(store, clock)
    assert counted(database) == {"received": 1, "dropped": 1, "rolled up": 0}


_SAVED_THEN_KILLED = """
import os, signal, sys
import tracing_core as tracing
tracing.init(database_url=sys.argv[1], TRACEWHY_DATA_DIR=sys.argv[2])
trace = tracing.TraceContext.start(query="How?")
with trace.span("generation"):
    trace.answer = "x" * 60
trace.mark_complete()
outcome = tracing.TraceContext.finish(trace).result(20)
print(outcome["trace_id"], outcome["database"], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_called_saved_survives_a_kill(database: Database, database_url: str, data_dir: Path) -> None:
    """Row and file are there when the process is killed right after."""
    command = [sys.executable, "-c", _SAVED_THEN_KILLED, database_url, str(data_dir)]
    killed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    trace_id, said = killed.stdout.split()
    assert said == "saved"
    assert stored(database) == {trace_id}
    assert (data_dir / "projects" / "default" / "_traces" / f"{trace_id}.json").is_file()
