"""Lists of traces hold still while one goes through them, and filters mean what they say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import and_, literal, select, true

from tests.factories import NOON, make_trace, milliseconds
from tests.postgres.writing import rate, store
from tracing_core.errors import InvalidInput
from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.query import traces as traces_module
from tracing_core.query.cursor import Sort
from tracing_core.query.filters import TraceFilter, has_words, may_have_words
from tracing_core.query.traces import TraceRow, count_traces, list_traces
from tracing_core.storage.database import Database

ALL = TraceFilter()


def all_pages(database: Database, chosen: TraceFilter, sort: Sort, limit: int) -> list[TraceRow]:
    rows: list[TraceRow] = []
    after: str | None = None
    while True:
        page = list_traces(database, chosen, sort=sort, after=after, limit=limit)
        rows.extend(page.rows)
        after = page.next_cursor
        if after is None:
            return rows


def ids(database: Database, chosen: TraceFilter) -> set[str]:
    return {row.trace_id for row in list_traces(database, chosen).rows}


def test_an_empty_database_has_an_empty_page(database: Database) -> None:
    """Nothing there is no error."""
    page = list_traces(database, ALL)
    assert (page.rows, page.next_cursor) == ((), None)
    assert count_traces(database, ALL).count == 0


def test_a_row_says_what_the_trace_was(database: Database) -> None:
    """The columns of a list come from the trace; long texts are cut, the flag and status are typed."""
    trace = make_trace(answer="a" * 300, query="q" * 600)
    store(database, trace)
    (row,) = list_traces(database, ALL).rows
    assert row.trace_id == trace.trace_id
    assert (row.answer_start, row.query) == ("a" * 200, "q" * 500)
    assert (row.status, row.quality_flag) == (TraceStatus.COMPLETE, QualityFlag.NORMAL)
    assert (row.started_at, row.duration_ms) == (NOON, 3210.0)
    assert (row.span_count, row.decision_count, row.citations_count) == (3, 1, 1)
    assert row.stage_ms == {"retrieval_semantic": 145.0, "llm_generation": 3020.0}
    assert (row.model, row.input_tokens, row.output_tokens) == ("gpt-4o-mini", 1200, 350)
    assert row.cost_usd is not None


@pytest.mark.parametrize("sort", ["newest", "slowest"])
def test_pages_show_each_trace_once_even_with_ties(database: Database, sort: Sort) -> None:
    """Traces of one moment and one duration are told apart by their ids."""
    made = [
        make_trace(started_at=NOON + timedelta(seconds=n // 4), duration_ns=milliseconds(n // 5)) for n in range(23)
    ]
    store(database, *made)
    rows = all_pages(database, ALL, sort, 4)
    assert len(rows) == 23
    assert {row.trace_id for row in rows} == {trace.trace_id for trace in made}
    keys = [(row.started_at if sort == "newest" else row.duration_ms, row.trace_id) for row in rows]
    assert keys == sorted(keys, reverse=True)  # type: ignore[type-var]


def test_pages_hold_still_while_traces_arrive(database: Database) -> None:
    """What arrives after the first page was read neither repeats nor hides a trace on the second."""
    store(database, *(make_trace(started_at=NOON + timedelta(seconds=n)) for n in range(6)))
    first = list_traces(database, ALL, limit=3)
    store(database, *(make_trace(started_at=NOON + timedelta(seconds=n)) for n in (2, 60, 61)))
    second = list_traces(database, ALL, after=first.next_cursor, limit=10)
    assert {row.trace_id for row in first.rows} & {row.trace_id for row in second.rows} == set()
    assert len(second.rows) == 4


def test_the_last_page_has_no_cursor(database: Database) -> None:
    """A page that is exactly full is the last one when nothing follows."""
    store(database, make_trace(), make_trace())
    assert list_traces(database, ALL, limit=2).next_cursor is None
    assert list_traces(database, ALL, limit=1).next_cursor is not None


def test_slowest_leaves_out_what_was_not_timed(database: Database) -> None:
    """An interrupted trace has no duration to sort by."""
    timed = make_trace()
    store(database, timed, make_trace(duration_ns=None))
    assert [row.trace_id for row in list_traces(database, ALL, sort="slowest").rows] == [timed.trace_id]


MATCHING = make_trace(
    project="shop", library="pandas", intent="debug", user_id="ada", session_id="s-9", status=TraceStatus.FAILED,
    started_at=NOON + timedelta(hours=1), duration_ns=milliseconds(9000), confidence=0.1,
    query="Why does merge_asof raise KeyError?",
)  # fmt: skip


@pytest.mark.parametrize(
    "chosen",
    [
        TraceFilter(project="shop"),
        TraceFilter(library="pandas"),
        TraceFilter(intent="debug"),
        TraceFilter(user_id="ada"),
        TraceFilter(session_id="s-9"),
        TraceFilter(status="failed"),
        TraceFilter(quality_flag="LOW_CONFIDENCE"),
        TraceFilter(start=NOON + timedelta(minutes=59)),
        TraceFilter(min_duration_ms=9000),
        TraceFilter(trace_ids=(MATCHING.trace_id, "trc_none", "\x00")),
        TraceFilter(text="merge_asof"),
        TraceFilter(text="keyerror"),
        TraceFilter(text='"does merge_asof raise"'),
        TraceFilter(text="merge_asof -fastapi"),
        TraceFilter(project="shop", text="keyerror", min_duration_ms=1, status="failed", library="pandas"),
    ],
    ids=lambda chosen: ", ".join(sorted(chosen.set_fields())),
)
def test_each_filter_finds_what_it_asks_for(database: Database, chosen: TraceFilter) -> None:
    """One trace has what is asked for, the other has not; count and list agree."""
    store(
        database,
        replace(MATCHING, answer="It needs sorted keys, and both frames must have the column that is named."),
        make_trace(),
    )
    assert ids(database, chosen) == {MATCHING.trace_id}
    assert count_traces(database, chosen).count == 1


@pytest.mark.parametrize(
    "chosen",
    [
        TraceFilter(library=""), TraceFilter(model=""), TraceFilter(max_rating=2), TraceFilter(end=NOON),
        TraceFilter(max_duration_ms=100),
    ],
    ids=lambda chosen: ", ".join(sorted(chosen.set_fields())),
)  # fmt: skip
def test_filters_for_what_is_absent_or_low(database: Database, chosen: TraceFilter) -> None:
    """An empty name asks for traces without one; bounds leave out what is beyond them."""
    odd = make_trace(library=None, spans=(), started_at=NOON - timedelta(hours=1), duration_ns=milliseconds(50))
    store(database, odd, make_trace())
    rate(database, odd, 2)
    assert ids(database, chosen) == {odd.trace_id}


def test_the_range_begins_with_its_start_and_ends_before_its_end(database: Database) -> None:
    """Two ranges side by side share no trace."""
    store(database, make_trace(started_at=NOON))
    assert count_traces(database, TraceFilter(start=NOON, end=NOON + timedelta(hours=1))).count == 1
    assert count_traces(database, TraceFilter(start=NOON - timedelta(hours=1), end=NOON)).count == 0


@pytest.mark.parametrize("text", ["'; DROP TABLE traces; --", "%", "<b>", "((", "!!!", "or and -", '"'])
def test_any_text_can_be_looked_for(database: Database, text: str) -> None:
    """Nothing in a search is taken for SQL or breaks it."""
    store(database, make_trace())
    assert list_traces(database, TraceFilter(text=text)).rows == ()


def test_words_are_found_beyond_the_first_look(database: Database) -> None:
    """A word in the oldest of many traces is found by its index, and pages go on from there."""
    old = [make_trace(started_at=NOON - timedelta(days=1), query="zebra crossing") for _ in range(3)]
    store(database, *old, *(make_trace(started_at=NOON + timedelta(seconds=n)) for n in range(320)))
    found = all_pages(database, TraceFilter(text="zebra"), "newest", 2)
    assert {row.trace_id for row in found} == {trace.trace_id for trace in old}
    assert len(all_pages(database, TraceFilter(text="endpoint"), "newest", 50)) == 320


@pytest.mark.parametrize(("every", "words"), [(1, "endpoint"), (7, "zebra endpoint"), (90, "zebra"), (400, "zebra")])
def test_every_way_of_searching_finds_the_same_pages(
    database: Database, monkeypatch: pytest.MonkeyPatch, every: int, words: str
) -> None:
    """Words on every trace, on some and on few, gone through or looked up: each trace that has them once, in order."""
    made = [
        make_trace(
            started_at=NOON - timedelta(seconds=n),
            duration_ns=n * 1_000_000,
            query="Zebra's" if n % every == 0 else "zebras",
            answer="an endpoint",
        )
        for n in range(1, 801)
    ]
    store(database, *made)
    expected = [trace.trace_id for trace in made if every == 1 or trace.query == "Zebra's"]
    for cost in (0.0, 1e9):
        monkeypatch.setattr(traces_module, "_COST_OF_A_MATCH", cost)
        newest = [row.trace_id for row in all_pages(database, TraceFilter(text=words), "newest", 20)]
        slowest = [row.trace_id for row in all_pages(database, TraceFilter(text=words), "slowest", 20)]
        assert newest == expected == slowest[::-1]


@given(
    st.lists(
        st.sampled_from(["read", "READ", "3", ".", "-", "_", "/", "@", "é", " ", "<", "&", ";", ":", "e"]), max_size=9
    ),
    st.sampled_from(["read", "READ", "3read", "read3", "read_read", "e3", "read e", "3", "3 read", "or"]),
)
def test_the_quick_look_at_words_leaves_none_out(shared_database: Database, said: list[str], words: str) -> None:
    """Wherever the search document has the words, the quick look lets the text through."""
    one = select(literal("".join(said)).label("query"), literal("").label("answer")).subquery()
    with shared_database.read() as connection:
        has, may = connection.execute(select(has_words(words, one), and_(true(), *may_have_words(words, one)))).one()
    assert may or not has


@pytest.mark.parametrize(
    ("field", "arguments"),
    [("limit", {"limit": 0}), ("limit", {"limit": 1001}), ("sort", {"sort": "odd"}), ("cursor", {"after": "?"})],
)
def test_arguments_that_do_not_fit_are_named(database: Database, field: str, arguments: dict[str, object]) -> None:
    """The error says which."""
    with pytest.raises(InvalidInput) as caught:
        list_traces(database, ALL, **arguments)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_counting_stops_at_its_bound(database: Database) -> None:
    """More than were counted is said, not guessed."""
    store(database, *(make_trace() for _ in range(5)))
    some, all_of_them = count_traces(database, ALL, at_most=4), count_traces(database, ALL, at_most=5)
    assert (some.count, some.exact) == (4, False)
    assert (all_of_them.count, all_of_them.exact) == (5, True)
