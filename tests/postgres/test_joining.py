"""Pieces of traces in the database: in any order, at once, late or twice, they are stored as if all had come together (E1)."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from tests.factories import NOON, make_decision, make_span, make_trace, milliseconds
from tests.pieces import NS, TRACE_ID, cut, otlp_traces
from tests.postgres.tables import assert_balanced, ledger_of, rows
from tests.postgres.writing import rate
from tests.surroundings import PATIENCE_SECONDS, make_preparation
from tracing_core.given import from_stored
from tracing_core.ledger import Ledger
from tracing_core.model import SpanData, SpanKind, SpanStatus, TraceData
from tracing_core.preparing import Preparation
from tracing_core.query.trace import decisions as decisions_of
from tracing_core.query.trace import get_trace, span_payload
from tracing_core.query.trace import spans as spans_of
from tracing_core.sampling import keep_share
from tracing_core.storage.database import Database
from tracing_core.storage.payloads import spans_in, stored_parts
from tracing_core.storage.tables import decisions, feedback, span_payloads, trace_metrics, trace_spans, traces
from tracing_core.storage.write import TraceTable
from tracing_core.written import Written

_TABLES = (traces, trace_spans, decisions, trace_metrics)
_NOT_COMPARED = frozenset({"created_at", "updated_at", "part", "trace_file_path"})


class Writer:
    """Writes pieces of traces into a database, with files below a directory."""

    def __init__(self, database: Database, preparation: Preparation | None = None) -> None:
        self.preparation = preparation or make_preparation()
        self.table = TraceTable(database, self.preparation)

    def write(self, *pieces: tuple[str, Sequence[SpanData]] | TraceData) -> dict[str, Written]:
        """In one transaction, each piece ready by itself."""
        return self.table.write([p for piece in pieces if (p := self._prepared(piece)) is not None], Ledger())

    def _prepared(self, piece: tuple[str, Sequence[SpanData]] | TraceData) -> Any:
        if isinstance(piece, TraceData):
            return self.preparation.prepare(piece)
        trace_id, spans = piece
        return self.preparation.prepare(self.preparation.assemble(trace_id, spans), received=len(spans))


def emptied(database: Database) -> None:
    with database.write() as connection:
        names = "traces, trace_spans, span_payloads, decisions, feedback, trace_metrics, ledger"
        connection.execute(text(f"TRUNCATE {names}"))


def stored(database: Database) -> dict[str, Any]:
    """All that is stored, as far as it does not say when and in which portions."""
    found: dict[str, Any] = {}
    for table in _TABLES:
        plain = [
            {name: value for name, value in row.items() if name not in _NOT_COMPARED} for row in rows(database, table)
        ]
        if table is trace_metrics:
            plain = [_rounded(row) for row in plain if row["stored"]]
        found[table.name] = sorted(plain, key=repr)
    found["contents"] = read_back(database)
    return found


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    """A sum depends on the order of its parts in the last digits."""
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()}


def read_back(database: Database) -> dict[str, dict[str, SpanData]]:
    with database.read() as connection:
        found = {row["trace_id"]: dict(row) for row in connection.execute(select(traces)).mappings()}
        parts = stored_parts(connection, [(trace_id, row["started_at"]) for trace_id, row in found.items()])
    return {
        trace_id: {span.span_id: from_stored(span, row) for span in spans_in(parts.get(trace_id, {}))}
        for trace_id, row in found.items()
    }


def assert_rollups_fit(database: Database) -> None:
    """No count is below zero, and those of whole traces are as many as there are."""
    metrics = rows(database, trace_metrics)
    assert all(row["stored"] >= 0 and row["count"] > -1e-6 for row in metrics)
    whole = [row for row in metrics if (row["dimension"], row["granularity"]) == ("trace", "day")]
    assert sum(row["stored"] for row in whole) == len(rows(database, traces))


def otlp(number: int, parent: int | None = None, later: timedelta = timedelta(0), **fields: Any) -> SpanData:
    """A span of a second as OTLP brings it, `later` than noon."""
    start_ns = NS + int(later / timedelta(microseconds=1)) * 1000
    otel = {"start_ns": start_ns, "end_ns": start_ns + 10**9} | fields.pop("otel", {})
    given = {"name": f"span {number % 7}", "duration_ns": 10**9, "started_at": NOON + later, "otel": otel}
    parent_id = None if parent is None else f"{parent:016x}"
    return make_span(span_id=f"{number:016x}", parent_id=parent_id, **(given | fields))


# --- any order, any pieces ---


@settings(max_examples=25, deadline=None, suppress_health_check=[*HealthCheck])
@given(otlp_traces(), st.randoms(use_true_random=False))
def test_pieces_are_stored_as_if_all_had_come_together(
    database: Database, spans: list[SpanData], chance: random.Random
) -> None:
    """Rows, decisions, rollups and contents are the same, whatever the pieces, their order and their transactions."""
    emptied(database)
    writer = Writer(database)
    writer.write((TRACE_ID, spans))
    whole = stored(database)
    assert_balanced(database)
    emptied(database)
    pieces = [(TRACE_ID, piece) for piece in cut(spans, chance)]
    while pieces:
        together = chance.randint(1, len(pieces))
        writer.write(*pieces[:together])
        pieces = pieces[together:]
    assert stored(database) == whole
    assert_balanced(database)
    assert_rollups_fit(database)


@settings(max_examples=15, deadline=None, suppress_health_check=[*HealthCheck])
@given(st.randoms(use_true_random=False))
def test_recorded_traces_join_what_others_send(database: Database, chance: random.Random) -> None:
    """A recorded trace, and spans that another program sends below it: before, after, twice."""
    emptied(database)
    trace = make_trace(trace_id="trc_20261121_120000_00000000000000aa")
    below = [otlp(900 + n, later=timedelta(seconds=n)) for n in range(4)]
    below = [replace(span, parent_id=trace.spans[1].span_id) for span in below]
    writer = Writer(database)
    pieces: list[Any] = [trace, trace, *((trace.trace_id, piece) for piece in cut(below, chance))]
    writer.write(*pieces)
    whole = stored(database)
    emptied(database)
    chance.shuffle(pieces)
    for piece in pieces:
        writer.write(piece)
    assert stored(database) == whole
    (row,) = rows(database, traces)
    assert (row["source"], row["query"], row["span_count"]) == ("native", trace.query, 7)
    assert_balanced(database)
    assert_rollups_fit(database)


def test_the_file_is_the_same_as_if_all_had_come_together(database: Database, data_dir: Path) -> None:
    """The last piece writes the whole file."""
    spans = [otlp(1, decisions=(make_decision(),)), otlp(2, 1), otlp(3, 2, attributes={"a": [1, 2]})]
    Writer(database, make_preparation(data_dir / "whole")).write((TRACE_ID, spans))
    emptied(database)
    writer = Writer(database, make_preparation(data_dir / "pieces"))
    for span in reversed(spans):
        writer.write((TRACE_ID, [span]))
    whole, pieces = ((data_dir / name).rglob("*.json") for name in ("whole", "pieces"))
    assert next(whole).read_bytes() == next(pieces).read_bytes()


def test_a_rating_between_pieces_counts_once(database: Database) -> None:
    """The rating, the flag it made and its sums move with the trace to where its root says that it belongs."""
    writer = Writer(database)
    call = {"gen_ai.request.model": "gpt-4o-mini", "gen_ai.usage.input_tokens": 5}
    child, root = (
        otlp(2, 1, timedelta(minutes=2), attributes=call),
        otlp(1, otel={"resource": {"service.name": "shop"}}),
    )
    writer.write((TRACE_ID, [child]))
    rate(database, make_trace(trace_id=TRACE_ID), rating=1)
    writer.write((TRACE_ID, [root]))
    rate(database, make_trace(trace_id=TRACE_ID), rating=2, user_id="other")
    (row,) = rows(database, traces)
    assert (row["rating"], row["quality_flag"], row["project"]) == (1, "USER_NEGATIVE", "shop")
    for line in rows(database, trace_metrics):
        if line["dimension"] != "operation":
            there = 1 if line["project"] == "shop" and line["bucket"] <= NOON and line["stored"] else 0
            assert (line["rating_count"], line["rating_sum"]) == (2 * there, 3 * there), line
            assert line["flag_user_negative"] == there
    assert_rollups_fit(database)


def test_a_piece_with_nothing_new_changes_nothing(database: Database) -> None:
    """Also what JSON changes, such as tuples and numbers that are none, is known again."""
    writer = Writer(database)
    odd = {"nan": float("nan"), "tuple": (1, (2,)), "big": 2**70, "nul": "a\x00b", "half": "\ud800"}
    spans = [otlp(1, attributes=odd), otlp(2, 1)]
    writer.write((TRACE_ID, spans))
    before = stored(database), rows(database, span_payloads)
    fates = writer.write((TRACE_ID, spans[:1]))
    assert fates[TRACE_ID].outcome == "again"
    assert (stored(database), rows(database, span_payloads)) == before
    native = make_trace(query="nul \x00", answer="half \ud800")
    writer.write(native)
    assert writer.write(native)[native.trace_id].outcome == "again"
    assert_balanced(database)


# --- contents ---


@pytest.mark.parametrize("size", [1, 255, 256, 257, 300, 512, 700])
def test_every_span_of_a_large_piece_is_found(database: Database, size: int) -> None:
    """However many spans a late piece has, each row says where the content of its span is."""
    writer = Writer(database)
    writer.write((TRACE_ID, [otlp(1)]))
    writer.write((TRACE_ID, [otlp(number, 1, attributes={"n": number}) for number in range(2, 2 + size)]))
    for number in range(2, 2 + size, 37):
        payload = span_payload(database, TRACE_ID, f"{number:016x}")
        assert payload is not None
        assert payload.attributes == {"n": number}


def test_what_a_called_process_says_stays_when_its_caller_speaks(database: Database) -> None:
    """The long texts of the called trace are its root's again once the row has the caller's."""
    caller = make_trace(query="caller?", answer="caller!")
    called = make_trace(
        trace_id=caller.trace_id, query="called?", answer="called!", parent_span_id=caller.spans[1].span_id
    )
    writer = Writer(database)
    writer.write(called)
    writer.write(caller)
    writer.write((caller.trace_id, [otlp(999, 1)]))
    (row,) = rows(database, traces)
    assert row["query"] == "caller?"
    root = read_back(database)[caller.trace_id][called.spans[0].span_id]
    assert (root.attributes["tracewhy.query"], root.attributes["tracewhy.answer"]) == ("called?", "called!")


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
    assert {row["project"] for row in rows(database, trace_metrics) if row["stored"]} == {"shop"}
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
    assert all(row["stored"] == 0 and abs(row["count"]) < 1e-6 for row in rows(database, trace_metrics))
    assert_balanced(database)
    counts = ledger_of(database)
    assert counts == {"received": 3, "sampled_out": 2, "stored: piece": 1}


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
