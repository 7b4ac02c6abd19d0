"""The disk is full or cannot be written: rows are stored without a file, and the receipt says why (B5)."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

import tracing_core as tracing
from tests.surroundings import PATIENCE_SECONDS, finished
from tracing_core.runtime import Runtime, configure
from tracing_core.settings import read_settings
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces
from tracing_core.store import Store, open_store

pytestmark = pytest.mark.faults


@pytest.fixture
def store(database_url: str, data_dir: Path) -> Iterator[Store]:
    opened = open_store(read_settings(database_url=database_url, TRACEWHY_DATA_DIR=data_dir))
    restore = configure(Runtime(sink=opened.writer))
    yield opened
    restore()
    opened.close()


def request(query: str = "How?") -> dict[str, Any]:
    trace = finished(tracing.TraceContext.start(query=query))
    trace.mark_complete()
    return tracing.TraceContext.finish(trace).result(PATIENCE_SECONDS)


def path_in_row(database: Database, outcome: dict[str, Any]) -> str | None:
    with database.read() as connection:
        statement = select(traces.c.trace_file_path).where(traces.c.trace_id == outcome["trace_id"])
        return connection.execute(statement).scalar_one()


@contextmanager
def full_disk(most_bytes: int) -> Iterator[None]:
    """No file of this process can grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_directory_that_cannot_be_written_costs_only_the_file(
    store: Store, database: Database, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The row is stored without a path, the receipt and the log say why, and it works again when it can."""
    obstacle = data_dir / "projects"
    obstacle.write_text("not a directory")
    outcome = request()
    assert (outcome["database"], outcome["file_path"]) == ("saved", None)
    assert "Not a directory" in outcome["file_error"]
    assert path_in_row(database, outcome) is None
    assert "could not be written" in caplog.text
    obstacle.unlink()
    after = request()
    assert path_in_row(database, after) == after["file_path"]


def test_a_full_disk_leaves_no_half_written_file(store: Store, database: Database, data_dir: Path) -> None:
    """What does not fit is not there at all, under no name; what was there before stays readable."""
    before = request()
    with full_disk(4000):
        outcome = request("x" * 100_000)
        assert (outcome["database"], outcome["file_path"]) == ("saved", None)
        assert "File too large" in outcome["file_error"]
        assert path_in_row(database, outcome) is None
    (only,) = (data_dir / "projects" / "default" / "_traces").iterdir()
    assert str(only) == before["file_path"]
    assert orjson.loads(only.read_bytes())["trace_id"] == before["trace_id"]
    after = request("x" * 100_000)
    assert path_in_row(database, after) == after["file_path"]


def test_a_directory_that_was_removed_is_made_again(store: Store, data_dir: Path) -> None:
    """A clean-up while the program runs costs no trace its file."""
    first = Path(request()["file_path"])
    first.unlink()
    first.parent.rmdir()
    assert Path(request()["file_path"]).is_file()
