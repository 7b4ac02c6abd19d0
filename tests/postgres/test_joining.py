"""Pieces of traces in the database: in any order, at once, late or twice, they are stored as if all had come together (E1)."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import NOON, make_decision, make_trace
from tests.pieces import TRACE_ID, cut, otlp_traces
from tests.postgres.pieces_written import Writer, assert_rollups_fit, emptied, otlp, read_back, stored
from tests.postgres.tables import assert_balanced, rows
from tests.postgres.writing import rate
from tests.surroundings import make_preparation
from tracing_core.model import SpanData
from tracing_core.query.trace import span_payload
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import trace_metrics
from tracing_core.storage.tables import span_payloads, traces

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
