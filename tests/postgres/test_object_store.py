"""Files of traces in an object store: a real S3 server, over HTTP (E13)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

import tracing_core as tracing
from tests.factories import NOON, make_trace
from tests.postgres.rebuilding import assert_alike, everything, rebuilt, record_a_little_of_everything
from tests.postgres.tables import assert_balanced, rows
from tests.s3_server import S3Server, s3_server
from tests.surroundings import PATIENCE_SECONDS, finished
from tracing_core.clock import ManualClock
from tracing_core.doctor_checks import of_files
from tracing_core.errors import StorageError
from tracing_core.files import TraceFiles, files_of
from tracing_core.files_size import FilesSize, files_size
from tracing_core.query.document import full_trace
from tracing_core.rebuild import Rebuild, Tally
from tracing_core.removal import remove_project
from tracing_core.retention import expected, retain
from tracing_core.runtime import Runtime, configure
from tracing_core.settings import Settings, read_settings
from tracing_core.storage import migrate
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces
from tracing_core.store import Store, open_store


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture
def settings(server: S3Server, database_url: str, data_dir: Path) -> Settings:
    return read_settings(
        database_url=database_url,
        TRACEWHY_DATA_DIR=data_dir,
        TRACEWHY_MODE="product",
        TRACEWHY_SUCCESS_SHARE=0.5,
        TRACEWHY_RETENTION_DAYS=7,
        TRACEWHY_FILES_TIMEOUT_SECONDS=PATIENCE_SECONDS,
        **server.settings(),
    )


def one_failed(store: Store, project: str = "shop") -> str:
    """Record a run that every share keeps."""
    restore = configure(Runtime(sink=store.writer))
    trace = finished(tracing.TraceContext.start(project_name=project, query="How?"))
    trace.mark_failed("no")
    outcome = tracing.TraceContext.finish(trace).result(PATIENCE_SECONDS)
    restore()
    assert outcome["file_path"] == files_of(store.settings).path(project, trace.trace_id)
    return trace.trace_id


def test_the_numbers_are_the_same(settings: Settings, database: Database, data_dir: Path) -> None:
    """Runs, pieces, ratings, a moved trace: the database made again from the bucket; nothing of it is on this disk."""
    record_a_little_of_everything(settings)
    before = everything(database)
    paths = [row["trace_file_path"] for row in before["traces"]]
    assert all(path.startswith(f"{settings.files_url}/") for path in paths)
    assert not (data_dir / "projects").exists()
    migrate.downgrade(database, "base")
    tally = rebuilt(settings, database)
    count = len(before["traces"])
    assert (tally.files, tally.read, tally.stored, tally.unreadable) == (count, count, count, [])
    assert tally.ratings == len(before["feedback"])
    assert_alike(everything(database), before)
    assert_balanced(database)
    again = rebuilt(settings, database)
    assert (again.stored, again.there, again.ratings) == (0, count, 0)


def test_the_whole_trace_is_read_from_there(settings: Settings, database: Database) -> None:
    """What is shown is what the object says; without it, what the database holds."""
    store = open_store(settings)
    trace_id = one_failed(store)
    files = files_of(settings)
    said = full_trace(database, trace_id, files)
    assert said == orjson.loads(files.place.read("shop/_traces", f"{trace_id}.json"))
    files.remove("shop", trace_id)
    assert (full_trace(database, trace_id, files) or {})["trace_id"] == trace_id
    store.close()


def test_what_is_removed_is_removed_there(settings: Settings, database: Database) -> None:
    """By retention, with its ratings and as many as the dry run says; and with its project."""
    clock = ManualClock(NOON - timedelta(days=30))
    old = open_store(settings, clock=clock)
    files = files_of(settings)
    restore = configure(Runtime(sink=old.writer, clock=clock))
    trace = finished(tracing.TraceContext.start(project_name="shop"))
    trace.mark_failed("no")
    tracing.TraceContext.finish(trace).result(PATIENCE_SECONDS)
    restore()
    old.feedback.submit_feedback(interaction_id=trace.trace_id, rating=1).result()
    size = files.size("shop", trace.trace_id)
    clock.advance(30 * 86_400)
    kept = [one_failed(old), one_failed(old, "other")]
    dry = expected(old, clock)
    assert (dry.files, dry.file_bytes) == (1, size)
    assert retain(old, clock).files == 1
    assert files.names("shop") == kept[:1]
    assert files.names("shop", feedback=True) == []
    remove_project(old, "other")
    assert files.names("other") == []
    assert files.projects() == ["shop"]
    old.close()


def test_the_doctor_looks_at_it(server: S3Server, settings: Settings) -> None:
    """By writing there; a bucket that is not there is told with what to set, and nothing is left behind."""
    (check,) = of_files(settings)
    assert (check.state, files_of(settings).place.projects()) == ("ok", [])
    (check,) = of_files(settings.model_copy(update={"files_url": "s3://nowhere/x"}))
    assert (check.state, "bucket does not exist" in check.said) == ("fail", True)
    assert "TRACEWHY_FILES_URL" in check.fix
    assert not list(of_files(settings.model_copy(update={"files_url": None})))


def test_their_size_is_known(settings: Settings) -> None:
    """All of all projects, without a request for each."""
    files = files_of(settings)
    for project in ("a", "b"):
        files.write(make_trace(project=project))
    sizes = [files.size(project, files.names(project)[0]) for project in ("a", "b")]
    assert files_size(files.place) == FilesSize(files=2, bytes=sum(sizes), exact=True)


def test_a_rebuild_goes_on_when_the_store_is_back(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the server is killed in the middle it stops, says why and passes nothing over; the next run reads the rest."""
    monkeypatch.setattr("tracing_core.rebuild._AT_ONCE", 16)
    with s3_server() as mortal:
        own = settings.model_copy(
            update={
                "files_timeout_seconds": 8.0,
                "files_url": "s3://mortal/files",
                "files_options": mortal.options,
            }
        )
        mortal.make_bucket("mortal")
        written = [make_trace() for _ in range(40)]
        for _ in files_of(own).each(files_of(own).write, written):
            pass

        def kill(tally: Tally) -> None:
            if tally.stored == 16:
                mortal.kill()

        broken = Rebuild(own, database, ManualClock(NOON), kill)
        with pytest.raises(StorageError, match="s3://mortal/files"):
            broken.run()
        assert (len(rows(database, traces)), broken.tally.unreadable) == (16, [])
        mortal.start()
        mortal.make_bucket("mortal")
        back = TraceFiles(files_of(own.model_copy(update={"files_timeout_seconds": PATIENCE_SECONDS})).place)
        for _ in back.each(back.write, written):
            pass
        tally = rebuilt(own.model_copy(update={"files_timeout_seconds": PATIENCE_SECONDS}), database)
        assert (tally.skipped, tally.stored) == (16, 24)
