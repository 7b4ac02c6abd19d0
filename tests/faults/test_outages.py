"""The database is away, silent, slow, or the disk is full, while spans come in: who hears 200 finds them all later."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from tests.faults.nursery import Nursery, Service
from tests.faults.otlp_load import Load, assert_all_there
from tests.faults.switch import Switch
from tests.postgres.tables import ledger_of, rows
from tests.service.serving import eventually
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces

pytestmark = pytest.mark.faults

PAUSE = 0.02


def files(data: Path) -> set[str]:
    """The ids of the traces that have a file."""
    return {path.stem for path in data.glob("projects/*/_traces/*.json")}


def test_a_database_that_is_away_stops_nobody(
    services: Nursery, switch: Switch, database: Database, database_url: str, data_dir: Path
) -> None:
    """Senders are answered as if nothing were, files are written, and the rows follow by themselves, once."""
    service = services.ready(data_dir, DATABASE_URL=database_url)
    with Load(lambda: [service.url], pause=PAUSE) as load:
        load.wait_for_answers(200, 20)
        switch.off()
        load.wait_for_answers(200, 20)
        before = len(files(data_dir))
        load.wait_for_answers(200, 100)
        assert len(files(data_dir)) > before
        assert list(data_dir.glob("spool/waiting/*"))
        switch.on()
        load.wait_for_answers(200, 20)
    eventually(service.settled, 60)
    assert set(load.seen.statuses) == {200}
    assert_all_there(database, load.seen)
    assert {trace_id for trace_id, _ in load.seen.acknowledged} <= files(data_dir)
    service.kill()


def test_a_database_that_falls_silent_is_waited_for_so_long_and_no_longer(services: Nursery, data_dir: Path) -> None:
    """Every process of PostgreSQL stopped, so that connections stay open and nothing answers: requests are spooled."""
    data = data_dir / "data"
    service = services.ready(data, TRACEWHY_WRITE_TIMEOUT_MS=300)
    with Load(lambda: [service.url], pause=PAUSE) as load:
        load.wait_for_answers(200, 20)
        postmaster = psutil.Process(int((data / "postgres" / "postmaster.pid").read_text().split()[0]))
        stopped = [postmaster, *postmaster.children()]
        for process in stopped:
            process.suspend()
        try:
            load.wait_for_answers(200, 60)
            assert list(data.glob("spool/waiting/*"))
        finally:
            for process in stopped:
                process.resume()
        load.wait_for_answers(200, 20)
    eventually(service.settled, 60)
    assert set(load.seen.statuses) == {200}
    database = Database(f"postgresql://postgres@/postgres?host={data / 'postgres'}")
    assert_all_there(database, load.seen)
    database.close()
    service.kill(signal.SIGTERM)


@contextmanager
def small_disk(directory: Path, kilobytes: int) -> Iterator[None]:
    """A file system of its own, with room for so much."""
    directory.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(directory)]
    done = subprocess.run(mounting, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def test_a_full_spool_refuses_what_it_cannot_keep(
    services: Nursery, switch: Switch, database: Database, database_url: str, data_dir: Path
) -> None:
    """With the database away and no room on the disk senders are told to come again; when it is back, they are served."""
    with small_disk(data_dir / "spool", 400):
        service = services.ready(data_dir, DATABASE_URL=database_url)
        with Load(lambda: [service.url], padding=5_000, pause=PAUSE) as load:
            load.wait_for_answers(200, 5)
            switch.off()
            load.wait_for_answers(503, 20)
            assert list(data_dir.glob("spool/waiting/*.jsonl"))
            switch.on()
            load.wait_for_answers(200, 20)
        eventually(service.settled, 60)
        assert set(load.seen.statuses) == {200, 503}
        assert_all_there(database, load.seen)
        assert "dropped" not in ledger_of(database)
        service.kill()


def test_a_disk_full_of_files_costs_only_files(
    services: Nursery, switch: Switch, database: Database, database_url: str, data_dir: Path
) -> None:
    """Spans are stored all the same, also those that waited for the database; no file is half a file."""
    with small_disk(data_dir / "projects", 400):
        service = services.ready(data_dir, DATABASE_URL=database_url)
        with Load(lambda: [service.url], padding=5_000, pause=PAUSE) as load:
            eventually(lambda: "No space left" in services.log.read_text())
            load.wait_for_answers(200, 20)
            switch.off()
            load.wait_for_answers(200, 20)
            switch.on()
            load.wait_for_answers(200, 20)
        eventually(service.settled, 60)
        assert set(load.seen.statuses) == {200}
        assert_all_there(database, load.seen)
        paths = [row["trace_file_path"] for row in rows(database, traces)]
        assert None in paths
        for path in filter(None, paths):
            json.loads(Path(path).read_bytes())
        service.kill()


def resident(service: Service) -> int:
    """Its resident memory in bytes."""
    return int(psutil.Process(service.pid).memory_info().rss)


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Nobody can store anything within the block: somebody holds the table."""
    with database.write() as connection:
        connection.execute(text("LOCK TABLE traces"))
        yield


def test_a_slow_database_fills_the_queue_and_not_the_memory(
    services: Nursery, database: Database, database_url: str, data_dir: Path
) -> None:
    """While somebody holds a lock as much waits as may, and the others hear 503; whoever heard 200 is stored after it."""
    service = services.ready(
        data_dir, DATABASE_URL=database_url, TRACEWHY_INGEST_BYTES=2_000_000, TRACEWHY_WRITE_TIMEOUT_MS=0
    )
    with Load(lambda: [service.url], senders=30, padding=50_000, pause=PAUSE) as load:
        load.wait_for_answers(200, 60)
        before = resident(service)
        with locked(database):
            load.wait_for_answers(503, 300)
            assert resident(service) < before + 60_000_000
        load.wait_for_answers(200, 30)
    eventually(service.settled, 60)
    assert set(load.seen.statuses) == {200, 503}
    assert_all_there(database, load.seen)
    service.kill()


def test_a_lock_that_is_held_too_long_sends_spans_to_the_disk(
    services: Nursery, database: Database, database_url: str, data_dir: Path
) -> None:
    """Nobody waits longer than the time limit of writing: what cannot be stored waits on disk, and follows."""
    service = services.ready(data_dir, DATABASE_URL=database_url, TRACEWHY_WRITE_TIMEOUT_MS=200)
    with Load(lambda: [service.url], pause=PAUSE) as load:
        load.wait_for_answers(200, 20)
        with locked(database):
            load.wait_for_answers(200, 100)
        load.wait_for_answers(200, 20)
    eventually(service.settled, 60)
    assert set(load.seen.statuses) == {200}
    assert_all_there(database, load.seen)
    service.kill()
