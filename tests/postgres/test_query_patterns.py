"""Patterns and advice asked of a real database: what is drawn, what is put together, what it would have saved."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from tests.factories import NOON, make_span, make_spans, make_trace
from tests.postgres.writing import rate, store
from tests.unit.test_question_clusters import QUESTIONS
from tracing_core.advice.saving import AdviceKind
from tracing_core.cost import CostTracker
from tracing_core.evidence_gaps import Gap
from tracing_core.model import SpanStatus, TraceData, TraceStatus
from tracing_core.query import trace_sample
from tracing_core.query.advice import advice_report
from tracing_core.query.failures import failures
from tracing_core.query.filters import TraceFilter
from tracing_core.query.patterns import question_patterns, trace_rows
from tracing_core.query.trace_sample import drawn
from tracing_core.query.user_segments import activity, users
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces

EVERYTHING = TraceFilter()


def failing(number: int, error: str, *, complete: bool = False) -> TraceData:
    """A trace whose generation fails, and with it the root unless the trace got over it."""
    at = NOON + timedelta(minutes=number)
    root, retrieval, generation = make_spans(at, 10**9)
    bad = replace(generation, status=SpanStatus.ERROR, error=error)
    top = root if complete else replace(root, status=SpanStatus.ERROR, error=error)
    status = TraceStatus.COMPLETE if complete else TraceStatus.FAILED
    return make_trace(started_at=at, status=status, error=None if complete else error, spans=(top, retrieval, bad))


def test_a_draw_of_all_is_whole_and_one_of_some_stands_for_all(database: Database) -> None:
    """Thirty traces: a draw of 30 weighs each 1, one of 10 each 3; the same draw each time."""
    store(database, *[make_trace() for _ in range(30)])
    with database.read() as connection:
        every, whole = drawn(connection, EVERYTHING, 30, [traces.c.trace_id])
        some, part = drawn(connection, EVERYTHING, 10, [traces.c.trace_id])
        again, _ = drawn(connection, EVERYTHING, 10, [traces.c.trace_id])
    assert (whole.looked_at, whole.stands_for, whole.whole) == (30, 30, True)
    assert (part.looked_at, part.stands_for, part.whole) == (10, 30, False)
    assert sum(row["weight"] for row in every) == sum(row["weight"] for row in some) == 30
    assert some == again
    assert [row["trace_id"] for row in some] == [row["trace_id"] for row in every][:10]


def test_a_draw_by_pages_keeps_to_the_filter(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where too many would be gone through, pages are drawn; of so few traces these are all: the draw is the same."""
    store(database, *[make_trace(library="pandas" if n % 2 else "fastapi") for n in range(40)])
    pandas, columns = TraceFilter(library="pandas"), [traces.c.library, traces.c.trace_id]
    with database.read() as connection:
        gone_through = drawn(connection, pandas, 8, columns)
        monkeypatch.setattr(trace_sample, "CHEAP", 0)
        rows, found = drawn(connection, pandas, 8, columns)
    assert (rows, found) == gone_through
    assert [row["library"] for row in rows] == ["pandas"] * 8
    assert found.stands_for == 20
    assert not found.whole


def test_a_draw_never_reads_more_pages_than_it_may(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is rare is looked for in some pages alone: fewer than were asked for may come, and they are not called all."""
    store(database, *[make_trace(release="rare" if n == 3 else "1.0") for n in range(300)])
    with database.autocommit() as connection:
        connection.execute(text("ANALYZE traces"))
    monkeypatch.setattr(trace_sample, "CHEAP", 0)
    monkeypatch.setattr(trace_sample, "IN_PAGES", 30)
    with database.read() as connection:
        rare, of_rare = drawn(connection, EVERYTHING, 50, [], traces.c.release == "rare")
        rows, found = drawn(connection, EVERYTHING, 200, [])
    assert len(rare) <= 1
    assert not of_rare.whole
    assert len(rows) < 150
    assert not found.whole
    assert sum(row["weight"] for row in rows) == pytest.approx(found.stands_for)


def test_traces_that_stand_for_others_count_for_them(database: Database) -> None:
    """One kept of four weighs four, and with a draw of half of them eight."""
    store(database, *[make_trace() for _ in range(10)])
    with database.write() as connection:
        connection.execute(update(traces).values(sampling_probability=0.25))
    with database.read() as connection:
        rows, _ = drawn(connection, EVERYTHING, 5, [])
    assert [row["weight"] for row in rows] == [8.0] * 5


def test_topics_are_those_of_the_chosen_traces(database: Database) -> None:
    """Questions are counted once, with their trend and with those that got no evidence."""
    now = [make_trace(query=text, started_at=NOON + timedelta(minutes=n)) for n, text in enumerate(QUESTIONS)]
    before = [
        make_trace(query=text, started_at=NOON - timedelta(minutes=1 + n)) for n, text in enumerate(QUESTIONS[:15])
    ]
    bare = make_trace(query="How do I brew tea?", citations_count=0, started_at=NOON)
    store(database, *now, *before, bare)
    found = question_patterns(database, TraceFilter(start=NOON), TraceFilter(start=NOON - timedelta(days=1), end=NOON))
    assert found.drawn.looked_at == len(QUESTIONS) + 1
    assert sum(each.seen for each in found.found.clusters) == len(QUESTIONS) + 1
    assert sum(each.before or 0 for each in found.found.clusters) == 15
    (gap,) = found.found.gaps
    assert (gap.trace_id, gap.gaps) == (bare.trace_id, (Gap.NO_CITATION,))
    ids = found.found.clusters[0].trace_ids
    assert [row.trace_id for row in trace_rows(database, [*ids[:3], "gone"])] == list(ids[:3])


def test_a_failure_counts_where_it_began(database: Database) -> None:
    """The root fails because of the generation; a trace that got over it is told apart; new is what was not before."""
    old = failing(-60, "TimeoutError: no answer in 5 s")
    store(database, old, failing(1, "TimeoutError: no answer in 30 s"), failing(2, "TimeoutError: no answer in 31 s"))
    store(database, failing(3, "KeyError: 'x'", complete=True))
    found = failures(database, TraceFilter(start=NOON), TraceFilter(start=NOON - timedelta(days=1), end=NOON))
    first, second = found.patterns
    assert (first.stage, first.error_type, first.count, first.recovered, first.before) == (
        "llm_generation", "TimeoutError", 2.0, 0.0, 1.0,
    )  # fmt: skip
    assert (second.error_type, second.recovered, second.is_new) == ("KeyError", 1.0, True)
    assert (found.failed, found.all_failed) == (2, True)


def test_a_failed_trace_without_a_failed_span_is_told_by_its_own_error(database: Database) -> None:
    """Nothing that failed is passed over."""
    store(database, make_trace(status=TraceStatus.FAILED, error="the model went away"))
    (pattern,) = failures(database, EVERYTHING).patterns
    assert (pattern.stage, pattern.name, pattern.before) == ("", "the model went away", None)


def test_users_are_added_up_with_all_their_ratings(database: Database) -> None:
    """Questions, libraries and the mean of every rating of a user's traces, not of the lowest alone."""
    mine = [make_trace(user_id="a", library="pandas") for _ in range(3)]
    store(database, *mine, make_trace(user_id="b"), make_trace(user_id=None))
    rate(database, mine[0], 5, user_id="x")
    rate(database, mine[0], 2, user_id="y")
    found = users(database, EVERYTHING)
    assert [(each.facts.user_id, each.facts.questions) for each in found.users] == [("a", 3.0), ("b", 1.0)]
    assert (found.users[0].facts.rating, found.users[0].facts.rated) == (3.5, 2)
    assert found.users[0].facts.libraries == {"pandas": 3.0}
    assert (found.looked_at, found.whole) == (4, True)


def test_the_week_has_every_question_in_its_hour(database: Database) -> None:
    """NOON is a Saturday, 12:00 UTC; all 168 hours are there, with the newest of each that had any."""
    store(database, make_trace(started_at=NOON), make_trace(started_at=NOON - timedelta(days=7)))
    hours = activity(database, TraceFilter(start=NOON - timedelta(days=8)))
    assert len(hours) == 168
    assert [(each.weekday, each.hour, each.count, each.newest) for each in hours if each.count] == [(5, 12, 2, NOON)]
    assert activity(database, TraceFilter(project="none")) == ()


def test_repeated_questions_are_found_with_what_they_cost(database: Database) -> None:
    """Twelve questions asked twice, answered alike: twelve answers need not have been paid for."""
    asked = [
        make_trace(query=f"What is  {name}?", started_at=NOON + timedelta(minutes=minutes))
        for name in "abcdefghijkl"
        for minutes in (0, 5)
    ]
    store(database, *asked)
    report = advice_report(database, EVERYTHING, CostTracker())
    (advice,) = [each for each in report.advice if each.kind is AdviceKind.REPEATED_QUESTIONS]
    assert advice.saved is not None
    assert report.spent_usd is not None
    assert float(advice.saved.usd) == pytest.approx(float(report.spent_usd) / 2)
    assert {each.kind for each in report.silent} == set(AdviceKind) - {AdviceKind.REPEATED_QUESTIONS}


def test_documents_are_found_in_the_prompt_they_were_sent_in(database: Database) -> None:
    """Only the first of four documents is ever cited: the budget is one, whoever recorded it by marks in the answer."""
    texts = [f"document number {name} says something of its own " * 8 for name in ("one", "two", "three", "four")]
    prompt = "\n".join(texts)
    made = []
    for number in range(200):
        root, retrieval, generation = make_spans(NOON, 10**9)
        found = replace(retrieval, evidence={"kept": [{"id": str(n), "text": text} for n, text in enumerate(texts)]})
        asked = replace(generation, prompts={"user_message": prompt})
        made.append(make_trace(query=f"question {number}", answer="So it is [1].", spans=(root, found, asked)))
    store(database, *made)
    report = advice_report(database, EVERYTHING, CostTracker())
    (advice,) = [each for each in report.advice if each.kind is AdviceKind.TOKEN_BUDGET]
    assert "at most 1 document" in advice.title
    assert advice.saved is not None
    input_usd = 200 * 1200 * 0.15e-6
    assert float(advice.saved.usd) == pytest.approx(input_usd * 0.75, rel=0.05)


def test_nothing_stored_is_nothing_to_say(database: Database) -> None:
    """An empty database has no patterns and no advice, and says why."""
    assert question_patterns(database, EVERYTHING).found.clusters == ()
    assert failures(database, EVERYTHING).patterns == ()
    assert users(database, EVERYTHING).users == ()
    report = advice_report(database, EVERYTHING, CostTracker())
    assert (report.advice, report.spent_usd, report.read) == ((), None, 0)
    assert {each.kind for each in report.silent} == set(AdviceKind)


def test_what_no_longer_has_contents_is_left_out(database: Database) -> None:
    """Traces without stored spans do no harm."""
    store(database, make_trace(spans=(make_span(name="request"),)))
    assert advice_report(database, EVERYTHING, CostTracker()).read == 1


def test_nothing_is_new_where_nothing_was_before(database: Database) -> None:
    """A period before without any traces tells of no trend, neither of topics nor of failures."""
    store(database, *[make_trace(query=text) for text in QUESTIONS], failing(1, "KeyError: 'x'"))
    before = TraceFilter(start=NOON - timedelta(days=1), end=NOON)
    found = question_patterns(database, TraceFilter(start=NOON), before)
    assert {each.before for each in found.found.clusters} == {None}
    assert [each.is_new for each in failures(database, TraceFilter(start=NOON), before).patterns] == [False]
