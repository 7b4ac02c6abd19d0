"""What a late piece of a large trace costs: it is bounded by the piece, and what is remembered changes nothing (E1)."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.factories import make_decision, make_trace
from tests.pieces import TRACE_ID, cut, otlp_traces
from tests.postgres.pieces_written import Writer, assert_rollups_fit, emptied, otlp, stored
from tests.postgres.tables import assert_balanced
from tests.postgres.writing import rate
from tests.surroundings import make_preparation
from tracing_core.files import TraceFiles
from tracing_core.model import SpanData
from tracing_core.preparing import Preparation
from tracing_core.query.filters import TraceFilter
from tracing_core.query.whole_traces import whole_traces
from tracing_core.storage.database import Database
from tracing_core.storage.join_memory import JoinMemory
from tracing_core.storage.remove import remove_rows
from tracing_core.storage.write import TraceTable


class Remembering(Writer):
    """A writer that remembers traces of any size."""

    def __init__(self, database: Database, preparation: Preparation | None = None) -> None:
        super().__init__(database, preparation)
        self.table = TraceTable(database, self.preparation, memory=JoinMemory(fewest_spans=0))


@settings(max_examples=25, deadline=None, suppress_health_check=[*HealthCheck])
@given(otlp_traces(), st.randoms(use_true_random=False))
def test_what_is_remembered_changes_nothing(database: Database, spans: list[SpanData], chance: random.Random) -> None:
    """Two processes write pieces by turns, each with its own memory, and a person rates: the same is stored as at once."""
    emptied(database)
    Writer(database).write((TRACE_ID, spans))
    rate(database, make_trace(trace_id=TRACE_ID), rating=4)
    whole = stored(database)
    emptied(database)
    processes = [Remembering(database), Remembering(database)]
    pieces = cut(spans, chance)
    rated = chance.randrange(len(pieces))
    for number, piece in enumerate(pieces):
        chance.choice(processes).write((TRACE_ID, piece))
        if number == rated:
            rate(database, make_trace(trace_id=TRACE_ID), rating=4)
    assert stored(database) == whole
    assert_balanced(database)
    assert_rollups_fit(database)


@settings(max_examples=15, deadline=None, suppress_health_check=[*HealthCheck])
@given(st.randoms(use_true_random=False))
def test_recorded_traces_are_remembered_with_their_texts(database: Database, chance: random.Random) -> None:
    """Also those whose row holds the texts of another root from now on."""
    emptied(database)
    caller = make_trace(query="caller?", answer="caller!", trace_id="trc_20261121_120000_00000000000000aa")
    called = make_trace(
        trace_id=caller.trace_id, query="called?", answer="called!", parent_span_id=caller.spans[1].span_id
    )
    below = [replace(otlp(900 + n), parent_id=called.spans[1].span_id) for n in range(3)]
    pieces: list[Any] = [caller, called, called, *((caller.trace_id, piece) for piece in cut(below, chance))]
    Writer(database).write(*pieces)
    whole = stored(database)
    emptied(database)
    processes = [Remembering(database), Remembering(database)]
    chance.shuffle(pieces)
    for piece in pieces:
        chance.choice(processes).write(piece)
    assert stored(database) == whole


def test_a_trace_that_was_removed_meanwhile_is_not_remembered(database: Database) -> None:
    """It begins anew, with what comes after."""
    writer = Remembering(database)
    writer.write((TRACE_ID, [otlp(2, 1, decisions=(make_decision(),))]))
    writer.write((TRACE_ID, [otlp(3, 1)]))
    remove_rows(database, "default")
    writer.write((TRACE_ID, [otlp(4, 1)]))
    writer.write((TRACE_ID, [otlp(5, 1)]))
    found = stored(database)
    assert [row["span_id"] for row in found["trace_spans"]] == [f"{number:016x}" for number in (4, 5)]
    assert found["decisions"] == []


def test_a_piece_writes_no_more_rows_and_bytes_than_it_brings(database: Database, data_dir: Path) -> None:
    """Of a trace in twenty pieces each writes its own spans, decisions and contents, and the row of the trace."""
    writer = Writer(database, make_preparation(data_dir))
    spans = _large()
    written = 0
    for piece in _pieces(spans):
        before = _transaction(database)
        writer.write((TRACE_ID, piece))
        counts = _written_since(database, before)
        assert counts["trace_spans"] <= len(piece) + 1  # and the one that stood at the top until the root came
        assert counts["decisions"] <= len(piece)
        assert counts["bytes"] < 300 * len(piece)
        written += counts["bytes"]
    emptied(database)
    before = _transaction(database)
    Writer(database).write((TRACE_ID, spans))
    assert written < 1.5 * _written_since(database, before)["bytes"]


def test_the_bytes_written_into_files_grow_with_the_trace_and_not_with_its_pieces(
    database: Database, data_dir: Path
) -> None:
    """Pieces lie beside the file of a large trace until it has grown by half; who reads the file reads them, too."""
    files = TraceFiles(data_dir / "projects")
    preparation = replace(make_preparation(), files=files)
    writer = Writer(database, preparation)
    spans = _large()
    sizes: dict[tuple[str, int], int] = {}
    for number, piece in enumerate(_pieces(spans), start=1):
        writer.write((TRACE_ID, piece))
        sizes |= {(str(path), (of := path.stat()).st_mtime_ns): of.st_size for path in _files_in(data_dir)}
        found = files.read("default", TRACE_ID)
        assert found is not None
        assert len(found.spans) == number * len(piece)
    (path,) = _files_in(data_dir)  # the last piece has the root: the file is whole
    assert sum(sizes.values()) < 5 * path.stat().st_size
    ((whole, _),) = [(list(traces), gone) for traces, gone in whole_traces(database, TraceFilter())]
    assert files.read("default", TRACE_ID) == whole[0]


def _large(count: int = 2000) -> list[SpanData]:
    return [
        otlp(
            number,
            None if number == 1 else max(1, number // 5),
            timedelta(milliseconds=number),
            attributes={"n": number, "input.value": f"question {number} " * 20},
            decisions=(make_decision(what=number),) if number % 10 == 0 else (),
        )
        for number in range(1, count + 1)
    ]


def _pieces(spans: list[SpanData], size: int = 100) -> list[list[SpanData]]:
    """As exporters send them: those that end first come first, and the last piece has the root."""
    ordered = [*spans[1:], spans[0]]
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def _transaction(database: Database) -> int:
    with database.write() as connection:
        return int(connection.execute(text("SELECT pg_current_xact_id()::text")).scalar_one())


def _written_since(database: Database, transaction: int) -> dict[str, int]:
    """The rows that were written after a transaction, and the bytes of contents."""
    with database.read() as connection:
        found = connection.execute(_WRITTEN, {"transaction": transaction}).mappings().one()
    return dict(found)


_WRITTEN = text("""
SELECT
    (SELECT count(*) FROM trace_spans WHERE xmin::text::bigint > :transaction) AS trace_spans,
    (SELECT count(*) FROM decisions WHERE xmin::text::bigint > :transaction) AS decisions,
    (SELECT coalesce(sum(length(content || rest)), 0)::int FROM span_payloads WHERE xmin::text::bigint > :transaction) AS bytes
""")


def _files_in(data_dir: Path) -> list[Path]:
    return [path for path in data_dir.rglob(f"{TRACE_ID}*") if path.is_file()]
