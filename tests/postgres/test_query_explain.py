"""Explain on stored traces: what is planted is named first, with its numbers, its filter and traces that show it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from tests.factories import NOON, make_decision, make_span, make_trace, milliseconds
from tests.postgres.writing import store
from tracing_core.errors import TraceNotFound
from tracing_core.explain.result import Bars, Cohort, CohortKind, Explanation, Reference
from tracing_core.model import SpanKind, SpanStatus, TraceData, TraceStatus
from tracing_core.query import explain_sample
from tracing_core.query.explain import explain
from tracing_core.query.filters import TraceFilter
from tracing_core.query.traces import list_traces
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces

COUNT = 400
LIBRARIES, SEGMENTS, PROMPTS = (
    ("fastapi", "pandas", "plotly", "sqlalchemy"),
    ("free", "team", "enterprise"),
    ("v6", "v7"),
)
END = NOON + timedelta(hours=8)
CHOSEN = TraceFilter(start=NOON, end=END)


def made(number: int) -> TraceData:
    """A run with a collection, which reddit makes slow in pandas, and a generation; with facts that mean nothing."""
    chance = random.Random(number)
    library, reddit = chance.choice(LIBRARIES), chance.random() < 0.3
    collection = 40 * chance.lognormvariate(0, 0.3) + (5000 if reddit and library == "pandas" else 0)
    generation, began = 800 * chance.lognormvariate(0, 0.2), NOON + timedelta(minutes=number)
    failed = chance.random() < 0.08
    facts = {f"fact.{name}": chance.choice("abcd") for name in range(8)}
    facts |= {"user.segment": chance.choice(SEGMENTS), "prompt.version": chance.choice(PROMPTS)}
    whole = collection + generation
    root = make_span(
        name="request", kind=SpanKind.ROOT, started_at=began, duration_ns=milliseconds(whole), attributes=facts
    )
    sure = chance.random() < 0.2
    decision = make_decision(decision="routing", what="cache" if sure else chance.choice(("search", "ask")),
                             confidence=0.97 if sure else round(chance.uniform(0.3, 0.9), 2))  # fmt: skip
    found = {"collected_count": 3, "by_source": {"reddit": 1, "docs": 2} if reddit else {"docs": 3}, "kept": []}
    return make_trace(
        library=library, started_at=began, duration_ns=milliseconds(whole), session_id=f"s{number}", user_id=f"u{number % 50}",
        status=TraceStatus.FAILED if failed else TraceStatus.COMPLETE,
        spans=(
            root,
            make_span(parent_id=root.span_id, name="collection", kind=SpanKind.STAGE, started_at=began,
                      duration_ns=milliseconds(collection), decisions=(decision,), evidence=found),
            make_span(parent_id=root.span_id, name="generation", kind=SpanKind.STAGE, duration_ns=milliseconds(generation),
                      started_at=began + timedelta(milliseconds=collection),
                      status=SpanStatus.ERROR if failed else SpanStatus.OK, error="RateLimit: 429" if failed else None),
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def filled(shared_database: Database) -> Database:
    """The runs, of which some are rated badly and some fail their gate for a reason."""
    chance = random.Random(5)
    written = [made(number) for number in range(COUNT)]
    store(shared_database, *written)
    with shared_database.write() as connection:
        for trace in written:
            said, routing = trace.spans[0].attributes, trace.spans[1].decisions[0]
            bad = said["prompt.version"] == "v7" and said["user.segment"] == "enterprise"
            rating = chance.choice((1, 2)) if chance.random() < (0.85 if bad else 0.08) else chance.choice((4, 5))
            passed = chance.random() > (0.7 if routing.what == "cache" else 0.05)
            values = {"rating": rating, "quality_gate_passed": passed}
            connection.execute(update(traces).where(traces.c.trace_id == trace.trace_id).values(**values))
    return shared_database


Ask = Callable[..., Explanation]


@pytest.fixture
def ask(filled: Database) -> Ask:
    """Asks for a cohort of the eight hours."""

    def asked(kind: CohortKind = "slow", against: Reference | None = None, **said: Any) -> Explanation:
        cohort = Cohort(kind=kind, chosen=said.pop("chosen", CHOSEN), **said)
        return explain(filled, cohort, against or Reference(), now=END, seconds=60)

    return asked


def test_a_slow_source_in_one_library_is_named_first(ask: Ask) -> None:
    """The pair is the cause; that collection was slow follows from it, and collection carries the time."""
    found = ask()
    first = found.findings[0]
    assert first.subject in ("source = reddit and library = pandas", "library = pandas and source = reddit")
    assert (first.rank, first.role, first.of) == (1, "cause", None)
    assert first.carried is not None
    assert first.carried.stage == "collection"
    assert first.carried.ratio > 50
    assert first.sentence.startswith("collection took ")
    assert f"{first.these_hits} of {found.these.looked_at} slow traces against" in first.sentence
    collection = next(each for each in found.findings if each.parts[0].kind == "stage" and each.subject == "collection")
    assert (collection.role, collection.of) == ("follows", 1)
    assert found.carriers[0].stage == "collection"
    assert found.extra_ms == pytest.approx(4900, rel=0.2)
    assert found.carriers[0].share > 0.9
    assert not {"duration", "the run"} & {each.parts[0].subject for each in found.findings}


def test_the_traces_of_a_finding_are_a_click_away(ask: Ask, filled: Database) -> None:
    """Its filter lists just those of the cohort that have it; the examples are among them."""
    first = ask().findings[0]
    assert first.chosen is not None
    listed = {row.trace_id for row in list_traces(filled, first.chosen, limit=200).rows}
    assert len(listed) == first.these_hits
    assert first.examples
    assert set(first.examples) <= listed


def test_a_bad_prompt_version_for_one_segment_is_named_first(ask: Ask) -> None:
    """Against those that were rated well. The rating, and the flag that it brings, are no finding."""
    found = ask("low_rated")
    assert {part.words for part in found.findings[0].parts} == {"prompt version = v7", "user.segment = enterprise"}
    assert isinstance(found.findings[0].chart, Bars)
    assert not {"rating", "quality flag"} & {part.subject for each in found.findings for part in each.parts}
    assert found.these.exact
    assert found.these.whole


def test_an_overconfident_decision_is_named_first(ask: Ask) -> None:
    """A choice that is sure of itself and does not pass the gate; how sure it was follows, or is said with it."""
    found = ask("filter", picks=TraceFilter(quality_gate_passed=False))
    assert found.findings[0].parts[0].subject == "routing"
    assert found.findings[0].parts[0].value in ("cache", "0.97 or more")
    assert not {each.parts[0].subject for each in found.causes} - {"routing"}


def test_a_failure_is_told_by_where_it_began(ask: Ask) -> None:
    """The stage with the error, not the root that it reached; nothing else stands on its own."""
    found = ask("failed")
    assert [(each.parts[0].kind, each.parts[0].subject) for each in found.causes] in (
        [("error", "generation")],
        [("error", "the run")],
    )


def test_chance_is_told_as_nothing(ask: Ask) -> None:
    """Traces of one user, who is like any other: it says so, and how much was looked at."""
    found = ask("filter", picks=TraceFilter(user_id="u7"))
    assert found.findings == ()
    assert found.sentence.startswith(f"Nothing stands out: {found.looked_at:,} facts were looked at")


def test_one_slow_trace_is_explained_by_those_like_it(ask: Ask) -> None:
    """One proves nothing; but what sets slow traces apart, and what it has, is told."""
    slow = ask().findings[0].examples[0]
    found = ask("trace", trace_id=slow)
    assert "source = reddit" in found.findings[0].subject
    assert found.sentence.startswith("This trace has what sets traces like it apart: ")
    assert (found.these.looked_at, found.carriers[0].stage) == (1, "collection")


def test_each_slow_trace_is_explained_however_it_was_rated(ask: Ask, filled: Database) -> None:
    """That it was rated badly, too, does not hide why it was slow."""
    slow = ask().findings[0].chosen
    assert slow is not None
    row = list_traces(filled, slow, limit=1).rows[0]
    for rating in (1, 5):
        with filled.write() as connection:
            connection.execute(update(traces).where(traces.c.trace_id == row.trace_id).values(rating=rating))
        assert "source = reddit" in ask("trace", trace_id=row.trace_id).findings[0].subject


def test_a_trace_outside_of_the_range_can_be_explained(ask: Ask) -> None:
    """The range says what it is held against, not when it was."""
    slow = ask().findings[0].examples[0]
    earlier = TraceFilter(start=NOON - timedelta(days=1), end=NOON)
    assert ask("trace", trace_id=slow, chosen=earlier).sentence.startswith("There are no other traces")


def test_a_trace_that_is_not_there(ask: Ask) -> None:
    """It is said by name."""
    with pytest.raises(TraceNotFound, match="0" * 32):
        ask("trace", trace_id="0" * 32)


@pytest.mark.parametrize("kind", ["slow", "failed", "flagged", "low_rated", "expensive"])
def test_no_traces_are_nothing_to_explain(ask: Ask, kind: CohortKind) -> None:
    """A range without any gives an answer that says so."""
    found = ask(kind, chosen=TraceFilter(start=NOON - timedelta(days=9), end=NOON - timedelta(days=8)))
    assert (found.findings, found.carriers, found.these.count) == ((), (), 0)
    assert "nothing to explain" in found.sentence


def test_all_traces_leave_no_others(ask: Ask) -> None:
    """Everything against the rest is no question; against another time it is."""
    everything = {"picks": TraceFilter(start=NOON, end=END)}
    assert "no other traces" in ask("filter", **everything).sentence
    first = TraceFilter(start=NOON, end=NOON + timedelta(hours=3))
    found = ask("filter", Reference(period=first), picks=TraceFilter(start=NOON, end=END))
    assert (found.these.count, found.others.count) == (COUNT, 180)


def test_where_the_other_time_is_empty_the_rest_of_their_own_stands_in(ask: Ask) -> None:
    """A project that is new has no time before: its slow traces are held against its others, and the answer says so."""
    before = Reference(period=TraceFilter(start=NOON - timedelta(hours=8), end=NOON))
    found, rest = ask("slow", before), ask("slow")
    assert found.reference == Reference()
    assert (found.findings, found.others) == (rest.findings, rest.others)
    assert found.notes[0].startswith("In the other time there are no traces to hold these against")
    of_pandas = replace(CHOSEN, library="pandas")
    all_of_it = ask("filter", before, chosen=of_pandas, picks=TraceFilter(start=NOON, end=END))
    assert all_of_it.these.count + all_of_it.others.count == COUNT
    assert all_of_it.these.count == ask("filter", picks=TraceFilter(library="pandas")).these.count
    assert "library" not in {part.subject for each in all_of_it.findings for part in each.parts}
    assert "no other traces" in ask("filter", before, picks=TraceFilter(start=NOON, end=END)).sentence


def test_a_box_is_explained(ask: Ask) -> None:
    """Of what a box of times and durations holds, the duration is no finding."""
    box = TraceFilter(start=NOON, end=END - timedelta(hours=1), min_duration_ms=4000, max_duration_ms=60_000)
    found = ask("box", picks=box)
    assert "source = reddit" in found.findings[0].subject
    assert found.picks == box


def test_expensive_and_flagged_traces_can_be_asked_about(ask: Ask) -> None:
    """Where nothing has a price there are none; flags are asked for together."""
    assert ask("expensive").these.count == 0
    assert ask("flagged").these.exact


def test_a_question_without_a_range_ends_now(ask: Ask) -> None:
    """And begins 30 days before."""
    found = ask(chosen=TraceFilter())
    assert (found.cohort.chosen.start, found.cohort.chosen.end) == (END - timedelta(days=30), END)


def test_a_sample_says_that_it_is_one(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than are looked at, pages are drawn, groups are counted by estimate, and the cause is still the first."""
    monkeypatch.setattr(explain_sample, "READ", 100)
    monkeypatch.setattr(explain_sample, "_FEWEST_SEEN", 300)
    monkeypatch.setattr(explain_sample, "_ENOUGH", 0)
    found = ask()
    assert not found.others.whole
    assert "source = reddit" in found.findings[0].subject
    assert found.notes[0].startswith("A random sample was looked at")
    assert found == replace(ask(), seconds=found.seconds)


def test_a_group_that_pages_miss_is_looked_for_by_itself(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few pages were drawn, a rare cohort is found whole."""
    whole = ask("low_rated").these.count
    monkeypatch.setattr(explain_sample, "READ", 1)
    monkeypatch.setattr(explain_sample, "_FEWEST_SEEN", 1)
    found = ask("low_rated")
    assert (found.these.count, found.these.exact) == (whole, True)
