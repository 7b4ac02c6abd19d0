"""What becomes of traces whose pieces several writers join, and of those that move, stay open or are left out (E1, A7)."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from tests.factories import NOON, make_decision, make_trace, milliseconds
from tests.pieces import TRACE_ID, cut
from tests.postgres.pieces_written import Writer, assert_rollups_fit, emptied, otlp, stored
from tests.postgres.tables import assert_balanced, ledger_of, rows
from tests.postgres.writing import rate
from tests.surroundings import PATIENCE_SECONDS, make_preparation
from tracing_core.model import SpanKind, SpanStatus
from tracing_core.preparing import Preparation
from tracing_core.query.facets import projects
from tracing_core.query.trace import decisions as decisions_of
from tracing_core.query.trace import get_trace, span_payload
from tracing_core.query.trace import spans as spans_of
from tracing_core.sampling import keep_share
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import trace_metrics
from tracing_core.storage.sweeping import sweep
from tracing_core.storage.tables import decisions, feedback, span_payloads, trace_spans, traces
from tracing_core.written import Written

# --- several writers ---


def in_threads(work: Iterable[Callable[[], object]]) -> list[BaseException]:
    """Run each of `work` in a thread of its own, all starting at once; gives what they raised."""
    parts = list(work)
    together, raised = threading.Barrier(len(parts)), list[BaseException]()

    def run(part: Callable[[], object]) -> None:
        together.wait(PATIENCE_SECONDS)
        try:
            part()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            raised.append(error)

    threads = [threading.Thread(target=run, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(4 * PATIENCE_SECONDS)
        assert not thread.is_alive()
    return raised


def test_writers_that_join_the_same_traces_do_not_wait_for_each_other(database: Database, database_url: str) -> None:
    """Two processes' worth of writers, pieces of the same traces in batches of any order: no deadlock, each span once."""
    ids = [f"{number:032x}" for number in range(1, 9)]
    spans = [otlp(1, decisions=(make_decision(),)), *(otlp(n, 1, timedelta(seconds=n)) for n in range(2, 9))]
    other_process = Database(database_url)

    def writer(seed: int) -> Callable[[], None]:
        chance = random.Random(seed)
        table = Writer(database if seed % 2 else other_process)
        pieces = [(trace_id, piece) for trace_id in ids for piece in cut(spans, chance)]
        chance.shuffle(pieces)

        def work() -> None:
            for start in range(0, len(pieces), 5):
                table.write(*pieces[start : start + 5])

        return work

    assert in_threads([writer(seed) for seed in range(4)]) == []
    other_process.close()
    assert_balanced(database)
    assert_rollups_fit(database)
    concurrent = stored(database)
    emptied(database)
    Writer(database).write(*((trace_id, spans) for trace_id in ids))
    assert concurrent == stored(database)


# --- what becomes of a trace ---


def test_a_trace_moves_to_the_project_that_its_root_names(database: Database, data_dir: Path) -> None:
    """Row, decisions, rollups and file; nothing is left where it was."""
    writer = Writer(database, make_preparation(data_dir))
    writer.write((TRACE_ID, [otlp(2, 1, decisions=(make_decision(),))]))
    writer.write((TRACE_ID, [otlp(1, otel={"resource": {"service.name": "shop"}})]))
    assert {row["project"] for row in rows(database, decisions)} == {"shop"}
    assert {row["project"] for row in rows(database, trace_metrics)} == {"shop"}
    assert projects(database) == ("shop",)
    (row,) = rows(database, traces)
    (file,) = data_dir.rglob(f"{TRACE_ID}.json")
    assert (row["project"], row["trace_file_path"]) == ("shop", str(file))
    assert "shop" in file.parts


def test_a_trace_whose_root_stays_away_is_incomplete_and_whole(database: Database) -> None:
    """Its time is from its first start to its last end, and each span is there."""
    writer = Writer(database)
    writer.write((TRACE_ID, [otlp(2, 1)]))
    writer.write((TRACE_ID, [otlp(3, 1, timedelta(seconds=9)), otlp(4, 3, timedelta(seconds=9))]))
    detail = get_trace(database, TRACE_ID)
    assert detail is not None
    assert (detail.status, detail.duration_ms, detail.span_count) == ("incomplete", 10_000, 3)
    assert [span.parent_id for span in spans_of(database, TRACE_ID)] == [None, f"{1:016x}", f"{3:016x}"]


def test_a_trace_that_is_open_for_days_stays_one(database: Database) -> None:
    """Pieces over thirty hours, the root, which began first, at the end: one row, contents found, rollups moved."""
    writer = Writer(database)
    for hours in (30, 2, 17):
        writer.write((TRACE_ID, [otlp(10 + hours, 1, timedelta(hours=hours), attributes={"h": hours})]))
    writer.write((TRACE_ID, [otlp(1, later=timedelta(hours=-3), duration_ns=34 * 3600 * 10**9)]))
    detail = get_trace(database, TRACE_ID)
    assert detail is not None
    assert (detail.status, detail.started_at, detail.span_count) == ("complete", NOON - timedelta(hours=3), 4)
    assert len(spans_of(database, TRACE_ID)) == 4
    for hours in (2, 17, 30):
        payload = span_payload(database, TRACE_ID, f"{10 + hours:016x}")
        assert payload is not None
        assert payload.attributes == {"h": hours}
    days = [row for row in rows(database, trace_metrics) if row["dimension"] == "trace" and row["stored"]]
    assert {row["bucket"].date() for row in days} == {NOON.date()}
    assert_balanced(database)
    assert_rollups_fit(database)


def sampling_nothing(data_dir: Path) -> Preparation:
    return make_preparation(data_dir, keep_share(0.0))


ORDINARY: dict[str, Any] = {
    "kind": SpanKind.LLM,
    "attributes": {"input.value": "how?", "output.value": "in such a way that it is long enough for an answer"},
}


def test_a_trace_that_sampling_leaves_out_when_its_root_comes_is_gone(database: Database, data_dir: Path) -> None:
    """Its pieces were kept until then; rows, contents, file and counts go, and the ledger says that it was sampled out."""
    writer = Writer(database, sampling_nothing(data_dir))
    writer.write((TRACE_ID, [otlp(2, 1, decisions=(make_decision(),)), otlp(3, 1)]))
    writer.write((TRACE_ID, [otlp(4, 1)]))
    assert len(list(data_dir.rglob(f"{TRACE_ID}.json"))) == 1
    fates = writer.write((TRACE_ID, [otlp(1, **ORDINARY)]))
    assert fates[TRACE_ID].outcome == "sampled_out"
    for table in (traces, trace_spans, span_payloads, decisions, feedback):
        assert rows(database, table) == []
    assert list(data_dir.rglob("*.json")) == []
    assert rows(database, trace_metrics) == []
    assert_balanced(database)
    counts = ledger_of(database)
    assert counts == {"received": 3, "sampled_out": 2, "stored: piece": 1}


def test_what_comes_late_of_a_trace_that_was_left_out_is_left_out_at_once(
    database: Database, database_url: str, data_dir: Path
) -> None:
    """Also in another process, and whether pieces of it had been stored or not; what has no verdict yet is kept."""
    other_process = Database(database_url)
    writer, other = (Writer(each, sampling_nothing(data_dir)) for each in (database, other_process))
    joined, whole, rootless = (f"{number:032x}" for number in (5, 6, 7))
    writer.write((joined, [otlp(2, 1)]))
    writer.write((joined, [otlp(1, **ORDINARY)]), (whole, [otlp(1, **ORDINARY)]))
    for late in (writer, other):
        fates = late.write(*((trace_id, [otlp(3, 1), otlp(4, 3)]) for trace_id in (joined, whole, rootless)))
        assert [fates[trace_id].outcome for trace_id in (joined, whole)] == ["sampled_out", "sampled_out"]
    assert {row["trace_id"] for row in rows(database, traces)} == {rootless}
    assert [path.stem for path in data_dir.rglob("*.json")] == [rootless]
    assert_rollups_fit(database)
    assert_balanced(database)
    counts = ledger_of(database)
    assert counts == {"received": 9, "sampled_out": 7, "stored": 1, "stored: again": 1}
    other_process.close()


def test_a_verdict_is_remembered_for_a_while(database: Database, data_dir: Path) -> None:
    """The sweep forgets those that are older than it looks back; what comes after that is kept until it is judged itself."""
    preparation = sampling_nothing(data_dir)
    writer = Writer(database, preparation)
    writer.write((TRACE_ID, [otlp(1, **ORDINARY)]))
    sweep(database, preparation.sampler, datetime.now(UTC) - timedelta(hours=1))
    assert writer.write((TRACE_ID, [otlp(2, 1)]))[TRACE_ID].outcome == "sampled_out"
    sweep(database, preparation.sampler, datetime.now(UTC) + timedelta(hours=1))
    assert writer.write((TRACE_ID, [otlp(2, 1)]))[TRACE_ID].outcome == "new"


def test_a_trace_that_failed_is_kept_whatever_comes_after(database: Database, data_dir: Path) -> None:
    """And one that came whole and is left out leaves nothing behind."""
    writer = Writer(database, sampling_nothing(data_dir))
    writer.write((TRACE_ID, [otlp(1, status=SpanStatus.ERROR)]))
    writer.write((TRACE_ID, [otlp(2, 1)]), (f"{5:032x}", [otlp(1, **ORDINARY)]))
    assert [row["trace_id"] for row in rows(database, traces)] == [TRACE_ID]
    assert_balanced(database)


def test_ten_thousand_spans_in_pieces(database: Database, data_dir: Path) -> None:
    """In twenty pieces of 512, the root last: all there, each with its content, and not a part for each span."""
    writer = Writer(database, make_preparation(data_dir))
    spans = [
        otlp(number, number // 4, timedelta(milliseconds=number), attributes={"n": number, "input.value": "text " * 20})
        for number in range(10_000, 1, -1)
    ] + [otlp(1, duration_ns=milliseconds(20_000))]
    for start in range(0, len(spans), 512):
        writer.write((TRACE_ID, spans[start : start + 512]))
    detail = get_trace(database, TRACE_ID)
    assert detail is not None
    assert (detail.status, detail.span_count) == ("complete", 10_000)
    assert len(spans_of(database, TRACE_ID)) == 10_000
    for number in (2, 257, 5_000, 10_000):
        payload = span_payload(database, TRACE_ID, f"{number:016x}")
        assert payload is not None
        assert payload.attributes["n"] == number
    assert len(rows(database, span_payloads)) <= 60
    assert decisions_of(database, TRACE_ID) == ()
    assert_balanced(database)


def test_a_trace_that_is_removed_while_a_piece_waits_for_it_is_stored_anew(database: Database) -> None:
    """By the same call: a removal is no sign that the database is away."""
    writer = Writer(database)
    writer.write((TRACE_ID, [otlp(2, 1)]))
    fates: list[Written] = []
    with database.write() as connection:
        connection.execute(select(traces).with_for_update())
        piece = threading.Thread(target=lambda: fates.extend(writer.write((TRACE_ID, [otlp(3, 1)])).values()))
        piece.start()
        while not waiting_for_locks(database):
            assert piece.is_alive()
        for table in (trace_spans, span_payloads, traces):
            connection.execute(table.delete())
    piece.join(PATIENCE_SECONDS)
    assert [fate.outcome for fate in fates] == ["new"]
    assert [row["span_id"] for row in rows(database, trace_spans)] == [f"{3:016x}"]


def waiting_for_locks(database: Database) -> int:
    with database.read() as connection:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return connection.execute(text(waiting)).scalar() or 0


def test_ratings_and_pieces_at_the_same_time(database: Database) -> None:
    """Neither waits for the other in a ring, and the sums fit in the end."""
    pieces = [(TRACE_ID, [otlp(number, 1, timedelta(minutes=number))]) for number in range(2, 12)]
    writer, other = Writer(database), Writer(database)
    writer.write((TRACE_ID, [otlp(50, 1, timedelta(minutes=99))]))
    trace = make_trace(trace_id=TRACE_ID)

    def ratings() -> None:
        for number in range(10):
            rate(database, trace, rating=number % 5 + 1, user_id=f"user-{number}")

    raised = in_threads(
        [
            lambda: [writer.write(piece) for piece in pieces],
            lambda: [other.write(piece) for piece in reversed(pieces)],
            ratings,
        ]
    )
    assert raised == []
    (whole,) = [
        row
        for row in rows(database, trace_metrics)
        if (row["dimension"], row["granularity"]) == ("trace", "minute") and row["stored"]
    ]
    assert (whole["rating_count"], whole["rating_sum"], whole["flag_user_negative"]) == (10, 30, 1)
    assert_balanced(database)
    assert_rollups_fit(database)
