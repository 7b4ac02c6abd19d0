"""Traces go when their time is up; what was counted of them stays."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.factories import NOON, make_span, make_trace
from tests.postgres.tables import ledger_of, rows
from tests.postgres.writing import opening, rate
from tests.surroundings import PATIENCE_SECONDS
from tracing_core.__main__ import main
from tracing_core.assembly import Assembly
from tracing_core.clock import ManualClock
from tracing_core.errors import Busy
from tracing_core.ledger import Ledger
from tracing_core.model import SpanStatus, TraceData, TraceStatus
from tracing_core.partition_days import partition_days
from tracing_core.query import overview
from tracing_core.query.filters import TraceFilter
from tracing_core.retention import Freed, expected, retain
from tracing_core.review import review
from tracing_core.storage.partitions import existing_partitions
from tracing_core.storage.retention import partitions
from tracing_core.storage.side_tables import trace_metrics
from tracing_core.storage.tables import decisions, feedback, span_payloads, trace_spans, traces
from tracing_core.storage.upkeep_lock import alone
from tracing_core.storage.write import TraceTable
from tracing_core.store import Store
from tracing_core.upkeep import Upkeep, look_after

TODAY = datetime(2026, 11, 21, 3, tzinfo=UTC)
CLOCK = ManualClock(TODAY)
TABLES = (traces, trace_spans, span_payloads, decisions, feedback)


@pytest.fixture
def opened(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Opens stores on one database; they are closed after the test."""
    with opening(database_url, tmp_path, CLOCK) as open_one:
        yield open_one


def put(store: Store, *given: TraceData | Assembly) -> None:
    """Store traces with their files, by the rules of the store."""
    preparation = store.writer._delivery.preparation
    table = TraceTable(store.database, preparation, partition_days(CLOCK, store.settings.retention_days))
    ready = [preparation.prepare(trace) for trace in given]
    table.write([each for each in ready if each is not None], Ledger())


def ago(days: float, **fields: Any) -> TraceData:
    return make_trace(started_at=NOON - timedelta(days=days), **fields)


def there(store: Store) -> dict[str, set[str]]:
    """The ids of the traces that each table knows."""
    return {table.name: {row["trace_id"] for row in rows(store.database, table)} for table in TABLES}


def files(store: Store) -> set[str]:
    return {path.stem for path in store.settings.projects_dir.rglob("*.json")}


def counted(store: Store, granularity: str) -> float:
    found = rows(store.database, trace_metrics)
    return sum(float(row["count"]) for row in found if (row["granularity"], row["dimension"]) == (granularity, "trace"))


def test_without_a_setting_all_is_kept(opened: Callable[..., Store]) -> None:
    """For ever."""
    store = opened()
    put(store, ago(80))
    assert retain(store, CLOCK) == expected(store, CLOCK) == Freed()
    assert len(rows(store.database, traces)) == 1


def test_old_traces_go_and_their_numbers_stay(opened: Callable[..., Store]) -> None:
    """Rows, spans, contents, decisions and files of what is older than the days kept; not one rollup."""
    put(opened(), old := ago(8), edge := ago(7), new := ago(1))
    store = opened(TRACEWHY_RETENTION_DAYS=7)
    before, ledger = rows(store.database, trace_metrics), ledger_of(store.database)
    freed = retain(store, CLOCK)
    left = {edge.trace_id, new.trace_id}
    assert there(store) == {
        "traces": left,
        "trace_spans": left,
        "span_payloads": left,
        "decisions": left,
        "feedback": set(),
    }
    assert files(store) == left
    assert (freed.traces, freed.spans, freed.partitions, freed.files, freed.left) == (1, 3, 2, 1, ())
    assert rows(store.database, trace_metrics) == before
    assert ledger_of(store.database) == ledger
    assert overview.totals(store.database, TraceFilter()).count == 3
    with store.database.read() as connection:
        names = existing_partitions(connection) | existing_partitions(connection, "span_payloads")
    assert not {name for name in names if name.endswith("20261113")}
    assert old.trace_id not in files(store)
    assert retain(store, CLOCK) == Freed()


def test_a_dry_run_says_what_a_run_does(opened: Callable[..., Store]) -> None:
    """The same numbers, bytes of tables and files included, and nothing is changed."""
    put(opened(), ago(9), ago(8), ago(8, status=TraceStatus.FAILED), ago(1))
    store = opened(TRACEWHY_RETENTION_DAYS=7, TRACEWHY_KEEP_FLAGGED_DAYS=30)
    before = there(store)
    said = expected(store, CLOCK)
    assert there(store) == before
    assert retain(store, CLOCK) == said
    assert (said.traces, said.spans, said.partitions) == (2, 6, 4)
    assert said.table_bytes > 40_000
    assert said.file_bytes > 1_000
    assert said.bytes == said.table_bytes + said.file_bytes


def test_the_files_may_stay(opened: Callable[..., Store]) -> None:
    """As an archive."""
    put(opened(), old := ago(8))
    freed = retain(store := opened(TRACEWHY_RETENTION_DAYS=7, TRACEWHY_KEEP_FILES=True), CLOCK)
    assert (freed.traces, freed.files, freed.file_bytes) == (1, 0, 0)
    assert files(store) == {old.trace_id}


def test_what_is_remarkable_is_kept_longer(opened: Callable[..., Store]) -> None:
    """Failed, flagged and rated traces and those waiting for review, whole; until their time is up, too."""
    failed, flagged, rated, doubted = ago(8, status=TraceStatus.FAILED), ago(8, confidence=0.1), ago(8), ago(8)
    older = ago(31, status=TraceStatus.FAILED)
    put(opened(), failed, flagged, rated, doubted, older, ago(8))
    store = opened(TRACEWHY_RETENTION_DAYS=7, TRACEWHY_KEEP_FLAGGED_DAYS=30)
    rate(store.database, rated, 5)
    review(store.database, trace_id=doubted.trace_id, notes="", flagged=True)
    freed = retain(store, CLOCK)
    left = {failed.trace_id, flagged.trace_id, rated.trace_id, doubted.trace_id}
    assert freed.traces == 2
    assert there(store) == {table.name: left for table in TABLES} | {"feedback": {rated.trace_id}}
    homes = {row["trace_id"] for row in _default(store, "trace_spans")}
    assert homes == {row["trace_id"] for row in _default(store, "span_payloads")} == left
    put(store, replace(failed, answer="later, and changed"))
    later = opened(TRACEWHY_RETENTION_DAYS=1, TRACEWHY_KEEP_FLAGGED_DAYS=2)
    assert retain(later, CLOCK).traces == 4
    assert not any(there(store).values())


def _default(store: Store, table: str) -> list[dict[str, Any]]:
    with store.database.read() as connection:
        found = connection.execute(text(f"SELECT trace_id FROM {table}_default")).mappings()
        return [dict(row) for row in found]


def test_a_trace_over_midnight_goes_whole(opened: Callable[..., Store]) -> None:
    """Its spans of the first day that is kept go with it; those of a trace that stays, from a day that goes, stay."""
    late = NOON.replace(hour=23, minute=59) - timedelta(days=8)
    gone = make_trace(
        started_at=late,
        duration_ns=3600 * 10**9,
        spans=(
            root := make_span(name="request", started_at=late, duration_ns=3600 * 10**9),
            make_span(name="late", parent_id=root.span_id, started_at=late + timedelta(minutes=30)),
        ),
    )
    early = late + timedelta(minutes=5)
    stays = make_trace(
        started_at=early,
        spans=(
            top := make_span(name="request", started_at=early),
            make_span(name="early", parent_id=top.span_id, started_at=late),
        ),
    )
    put(opened(), gone, stays)
    store = opened(TRACEWHY_RETENTION_DAYS=7)
    said = expected(store, CLOCK)
    freed = retain(store, CLOCK)
    assert {row["trace_id"] for row in rows(store.database, traces)} == {stays.trace_id}
    assert {row["trace_id"] for row in rows(store.database, trace_spans)} == {stays.trace_id}
    assert len(rows(store.database, trace_spans)) == 2
    assert freed == said
    assert freed.spans == 2


def test_a_partition_in_use_is_left_for_the_next_run(opened: Callable[..., Store]) -> None:
    """Writers do not wait behind a reader that takes long."""
    put(opened(), ago(8))
    store = opened(TRACEWHY_RETENTION_DAYS=7)
    reading, done = threading.Event(), threading.Event()

    def read() -> None:
        with store.database.write() as connection:
            connection.execute(text("SELECT count(*) FROM trace_spans"))
            reading.set()
            done.wait(PATIENCE_SECONDS)

    reader = threading.Thread(target=read)
    reader.start()
    assert reading.wait(PATIENCE_SECONDS)
    freed = retain(store, CLOCK)
    done.set()
    reader.join()
    assert [line.split(":")[0] for line in freed.left] == ["trace_spans of 2026-11-13"]
    assert freed.traces == 1
    again = retain(store, CLOCK)
    assert (again.partitions, again.left) == (1, ())


def test_what_the_rollups_lack_is_counted_first(opened: Callable[..., Store]) -> None:
    """Aggregated, then dropped: also when the rollups were lost."""
    put(opened(), ago(8), ago(8), ago(1))
    store = opened(TRACEWHY_RETENTION_DAYS=7)
    with store.database.write() as connection:
        connection.execute(text("DELETE FROM trace_metrics"))
    retain(store, CLOCK)
    assert counted(store, "day") == counted(store, "hour") == 2


def test_minutes_go_before_hours_and_days(opened: Callable[..., Store]) -> None:
    """And questions about a time with ragged edges, of which only hours are known, still count it."""
    put(opened(), ago(40.01), ago(40), ago(1))
    store = opened(TRACEWHY_METRICS_DAYS=30)
    said = expected(store, CLOCK)
    freed = retain(store, CLOCK)
    assert freed == said
    assert freed.minutes > 0
    assert (counted(store, "minute"), counted(store, "hour"), counted(store, "day")) == (1, 3, 3)
    start = NOON - timedelta(days=40)
    assert overview.totals(store.database, TraceFilter(start=start, end=start + timedelta(minutes=3))).count == 1
    assert overview.totals(store.database, TraceFilter(start=start + timedelta(minutes=7))).count == 2
    edge = NOON - timedelta(days=1)
    assert overview.totals(store.database, TraceFilter(start=edge + timedelta(minutes=7))).count == 0
    found = overview.latency_over_time(store.database, TraceFilter(start=start, end=start + timedelta(hours=1)))
    assert sum(point.count for point in found) == 1


def test_minutes_that_the_hours_lack_are_kept(opened: Callable[..., Store]) -> None:
    """Until somebody has made the hours anew; the run says so."""
    put(opened(), ago(40))
    store = opened(TRACEWHY_METRICS_DAYS=30)
    with store.database.write() as connection:
        connection.execute(text("UPDATE trace_metrics SET stored = 0 WHERE granularity = 'hour'"))
    freed = retain(store, CLOCK)
    assert (freed.minutes, len(freed.left)) == (0, 1)
    assert counted(store, "minute") == 1


def test_one_process_at_a_time(opened: Callable[..., Store]) -> None:
    """Another is told so, and one that runs by itself waits for its next turn."""
    store = opened(TRACEWHY_RETENTION_DAYS=7)
    put(store, ago(8))
    with alone(store.database):
        with pytest.raises(Busy):
            retain(store, CLOCK)
        Upkeep(store, CLOCK).run_once()
    assert len(rows(store.database, traces)) == 1


def test_a_store_looks_after_itself(opened: Callable[..., Store]) -> None:
    """Each run makes partitions ahead; the first of a day removes what is due."""
    store = opened(TRACEWHY_RETENTION_DAYS=7)
    put(store, ago(8))
    upkeep = Upkeep(store, CLOCK)
    upkeep.run_once()
    assert {part.day for part in partitions(store.database)} == {TODAY.date() + timedelta(days=n) for n in range(3)}
    assert not rows(store.database, traces)
    put(store, ago(8))
    upkeep.run_once()
    assert len(rows(store.database, traces)) == 1, "that day's run is over"
    upkeep.start()
    upkeep.stop()


def test_scattered_days_share_the_default_partition(opened: Callable[..., Store]) -> None:
    """Days long ago, days to come, and days that are removed anyhow get none of their own."""
    store = opened(TRACEWHY_RETENTION_DAYS=7)
    put(store, ago(8), ago(400), ago(-10), ago(7), ago(-2))
    assert {part.day for part in partitions(store.database)} == {date(2026, 11, 14), date(2026, 11, 23)}
    assert retain(store, CLOCK).traces == 2
    assert len({row["trace_id"] for row in rows(store.database, trace_spans)}) == 3


# --- pieces whose root has not come ---


def piece(store: Store, number: int, **fields: Any) -> str:
    """Store a span whose parent never came."""
    preparation = store.writer._delivery.preparation
    trace_id = f"{number:032x}"
    put(store, preparation.assemble(trace_id, [make_span(parent_id="00000000000000aa", **fields)]))
    return trace_id


def age(store: Store, minutes: int) -> None:
    with store.database.write() as connection:
        moment = TODAY - timedelta(minutes=minutes)
        connection.execute(text("UPDATE traces SET updated_at = :moment"), {"moment": moment})


def test_pieces_without_a_root_are_judged_after_an_hour(opened: Callable[..., Store]) -> None:
    """Those kept stand for the others; what failed or has not ended is kept, as always."""
    store = opened(TRACEWHY_MODE="product", TRACEWHY_SUCCESS_SHARE=0.25)
    ids = {piece(store, number) for number in range(200)}
    remarkable = {piece(store, 1001, status=SpanStatus.ERROR), piece(store, 1002, duration_ns=None)}
    age(store, 50)
    look_after(store, CLOCK)
    assert there(store)["traces"] == ids | remarkable
    age(store, 70)
    look_after(store, CLOCK)
    left = there(store)
    assert remarkable < left["traces"]
    kept = left["traces"] - remarkable
    assert 25 < len(kept) < 75
    assert left["trace_spans"] == left["span_payloads"] == files(store) == left["traces"]
    assert counted(store, "day") == pytest.approx(len(kept) * 4 + 2)
    said = {path.stem: json.loads(path.read_bytes()) for path in store.settings.projects_dir.rglob("*.json")}
    assert {said[trace_id]["metadata"]["sampling_probability"] for trace_id in kept} == {0.25}
    look_after(store, CLOCK)
    assert there(store)["traces"] == left["traces"]
    assert counted(store, "day") == pytest.approx(len(kept) * 4 + 2)


def test_pieces_that_their_sender_sampled_are_judged(opened: Callable[..., Store]) -> None:
    """Those kept go on standing for what the sender left out."""
    store = opened(TRACEWHY_MODE="product", TRACEWHY_SUCCESS_SHARE=0.25)
    for number in range(100):
        piece(store, number, otel={"trace_state": "ot=th:8"})
    assert counted(store, "day") == pytest.approx(200)
    age(store, 70)
    look_after(store, CLOCK)
    kept = there(store)["traces"]
    assert 10 < len(kept) < 45
    assert counted(store, "day") == pytest.approx(len(kept) * 2)


def test_when_all_are_kept_pieces_are_too(opened: Callable[..., Store]) -> None:
    """Nothing is judged in develop mode."""
    store = opened()
    piece(store, 1)
    age(store, 70)
    look_after(store, CLOCK)
    assert len(rows(store.database, traces)) == 1


def test_pieces_go_with_a_root_that_is_left_out(opened: Callable[..., Store]) -> None:
    """At once, when the root comes after them."""
    store = opened(TRACEWHY_MODE="product", TRACEWHY_SUCCESS_SHARE=0.0)
    preparation = store.writer._delivery.preparation
    root = make_span(name="ask")
    below = make_span(parent_id=root.span_id)
    for spans in ([below], [root]):
        put(store, preparation.assemble("a" * 32, spans))
    assert not any(there(store).values())
    assert not files(store)
    assert counted(store, "day") == 0


# --- commands ---


def test_the_commands_say_what_they_do(
    opened: Callable[..., Store],
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`retention --dry-run`, `retention`, `partitions` and `backfill`, by the settings of the environment."""
    put(opened(), make_trace(started_at=datetime(2026, 1, 1, tzinfo=UTC)))
    for name, value in (("DATABASE_URL", database_url), ("TRACEWHY_DATA_DIR", str(tmp_path))):
        monkeypatch.setenv(name, value)
    assert main(["retention", "--dry-run"]) == 0
    assert "kept for ever" in capsys.readouterr().out
    monkeypatch.setenv("TRACEWHY_RETENTION_DAYS", "30")
    for arguments, said in (
        (["retention", "--dry-run"], "would remove 1 traces with 3 spans"),
        (["retention"], "removed 1 traces with 3 spans"),
        (["partitions"], "trace_spans"),
        (["backfill", "--since", "2026-01-01", "--until", "2026-01-01"], "2026-01-01 00:00 of project default"),
    ):
        assert main(arguments) == 0
        assert said in capsys.readouterr().out
