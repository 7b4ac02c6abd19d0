"""What degrades quality, on real rows: principles, domains and intents, gates over time, flags."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.factories import NOON
from tests.postgres.runs_written import make_run
from tests.postgres.writing import store
from tracing_core.model import TraceData
from tracing_core.query.filters import TraceFilter
from tracing_core.query.quality import Cell, gate_over_time, quality_report
from tracing_core.query.runs import principle_patterns
from tracing_core.query.traces import count_traces
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces


def runs() -> list[TraceData]:
    """Four of edtech that fall short of META-12, and six of saas of which one does."""
    bad = [make_run(scores={"META-1": 3, "META-12": 1}, score=1.5, passed=False, domain="edtech") for _ in range(4)]
    good = [make_run(scores={"META-1": 2, "META-12": 2}, score=2.5, passed=True, domain="saas") for _ in range(5)]
    return [*bad, *good, make_run(scores={"META-12": 1}, score=2.0, passed=True, domain="saas", intent="learning")]


def cell(cells: tuple[Cell, ...], principle: str, value: str | None) -> Cell:
    return next(each for each in cells if (each.failing.principle_id, each.value) == (principle, value))


def test_the_most_frequent_gap_is_first_with_rate_and_interval(database: Database) -> None:
    """Of ten runs judged by it META-12 fails five; nine are judged by META-1, and none fails."""
    store(database, *runs())
    report = quality_report(database, TraceFilter())
    twelve, one = report.principles
    assert (twelve.principle_id, twelve.runs, twelve.fails, twelve.rate) == ("META-12", 10, 5, 0.5)
    assert [each.mean_score for each in (twelve, one)] == pytest.approx([1.5, 22 / 9])
    assert 0.2 < twelve.interval.low < 0.5 < twelve.interval.high < 0.8
    assert (one.principle_id, one.runs, one.rate) == ("META-1", 9, 0.0)
    assert (report.runs, report.whole) == (10, True)
    assert report.mean_score == pytest.approx(2.05)


def test_counts_are_those_of_the_patterns_without_sql(database: Database) -> None:
    """`TraceQuery.principle_patterns` and the page say the same number of the same thing."""
    store(database, *runs())
    (pattern,) = principle_patterns(database, TraceFilter())
    twelve = quality_report(database, TraceFilter()).principles[0]
    assert (pattern.principle_id, pattern.fail_count, pattern.total_runs) == ("META-12", twelve.fails, twelve.count)
    assert pattern.avg_score == pytest.approx(twelve.mean_score)


def test_cells_say_where_a_principle_fails(database: Database) -> None:
    """By domain and by intent; each count is that of the traces that its link shows."""
    store(database, *runs())
    report = quality_report(database, TraceFilter())
    edtech, saas = (cell(report.cells["domain"], "META-12", name).failing for name in ("edtech", "saas"))
    assert (edtech.rate, edtech.runs, saas.fails, saas.runs) == (1.0, 4, 1, 6)
    assert cell(report.cells["intent"], "META-12", "learning").failing.runs == 1
    shown = count_traces(database, TraceFilter(gap_principle="META-12", domain="edtech"))
    assert shown.count == edtech.fails


def test_standings_tell_difference_from_chance(database: Database) -> None:
    """The worst first, against the average of all, with an interval where there are runs enough for one."""
    store(database, *runs())
    report = quality_report(database, TraceFilter())
    edtech, saas = report.standings["domain"]
    assert (edtech.value, edtech.runs, saas.value) == ("edtech", 4, "saas")
    assert [edtech.mean_score, edtech.difference, saas.difference] == pytest.approx([1.5, -0.55, 14.5 / 6 - 2.05])
    assert edtech.low is not None
    assert edtech.high is not None
    assert edtech.low < -0.55 < edtech.high < 0
    learning = next(each for each in report.standings["intent"] if each.value == "learning")
    assert (learning.runs, learning.low, learning.high) == (1, None, None)


def test_a_sampled_run_counts_for_those_it_stands_for_but_is_seen_once(database: Database) -> None:
    """Four of them make eight, and the interval stays that of what was seen."""
    store(database, *runs())
    certain = quality_report(database, TraceFilter(domain="edtech")).principles[0]
    sampled = [replace(each, project="sampled") for each in runs()[:4]]
    store(database, *sampled)
    with database.write() as connection:
        connection.execute(update(traces).where(traces.c.project == "sampled").values(sampling_probability=0.5))
    found = quality_report(database, TraceFilter(project="sampled")).principles[0]
    assert (found.runs, found.count, found.fails, found.rate) == (4, 8, 8, 1.0)
    assert found.interval == certain.interval


def test_a_gap_without_a_score_counts(database: Database) -> None:
    """A gate may name what it misses and score nothing."""
    run = make_run(iterations=({"iteration": 1, "passed": False, "overall_score": 1.0, "gaps": ["META-3"]},))
    store(database, run)
    (gap,) = quality_report(database, TraceFilter()).principles
    assert (gap.principle_id, gap.fails, gap.rate, gap.mean_score) == ("META-3", 1, 1.0, None)


def test_a_gate_without_an_overall_score_counts(database: Database) -> None:
    """Either way to be judged is enough, and neither counts a run twice."""
    store(database, make_run(scores={"META-1": 1}, passed=False), make_run(scores={"META-1": 3}, score=2.0))
    report = quality_report(database, TraceFilter())
    assert (report.runs, report.mean_score) == (2, 2.0)
    assert [(each.runs, each.fails) for each in report.principles] == [(2, 1)]


def test_nothing_judged_is_an_empty_report(database: Database) -> None:
    """Traces without a gate are no runs of which anything could be said."""
    store(database, make_run(intent=None))
    report = quality_report(database, TraceFilter())
    assert (report.runs, report.whole, report.mean_score, report.principles) == (0, True, None, ())
    assert gate_over_time(database, TraceFilter()) == ()


def test_the_gate_over_time_has_every_bucket(database: Database) -> None:
    """Passes and failures by hour, hours without runs included."""
    first, second = make_run(passed=False), make_run(passed=True)
    later = replace(second, started_at=NOON + timedelta(hours=2))
    store(database, first, later, make_run())
    points = gate_over_time(database, TraceFilter(start=NOON, end=NOON + timedelta(hours=4)))
    assert [(point.passed, point.failed) for point in points] == [(0, 1), (0, 0), (1, 0), (0, 0)]
