"""Decisions over many traces: how often, which way, how sure, and how it turned out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.factories import NOON, make_trace
from tests.postgres.runs_written import choice, make_run
from tests.postgres.writing import rate, store
from tracing_core.errors import InvalidInput
from tracing_core.query import decision_sample
from tracing_core.query.alternatives import alternatives
from tracing_core.query.decision_filter import DecisionFilter
from tracing_core.query.decisions import DecisionType, decision_types
from tracing_core.query.filters import TraceFilter
from tracing_core.query.outcomes import Outcome, known_outcomes
from tracing_core.storage.database import Database

DAY = TraceFilter(start=NOON - timedelta(hours=12), end=NOON + timedelta(hours=12))
BEFORE = TraceFilter(start=NOON - timedelta(hours=36), end=NOON - timedelta(hours=12))
SOURCES = TraceFilter(start=DAY.start, end=DAY.end, decision=DecisionFilter(decision="source_selection"))


def types(database: Database, chosen: TraceFilter = DAY, outcome: Outcome = "gate") -> dict[str, DecisionType]:
    return {each.decision: each for each in decision_types(database, chosen, outcome).types}


def types_in(database: Database, chosen: TraceFilter) -> DecisionType:
    (found,) = decision_types(database, chosen, "gate", over_time=True).types
    return found


def test_nothing_there_is_nothing(database: Database) -> None:
    """An empty database has no types, no alternatives, no points and no outcomes."""
    found = decision_types(database, DAY, "gate")
    assert found.types == ()
    assert (found.sample.looked_at, found.sample.whole) == (0, True)
    assert alternatives(database, SOURCES, "gate").not_taken == ()
    assert decision_types(database, SOURCES, "gate", over_time=True).types == ()
    assert known_outcomes(database, DAY) == ()


def test_types_are_counted_with_their_choices(database: Database) -> None:
    """The frequent type comes first; each has its choices with their share, its stages and its confidences."""
    store(
        database,
        make_run(decisions=(choice("exa", 0.9), choice("exa", 0.7), choice("reddit", 0.5))),
        make_run(decisions=(choice("exa", None), choice(["a", "b"], 1.0, decision="queries"))),
    )
    found = decision_types(database, DAY, "gate")
    assert [each.decision for each in found.types] == ["source_selection", "queries"]
    sources, queries = found.types
    assert [(each.what, each.share, each.group.stored) for each in sources.choices] == [
        ("exa", 0.75, 3),
        ("reddit", 0.25, 1),
    ]
    assert sources.group.confidence == pytest.approx(0.7)
    assert sources.confidences == {0.9: 1, 0.7: 1, 0.5: 1}
    assert sources.quantiles is not None
    assert (sources.quantiles.low, sources.quantiles.median, sources.quantiles.high) == (0.5, 0.7, 0.9)
    assert list(sources.stages) == ["collection"]
    assert (queries.choices[0].what, queries.choices[0].cut) == (["a", "b"], False)
    assert (found.sample.looked_at, found.sample.stands_for, found.sample.whole) == (2, 2, True)


def test_long_choices_that_begin_alike_are_one(database: Database) -> None:
    """A choice of a thousand characters is shown by its beginning, and said to be cut."""
    store(database, make_run(decisions=(choice("x" * 1000), choice("x" * 900 + "y"))))
    (only,) = types(database)["source_selection"].choices
    assert only.cut
    assert only.group.stored == 2


def test_rare_choices_are_counted_together(database: Database) -> None:
    """What is not named is said as a share, and how many different ones there are."""
    store(database, make_run(decisions=tuple(choice(f"source {number}") for number in range(10))))
    (found,) = decision_types(database, DAY, "gate", most_choices=4).types
    assert len(found.choices) == 4
    assert found.others == pytest.approx(0.6)
    assert (found.distinct, found.distinct_more) == (10, False)


def test_outcomes_are_told_by_what_is_asked(database: Database) -> None:
    """Gate, rating, score and evidence each have their own idea of a good trace; what is unknown counts as neither."""
    passed = make_run(passed=True, score=1.5, decisions=(choice("exa"),))
    failed = make_run(passed=False, score=2.0, decisions=(choice("exa"),))
    store(database, passed, failed, make_run(decisions=(choice("exa"),)))
    rate(database, passed, 3)
    rate(database, failed, 4)
    with database.write() as connection:
        connection.execute(text("UPDATE traces SET evidence_passed = 9, evidence_used = 0 WHERE quality_gate_passed"))
        connection.execute(text("UPDATE traces SET evidence_passed = 1 WHERE NOT quality_gate_passed"))
    for outcome, good in (("gate", 1), ("rating", 1), ("score", 1), ("evidence", 1)):
        group = types(database, outcome=outcome)["source_selection"].group  # type: ignore[arg-type]
        assert (group.stored, group.known, group.good) == (3, 2, good / 2), outcome
        assert group.interval is not None
        assert group.interval.low < 0.5 < group.interval.high
    assert known_outcomes(database, DAY) == ("gate", "rating", "score", "evidence")
    by_choice = {"gate": passed, "rating": failed, "score": failed, "evidence": failed}
    for outcome, trace in by_choice.items():
        with database.write() as connection:
            connection.execute(
                text("UPDATE decisions SET what = '\"other\"' WHERE trace_id = :id"), {"id": trace.trace_id}
            )
        choices = {each.what: each.group.good for each in types(database, outcome=outcome)["source_selection"].choices}  # type: ignore[arg-type]
        assert choices["other"] == 1.0, outcome
        with database.write() as connection:
            connection.execute(text("UPDATE decisions SET what = '\"exa\"'"))


def test_an_outcome_that_there_is_not_is_refused(database: Database) -> None:
    """The message names the ones there are."""
    with pytest.raises(InvalidInput, match="outcome: must be one of gate, rating, score, evidence"):
        decision_types(database, DAY, "luck")  # type: ignore[arg-type]


def test_a_sampled_trace_counts_for_those_left_out(database: Database) -> None:
    """Counts, shares and means go by what a trace stands for."""
    store(
        database,
        make_run(decisions=(choice("exa", 0.5),), passed=True),
        make_run(decisions=(choice("reddit", 1.0),), passed=False),
    )
    with database.write() as connection:
        connection.execute(text("UPDATE traces SET sampling_probability = 0.25 WHERE quality_gate_passed"))
    found = types(database)["source_selection"]
    assert (found.group.stored, found.group.count) == (2, 5)
    assert found.group.confidence == pytest.approx(0.6)
    assert found.group.good == pytest.approx(0.8)
    assert [(each.what, each.share) for each in found.choices] == [("exa", 0.8), ("reddit", 0.2)]


def test_drift_is_what_part_goes_another_way(database: Database) -> None:
    """Against the period before: no change is 0, all other choices 1, half of them moved 0.5."""
    yesterday = NOON - timedelta(hours=24)

    def then(what: str) -> None:
        made = choice(what, timestamp=yesterday)
        store(database, make_run(started_at=yesterday, decisions=(made,)))

    then("exa")
    then("exa")
    store(database, make_run(decisions=(choice("exa"),)))
    assert decision_types(database, DAY, "gate", before=BEFORE).types[0].drift == 0
    store(database, make_run(decisions=(choice("reddit"),)))
    (found,) = decision_types(database, DAY, "gate", before=BEFORE).types
    assert found.drift == pytest.approx(0.5)
    assert {each.what: each.share_before for each in found.choices} == {"exa": 1.0, "reddit": 0.0}
    assert found.before is not None
    assert found.before.stored == 2
    assert types(database)["source_selection"].drift is None


def test_only_decisions_like_the_filter_count(database: Database) -> None:
    """Type, choice, confidence, alternative and stage choose decisions, not all those of their traces."""
    store(
        database,
        make_run(decisions=(choice("exa", 0.9, "reddit (0.4)"), choice("reddit", 0.3), choice("x", decision="other"))),
    )

    def whats(**wanted: object) -> set[str]:
        chosen = TraceFilter(start=DAY.start, end=DAY.end, decision=DecisionFilter(**wanted))  # type: ignore[arg-type]
        return {each.what for found in decision_types(database, chosen, "gate").types for each in found.choices}

    assert whats(decision="source_selection") == {"exa", "reddit"}
    assert whats(what="exa") == {"exa"}
    assert whats(max_confidence=0.5) == {"reddit"}
    assert whats(alternative="reddit") == {"exa"}
    assert whats(stage="synthesis") == set()


def test_other_traces_do_not_count(database: Database) -> None:
    """The range, the project and any other filter choose the traces."""
    store(
        database,
        make_run(decisions=(choice("exa"),), project="shop"),
        make_run(started_at=NOON + timedelta(days=2), decisions=(choice("late", timestamp=NOON + timedelta(days=2)),)),
        make_trace(project="chat"),
    )
    in_shop = types(database, TraceFilter(start=DAY.start, end=DAY.end, project="shop"))["source_selection"]
    assert [each.what for each in in_shop.choices] == ["exa"]
    assert list(types(database)["source_selection"].projects) == ["chat", "shop"]
    assert types(database, SOURCES)["source_selection"].group.stored == 2


def test_over_time_says_what_was_chosen_when(database: Database) -> None:
    """A point for each bucket that has any, the oldest first, with each choice's count, confidence and outcome."""
    early = NOON - timedelta(hours=3)
    store(
        database,
        make_run(started_at=early, passed=False, decisions=(choice("exa", 0.8, timestamp=early),)),
        make_run(passed=True, decisions=(choice("exa", 0.6), choice("reddit", 0.4))),
    )
    first, second = decision_types(database, SOURCES, "gate", over_time=True).types[0].points
    assert (first.bucket, second.bucket) == (early, NOON)
    assert (first.choices, second.choices) == ({'"exa"': 1.0}, {'"exa"': 1.0, '"reddit"': 1.0})
    assert (first.group.good, second.group.good) == (0.0, 1.0)
    assert second.group.confidence == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("length", "points"), [(timedelta(minutes=59), 4), (timedelta(hours=24), 2), (timedelta(days=7), 1)]
)
def test_buckets_are_as_coarse_as_shares_need(database: Database, length: timedelta, points: int) -> None:
    """Minutes within an hour, hours within two days, days beyond: a bucket should have more than a few decisions."""
    for minutes in (1, 2, 50):
        at = NOON - timedelta(minutes=minutes)
        store(database, make_run(started_at=at, decisions=(choice("exa", timestamp=at),)))
    store(database, make_run(decisions=(choice("exa"),)))
    end = NOON + timedelta(minutes=1)
    chosen = TraceFilter(start=end - length, end=end, decision=SOURCES.decision)
    assert len(types_in(database, chosen).points) == points


def test_alternatives_are_counted_with_how_close_they_came(database: Database) -> None:
    """How often on the table, how sure, by which margin, how often chosen after all, and how it went without them."""
    store(
        database,
        make_run(passed=True, decisions=(choice("exa", 0.9, "reddit (0.4)", "google"),)),
        make_run(passed=False, decisions=(choice("exa", 0.5, "reddit (0.6)"), choice(["reddit", "exa"], 0.5))),
    )
    found = alternatives(database, SOURCES, "gate")
    reddit, google = found.not_taken
    assert (reddit.name, reddit.count, reddit.chosen) == ("reddit", 2, 1)
    assert (reddit.confidence, reddit.margin) == (pytest.approx(0.5), pytest.approx(0.2))
    assert (reddit.known, reddit.good) == (2, 0.5)
    assert (google.name, google.confidence, google.margin, google.good) == ("google", None, None, 1.0)
    assert found.with_any == pytest.approx(2 / 3)
    bands = {(band.low, band.high): (band.count, band.good) for band in found.bands}
    assert bands == {(-1.0, 0.0): (1, 0.0), (0.0, 0.1): (0, None), (0.1, 0.3): (0, None), (0.3, 1.0): (1, 1.0)}


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than 200 traces, or decisions of a type, four of each fortieth of the range are looked at."""
    monkeypatch.setattr(decision_sample, "MOST", 200)
    monkeypatch.setattr(decision_sample, "OF_EACH", 4)


def test_of_many_traces_some_of_the_whole_range_are_looked_at(database: Database, bounded: None) -> None:
    """A choice that was made in half of the range has half of the share, and counts are estimates of all."""
    made = []
    for number in range(400):
        at = NOON - timedelta(hours=11, minutes=58) + timedelta(minutes=number * 3.6)
        what = "old" if number < 200 else "new"
        made.append(
            make_run(
                started_at=at, passed=number % 2 == 0, decisions=(choice(what, timestamp=at), choice("x", decision="o"))
            )
        )
    store(database, *made)
    found = decision_types(database, DAY, "gate")
    assert not found.sample.whole
    assert found.sample.looked_at <= 160
    assert found.sample.stands_for == pytest.approx(400, rel=0.25)
    sources = next(each for each in found.types if each.decision == "source_selection")
    assert {each.what: each.share for each in sources.choices} == {
        "old": pytest.approx(0.5, abs=0.1),
        "new": pytest.approx(0.5, abs=0.1),
    }
    assert sources.group.known > 0
    one_type = decision_types(database, SOURCES, "gate", over_time=True)
    assert (one_type.sample.things, one_type.known.things) == ("decisions", "traces")
    assert one_type.sample.stands_for == pytest.approx(400, rel=0.25)
    assert len(one_type.types[0].points) >= 20
