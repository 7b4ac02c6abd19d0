"""The questions of seed B, section 6, on real rows (B7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.factories import NOON
from tests.postgres.runs_written import choice, make_run
from tests.postgres.writing import store
from tracing_core.errors import InvalidInput
from tracing_core.model import TraceStatus
from tracing_core.query.decision_filter import DecisionFilter, PrincipleFilter
from tracing_core.query.filters import TraceFilter
from tracing_core.query.runs import compare_runs, get_run, group_runs, list_runs, measure_runs, principle_patterns
from tracing_core.query.traces import list_traces
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces


def test_a_run_has_what_its_stages_say(database: Database) -> None:
    """Scores, gaps, strengths, sources and cost come from the stages; what nobody said is None."""
    run = make_run(
        scores={"META-1": 3, "META-12": 1, "MR-1": 2}, score=2.4, passed=True, sources={"exa": 22, "reddit": 6},
        cost_usd=0.32, domain="robotics", report_type="market_research",
    )  # fmt: skip
    bare = make_run(duration_ns=None)
    store(database, run, bare)
    row = get_run(database, run.trace_id)
    assert row is not None
    assert (row.quality_gate_passed, row.overall_quality_score, row.cost_usd) == (True, 2.4, 0.32)
    assert row.principle_scores == {"META-1": 3, "META-12": 1, "MR-1": 2}
    assert (row.gap_principles, row.strength_principles) == (("META-12",), ("META-1",))
    assert (row.evidence_sources, row.duration_seconds, row.domain) == (("exa", "reddit"), 4.0, "robotics")
    nothing = get_run(database, bare.trace_id)
    assert nothing is not None
    assert (nothing.quality_gate_passed, nothing.overall_quality_score, nothing.principle_scores) == (None, None, None)
    assert (nothing.gap_principles, nothing.evidence_sources, nothing.cost_usd, nothing.duration_seconds) == (None,) * 4
    assert get_run(database, "\x00") is None


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (TraceFilter(intent="validating", status="complete"), "ab"),
        (TraceFilter(domain="edtech"), "b"),
        (TraceFilter(report_type="roadmap"), "c"),
        (TraceFilter(project="cobot"), "a"),
        (TraceFilter(quality_gate_passed=False), "bc"),
        (TraceFilter(quality_gate_passed=True), "a"),
        (TraceFilter(gap_principle="META-1"), "b"),
        (TraceFilter(low_principle=PrincipleFilter(principle_id="META-1")), "b"),
        (TraceFilter(low_principle=PrincipleFilter(principle_id="META-1", below=3)), "bc"),
        (TraceFilter(low_principle=PrincipleFilter(principle_id="META-9")), ""),
        (TraceFilter(evidence_source="reddit"), "ac"),
        (TraceFilter(flagged_for_review=True), ""),
        (TraceFilter(flagged_for_review=False), "abc"),
    ],
)
def test_runs_are_picked_by_what_they_are_like(database: Database, chosen: TraceFilter, found: str) -> None:
    """Each condition, alone; and the list of traces goes by the same."""
    runs = {
        "a": make_run(scores={"META-1": 3}, passed=True, sources={"exa": 1, "reddit": 2}, project="cobot"),
        "b": make_run(scores={"META-1": 1}, passed=False, domain="edtech"),
        "c": make_run(
            scores={"META-1": 2}, passed=False, sources={"reddit": 1}, report_type="roadmap", status=TraceStatus.FAILED
        ),
    }
    store(database, *runs.values())
    names = {run.trace_id: name for name, run in runs.items()}
    assert sorted(names[row.trace_id] for row in list_runs(database, chosen)) == list(found)
    assert sorted(names[row.trace_id] for row in list_traces(database, chosen).rows) == list(found)


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (DecisionFilter(decision="source_selection"), "ab"),
        (DecisionFilter(decision="query_formulation"), "c"),
        (DecisionFilter(what="exa"), "ac"),
        (DecisionFilter(what={"source": "google"}), "b"),
        (DecisionFilter(alternative="reddit"), "ab"),
        (DecisionFilter(alternative="red"), ""),
        (DecisionFilter(alternative="google"), "a"),
        (DecisionFilter(min_confidence=0.5), "a"),
        (DecisionFilter(max_confidence=0.5), "b"),
        (DecisionFilter(min_confidence=0.4, max_confidence=0.9), "ab"),
        (DecisionFilter(decision="query_formulation", min_confidence=0), ""),
        (DecisionFilter(stage="collection"), "abc"),
        (DecisionFilter(what="exa", alternative="nobody"), ""),
        (DecisionFilter(decision="\x00"), ""),
    ],
)
def test_runs_are_picked_by_their_decisions(database: Database, chosen: DecisionFilter, found: str) -> None:
    """Type, choice, confidence and alternatives, in whatever form they were written; all of one and the same decision."""
    runs = {
        "a": make_run(decisions=(choice("exa", 0.9, "reddit (0.40)", "google"),)),
        "b": make_run(decisions=(choice({"source": "google", "n": 1}, 0.4, {"name": "reddit", "confidence": 0.2}),)),
        "c": make_run(decisions=(choice(["exa", "bing"], None, decision="query_formulation"),)),
    }
    store(database, *runs.values())
    names = {run.trace_id: name for name, run in runs.items()}
    rows = list_runs(database, TraceFilter(decision=chosen))
    assert sorted(names[row.trace_id] for row in rows) == list(found)


@pytest.mark.parametrize(
    ("field", "bounds"),
    [
        ("min_confidence", {"min_confidence": 1.7}),
        ("max_confidence", {"max_confidence": float("nan")}),
        ("min_confidence", {"min_confidence": 0.9, "max_confidence": 0.1}),
    ],
)
def test_a_range_that_holds_nothing_is_refused(field: str, bounds: dict[str, float]) -> None:
    """The error names the field and what to give instead."""
    with pytest.raises(InvalidInput, match=f"{field}: .*; give a"):
        DecisionFilter(**bounds)


def test_lists_are_newest_first_and_bounded(database: Database) -> None:
    """A limit is kept; one that asks for none or too many is refused."""
    runs = [make_run(started_at=NOON + timedelta(minutes=n)) for n in range(3)]
    store(database, *runs)
    assert [row.trace_id for row in list_runs(database, TraceFilter(), 2)] == [runs[2].trace_id, runs[1].trace_id]
    for limit in (0, 1001):
        with pytest.raises(InvalidInput, match="limit: is"):
            list_runs(database, TraceFilter(), limit)


def test_the_summary_counts_all_and_averages_what_completed(database: Database) -> None:
    """Of no runs nothing is known; a failed run has no part in the means (section 6, `summary`)."""
    nothing = measure_runs(database, TraceFilter())
    assert (nothing.total_runs, nothing.qg_failed, nothing.avg_quality, nothing.avg_cost) == (0, 0, None, None)
    store(
        database,
        make_run(score=2.0, passed=True, cost_usd=0.2),
        make_run(score=1.0, passed=False, cost_usd=0.4, domain="edtech"),
        make_run(score=0.1, passed=False, status=TraceStatus.FAILED, cost_usd=99),
        make_run(status=TraceStatus.INCOMPLETE),
    )
    found = measure_runs(database, TraceFilter())
    assert (found.total_runs, found.complete, found.failed, found.incomplete) == (4, 2, 1, 1)
    assert (found.qg_passed, found.qg_failed) == (1, 2)
    assert (found.avg_quality, found.avg_duration) == (1.5, 4.0)
    assert found.avg_cost == pytest.approx(0.3)
    assert measure_runs(database, TraceFilter(domain="edtech")).avg_quality == 1.0
    groups = group_runs(database, TraceFilter(status="complete"), "domain")
    assert [(group.value, group.measures.avg_quality) for group in groups] == [(None, 2.0), ("edtech", 1.0)]


def test_a_run_that_stands_for_others_counts_as_often(database: Database) -> None:
    """Kept with a chance of 0.1, it is ten runs, in counts and in means."""
    ten = make_run(score=1.0, scores={"P": 1}, passed=False)
    store(database, ten, make_run(score=2.1, scores={"P": 3}))
    with database.write() as connection:
        of_ten = update(traces).where(traces.c.trace_id == ten.trace_id)
        connection.execute(of_ten.values(sampling_probability=0.1))
    found = measure_runs(database, TraceFilter())
    assert (found.total_runs, found.qg_failed) == (11, 10)
    assert found.avg_quality == pytest.approx(1.1)
    (pattern,) = principle_patterns(database, TraceFilter(), min_runs=1)
    assert (pattern.fail_count, pattern.total_runs) == (10, 11)
    assert pattern.avg_score == pytest.approx(13 / 11)


def test_principles_that_fail_are_ranked(database: Database) -> None:
    """By how many complete runs they are a gap in; rarer ones than `min_runs` are left out (section 6)."""
    store(
        database,
        *(make_run(scores={"META-12": 1, "META-5": 1, "META-1": 3}) for _ in range(2)),
        make_run(scores={"META-12": 0, "META-5": 2, "META-1": 3}),
        make_run(scores={"META-12": 3}, status=TraceStatus.FAILED),
        make_run(),
    )
    found = principle_patterns(database, TraceFilter(), min_runs=2)
    assert [(each.principle_id, each.fail_count, each.total_runs) for each in found] == [
        ("META-12", 3, 3), ("META-5", 2, 3),
    ]  # fmt: skip
    assert found[0].avg_score == pytest.approx(2 / 3)
    assert [each.principle_id for each in principle_patterns(database, TraceFilter())] == ["META-12"]


def test_two_runs_are_compared(database: Database) -> None:
    """What the second has more; what one does not say counts as zero in a difference (section 6, `compare`)."""
    a = make_run(scores={"X": 1, "Y": 1}, score=1.6, cost_usd=0.32)
    b = make_run(scores={"Y": 0, "Z": 1}, score=2.4)
    b = replace(b, duration_ns=6_000_000_000)
    store(database, a, b)
    found = compare_runs(database, a.trace_id, b.trace_id)
    assert found is not None
    assert (found.quality_delta, found.duration_delta, found.cost_delta) == (0.8, 2.0, -0.32)
    assert (found.gaps_a_only, found.gaps_b_only, found.gaps_both) == (("X",), ("Z",), ("Y",))
    assert compare_runs(database, a.trace_id, "trc_of_nobody") is None
