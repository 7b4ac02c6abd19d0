"""The object store hangs or is gone: traces are stored without files, and nobody waits for long (B5, E13)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tracing_core as tracing
from tests.factories import NOON, make_trace
from tests.postgres.tables import rows
from tests.s3_server import S3Server, s3_server
from tests.service.serving import eventually
from tests.surroundings import PATIENCE_SECONDS, finished, make_preparation
from tracing_core.clock import ManualClock
from tracing_core.files import TraceFiles
from tracing_core.files_size import files_size
from tracing_core.given import OTLP
from tracing_core.object_store import ObjectStore
from tracing_core.query.document import full_trace
from tracing_core.runtime import Runtime, configure
from tracing_core.settings import read_settings
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces
from tracing_core.store import Store, open_store

pytestmark = pytest.mark.faults
SECONDS = 2.0


@pytest.fixture
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        running.make_bucket("away")
        yield running


@pytest.fixture
def clock() -> ManualClock:
    """Of the pauses between tries."""
    return ManualClock(NOON)


@pytest.fixture
def place(server: S3Server, clock: ManualClock) -> ObjectStore:
    """The store, connected: a first call takes longer than the others."""
    place = ObjectStore("s3://away/files", server.options, SECONDS, clock)
    assert list(place.listed("shop/_traces")) == []
    return place


@pytest.fixture
def store(place: ObjectStore, database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr("tracing_core.files.place_of", lambda _settings: place)
    opened = open_store(read_settings(database_url=database_url, TRACEWHY_DATA_DIR=data_dir))
    restore = configure(Runtime(sink=opened.writer))
    yield opened
    restore()
    opened.close()


def request() -> dict[str, Any]:
    trace = finished(tracing.TraceContext.start(query="How?"))
    trace.mark_complete()
    return tracing.TraceContext.finish(trace).result(PATIENCE_SECONDS)


def later(clock: ManualClock) -> dict[str, Any]:
    """A request, when it is time to look again."""
    clock.advance(60)
    return request()


def when_back(clock: ManualClock) -> dict[str, Any]:
    """The first request whose file is written."""
    found: list[dict[str, Any]] = []
    eventually(lambda: found.append(later(clock)) or found[-1]["file_path"] is not None)
    return found[-1]


def path_in_row(database: Database, outcome: dict[str, Any]) -> str | None:
    (path,) = (row["trace_file_path"] for row in rows(database, traces) if row["trace_id"] == outcome["trace_id"])
    return path


def test_a_store_that_hangs_costs_files_and_no_trace(
    store: Store, place: ObjectStore, server: S3Server, clock: ManualClock, database: Database
) -> None:
    """The first waits for as long as is set, those after it not at all; a rating is taken; when it is back files are written."""
    before = request()
    assert path_in_row(database, before) == before["file_path"] is not None
    server.hang()
    hanging = request()
    assert (hanging["database"], hanging["file_path"]) == ("saved", None)
    assert "s3://away/files: no answer within 2 s" in hanging["file_error"]
    left_alone = [request() for _ in range(50)]
    assert {outcome["database"] for outcome in left_alone} == {"saved"}
    assert all("left alone for a moment" in outcome["file_error"] for outcome in left_alone)
    assert {path_in_row(database, outcome) for outcome in (hanging, *left_alone)} == {None}
    store.feedback.submit_feedback(interaction_id=hanging["trace_id"], rating=4).result()
    shown = full_trace(database, before["trace_id"], TraceFiles(place))
    assert (shown or {})["trace_id"] == before["trace_id"]
    assert "left alone" in (files_size(place).problem or "")
    server.go_on()
    after = when_back(clock)
    assert path_in_row(database, after) == after["file_path"] is not None


def test_a_store_that_is_gone_costs_files_and_no_trace(
    store: Store, server: S3Server, clock: ManualClock, database: Database
) -> None:
    """The server is killed; then it is back without its bucket, which is told as it is; then all is well."""
    server.kill()
    assert {request()["database"] for _ in range(20)} == {"saved"}
    assert {row["trace_file_path"] for row in rows(database, traces)} == {None}
    server.start()
    eventually(lambda: "bucket does not exist" in later(clock)["file_error"])
    server.make_bucket("away")
    after = when_back(clock)
    assert path_in_row(database, after) == after["file_path"] is not None


def test_what_cannot_be_looked_at_is_not_overwritten(place: ObjectStore, server: S3Server, clock: ManualClock) -> None:
    """A file may hold more than the piece that comes while the store is away; it is left as it is."""
    files = TraceFiles(place)
    preparation = replace(make_preparation(), files=files)
    whole = make_trace(source=OTLP)
    assert preparation.write_new_file(preparation.ready(whole)) is None
    server.hang()
    piece = replace(whole, spans=whole.spans[1:])
    assert "no answer" in (preparation.write_new_file(preparation.ready(piece)) or "")
    assert "left alone" in (preparation.add_to_file(piece) or "")
    server.go_on()
    clock.advance(60)
    eventually(lambda: files_size(place).problem is None)
    assert files.read(whole.project, whole.trace_id) == whole
