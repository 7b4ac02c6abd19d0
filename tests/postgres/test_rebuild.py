"""The database made again from the files gives the same numbers (E13)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.factories import NOON, make_trace
from tests.otlp_messages import otlp_request, otlp_span
from tests.postgres.rebuilding import assert_alike, everything, rebuilt, record_a_little_of_everything, spans_in
from tests.postgres.tables import assert_balanced, ledger_of, rows
from tests.surroundings import PATIENCE_SECONDS
from tracing_core.__main__ import main
from tracing_core.clock import ManualClock
from tracing_core.document import to_document
from tracing_core.errors import DatabaseUnavailable, InvalidInput
from tracing_core.files import TraceFiles
from tracing_core.jsontext import dump
from tracing_core.model import Feedback
from tracing_core.quality import QualityRules
from tracing_core.query.feedback import for_trace
from tracing_core.rebuild import Rebuild, Tally
from tracing_core.removal import remove_project
from tracing_core.settings import Settings, read_settings
from tracing_core.storage import migrate
from tracing_core.storage.database import Database
from tracing_core.storage.feedback_write import put_feedback
from tracing_core.storage.tables import span_payloads, trace_spans, traces
from tracing_core.store import open_store


@pytest.fixture
def settings(database_url: str, data_dir: Path) -> Settings:
    return read_settings(
        database_url=database_url, TRACEWHY_DATA_DIR=data_dir, TRACEWHY_MODE="product", TRACEWHY_SUCCESS_SHARE=0.5
    )


def test_the_numbers_are_the_same(settings: Settings, database: Database) -> None:
    """Traces, spans, contents, decisions, ratings, flags and rollups, sampled ones and slow ones; the ledger says rebuilt."""
    record_a_little_of_everything(settings)
    before = everything(database)
    assert {row["sampling_probability"] for row in before["traces"]} == {1.0, 0.5}
    assert any(row["is_slow"] for row in before["traces"])
    assert before["feedback"]
    migrate.downgrade(database, "base")
    tally = rebuilt(settings, database)
    count = len(before["traces"])
    assert (tally.files, tally.read, tally.stored, tally.unreadable) == (count, count, count, [])
    assert tally.ratings == len(before["feedback"])
    assert_alike(everything(database), before)
    assert ledger_of(database) == {"received": count, "stored: rebuilt": count}
    assert_balanced(database)


def written(data_dir: Path, **facts: Any) -> Path:
    return Path(TraceFiles(data_dir / "projects").write(make_trace(**facts)))


def test_a_second_time_changes_nothing(settings: Settings, database: Database, data_dir: Path) -> None:
    """Of a database that has everything: all is there already, and no number moves."""
    for _ in range(5):
        written(data_dir)
    first = rebuilt(settings, database)
    before = everything(database)
    second = rebuilt(settings, database)
    assert (first.stored, first.there) == (5, 0)
    assert (second.stored, second.there, second.skipped) == (0, 5, 0)
    assert_alike(everything(database), before)
    assert ledger_of(database) == {"received": 10, "stored: rebuilt": 5, "stored: again": 5}
    assert_balanced(database)


def test_files_are_left_as_they_are(settings: Settings, database: Database, data_dir: Path) -> None:
    """What a newer version wrote into them is not lost by reading them."""
    path = written(data_dir)
    document = orjson.loads(path.read_bytes()) | {"schema_version": 7, "news": 1}
    path.write_bytes(dump(document))
    assert rebuilt(settings, database).stored == 1
    assert orjson.loads(path.read_bytes()) == document
    (row,) = rows(database, traces)
    assert (row["schema_version"], row["trace_file_path"]) == (7, str(path))


def test_what_cannot_be_read_is_named_and_stops_nothing(settings: Settings, database: Database, data_dir: Path) -> None:
    """Junk, a file of another trace or project, an id that is none, and what the database refuses."""
    good = [written(data_dir) for _ in range(3)]
    folder = good[0].parent
    (folder / "junk.json").write_bytes(b"{")
    (folder / "other.json").write_bytes(good[0].read_bytes())
    old = orjson.loads((Path(__file__).parents[1] / "unit" / "seed_b_sample.json").read_bytes())
    (folder / f"{old['trace_id']}.json").write_bytes(dump(old | {"project_name": "default"}))
    elsewhere = make_trace(project="elsewhere")
    (folder / f"{elsewhere.trace_id}.json").write_bytes(dump(to_document(elsewhere)))
    refused = written(data_dir, iteration_count=10**12)
    odd = written(data_dir, tags=(1, None))
    tally = rebuilt(settings, database)
    reasons = {Path(each.path).stem: each.reason for each in tally.unreadable}
    assert reasons.keys() >= {"junk", "other", old["trace_id"], elsewhere.trace_id, refused.stem}
    assert "the file is called other" in reasons["other"]
    assert "lies in project default" in reasons[elsewhere.trace_id]
    assert "is not a trace id" in reasons[old["trace_id"]]
    assert "refused" in reasons[refused.stem]
    assert tally.stored == len(rows(database, traces)) == 3 + (odd.stem not in reasons)
    assert tally.done == tally.files


def test_an_old_document_is_stored(settings: Settings, database: Database, data_dir: Path) -> None:
    """Of stages alone, without version: with its stages as spans."""
    old = orjson.loads((Path(__file__).parents[1] / "unit" / "seed_b_sample.json").read_bytes())
    trace_id = make_trace().trace_id
    path = Path(TraceFiles(data_dir / "projects").path(old["project_name"], trace_id))
    path.parent.mkdir(parents=True)
    path.write_bytes(dump(old | {"trace_id": trace_id}))
    assert rebuilt(settings, database).stored == 1
    (row,) = rows(database, traces)
    assert (row["trace_id"], row["span_count"]) == (trace_id, 1 + len(old["stages"]))


def test_an_interrupted_run_is_gone_on_with(
    settings: Settings, database: Database, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done is not read again, unless the database has lost it since; what came in between is not missed."""
    monkeypatch.setattr("tracing_core.rebuild._AT_ONCE", 2)
    for _ in range(6):
        written(data_dir)
    broken = Rebuild(settings, database, ManualClock(NOON), _stop_after(4))
    with pytest.raises(DatabaseUnavailable):
        broken.run()
    late = written(data_dir, trace_id="trc_20200101_000000_0000000000000000")
    (lost, *_) = rows(database, traces)
    with database.write() as connection:
        connection.execute(trace_spans.delete().where(trace_spans.c.trace_id == lost["trace_id"]))
        connection.execute(span_payloads.delete().where(span_payloads.c.trace_id == lost["trace_id"]))
        connection.execute(traces.delete().where(traces.c.trace_id == lost["trace_id"]))
    tally = rebuilt(settings, database)
    assert (tally.skipped, tally.read) == (3, 4)
    assert {row["trace_id"] for row in rows(database, traces)} == {path.stem for path in late.parent.iterdir()}
    assert not (data_dir / "rebuild.json").exists()


def _stop_after(count: int) -> Callable[[Tally], None]:
    def report(tally: Tally) -> None:
        if tally.stored >= count:
            raise DatabaseUnavailable

    return report


def test_one_project_and_a_removed_one(settings: Settings, database: Database, data_dir: Path) -> None:
    """Others are left alone; what was removed does not come back; a name that is none is refused."""
    for project in ("one", "two", "gone"):
        written(data_dir, project=project)
    store = open_store(settings)
    rebuilt(settings, database, "one")
    assert {row["project"] for row in rows(database, traces)} == {"one"}
    remove_project(store, "gone")
    store.close()
    rebuilt(settings, database)
    assert {row["project"] for row in rows(database, traces)} == {"one", "two"}
    for name in ("gone", "../one"):
        with pytest.raises(InvalidInput, match="project"):
            rebuilt(settings, database, name)


def test_ratings_follow_their_trace_and_go_with_it(data_dir: Path) -> None:
    """Into another project, and away."""
    files = TraceFiles(data_dir)
    trace = make_trace()
    rating = Feedback(
        feedback_id="fb_1",
        trace_id=trace.trace_id,
        user_id="ann",
        rating=2,
        comment=None,
        created_at=NOON,
        updated_at=NOON,
    )
    files.write(trace)
    files.write_feedback(trace.project, trace.trace_id, [rating])
    files.move(trace.trace_id, trace.project, "shop")
    assert files.names(trace.project) == files.names(trace.project, feedback=True) == []
    assert files.read_feedback("shop", trace.trace_id) == [rating]
    files.remove("shop", trace.trace_id)
    assert files.names("shop", feedback=True) == []
    assert files.projects() == [trace.project, "shop"]


def test_a_rating_that_changed_since_is_kept(settings: Settings, database: Database, data_dir: Path) -> None:
    """The database's, when it is newer than the file's; the file's, when the database does not have it."""
    trace = make_trace()
    files = TraceFiles(data_dir / "projects")
    files.write(trace)
    old = Feedback(
        feedback_id="fb_1",
        trace_id=trace.trace_id,
        user_id="ann",
        rating=2,
        comment="so",
        created_at=NOON,
        updated_at=NOON,
    )
    files.write_feedback(trace.project, trace.trace_id, [old, replace(old, feedback_id="fb_2", user_id="bob")])
    rebuilt(settings, database)
    put_feedback(database, replace(old, rating=5, updated_at=NOON + timedelta(seconds=1)), QualityRules())
    tally = rebuilt(settings, database)
    assert tally.ratings == 0
    assert {said.user_id: said.rating for said in for_trace(database, trace.trace_id)} == {"ann": 5, "bob": 2}
    files.remove(trace.project, trace.trace_id)
    files.write_feedback(trace.project, make_trace().trace_id, [old])
    assert len(rebuilt(settings, database).unreadable) == 1


def test_the_command_says_what_it_did(
    database_url: str, data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts, and each file that it could not use, which a script learns from the status; into the database that is named."""
    monkeypatch.setenv("TRACEWHY_DATA_DIR", str(data_dir))
    path = written(data_dir)
    (path.parent / "junk.json").write_bytes(b"{")
    assert main(["rebuild", "--into", database_url]) == 1
    said = capsys.readouterr()
    assert "2 files: 1 read, 1 stored, 0 already there, 1 unreadable; 0 ratings stored" in said.out
    assert "junk.json: " in said.out
    assert "1 unreadable: mend or remove what is named above" in said.err
    (path.parent / "junk.json").unlink()
    assert main(["rebuild", "--into", database_url]) == 0
    assert main(["rebuild", "--project", "none", "--into", database_url]) == 1
    assert "project: none has no directory" in capsys.readouterr().err


def test_a_late_piece_does_not_cost_what_only_the_file_has(settings: Settings, database: Database) -> None:
    """The database was lost, and more of a trace arrives before the rebuild: the file then has all, and the database."""
    ids = {"trace_id": (7).to_bytes(16)}
    root = otlp_span(span_id=b"\1" * 8, **ids)
    late = [otlp_span(span_id=bytes([number]) * 8, parent_span_id=b"\1" * 8, **ids) for number in (2, 3, 4)]
    for piece in (root, *late):
        store = open_store(settings)
        body = otlp_request(piece)
        store.ingest.offer(partial(spans_in, body), len(body), project="otlp").result(PATIENCE_SECONDS)
        store.close()
        if piece is root:
            migrate.downgrade(database, "base")
    kept = TraceFiles(settings.projects_dir).read("otlp", f"{7:032x}")
    assert kept is not None
    assert len(kept.spans) == 4
    assert len(rows(database, trace_spans)) == 3
    assert rows(database, traces)[0]["trace_file_path"] is None
    rebuilt(settings, database)
    assert len(rows(database, trace_spans)) == 4
    assert rows(database, traces)[0]["trace_file_path"] is not None
    assert TraceFiles(settings.projects_dir).read("otlp", kept.trace_id) == kept
