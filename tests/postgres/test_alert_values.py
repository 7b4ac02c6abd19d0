"""The number of each measure that an alert rule can watch: seed D's metrics, as the pages show them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.factories import NOON, make_trace
from tests.postgres.alerting import MINUTE, answered, rule
from tests.postgres.runs_written import make_run
from tests.postgres.writing import rate, store
from tracing_core.alerts.measure import ABOUT, AlertMeasure
from tracing_core.alerts.rule import WEEK, Against, AlertRule
from tracing_core.alerts.state import Sample
from tracing_core.budget import Budget
from tracing_core.ledger import Ledger, Outcome
from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.query.alert_numbers import PRESENT
from tracing_core.query.alert_values import samples
from tracing_core.query.filters import TraceFilter
from tracing_core.query.overview import totals
from tracing_core.storage.budget_write import put_budget
from tracing_core.storage.database import Database
from tracing_core.storage.diagnostics_write import PROCESS, Note, keep_notes
from tracing_core.storage.ledger_write import add_to_ledger

END = NOON + 10 * MINUTE
M = AlertMeasure


def number(database: Database, watched: AlertRule) -> Sample:
    """Its number at the end of the ten minutes."""
    (found,) = samples(database, [watched], END, END)
    return found


@pytest.fixture(scope="module")
def filled(shared_database: Database) -> Database:
    """Ten traces in ten minutes, one a minute, and two before; a week earlier two in the same ten minutes."""
    fates = {3: TraceStatus.FAILED, 7: TraceStatus.FAILED}
    ten = [
        answered(
            NOON + n * MINUTE, (n + 1) * 100, status=fates.get(n, TraceStatus.COMPLETE), confidence=n / 10,
            library="pandas" if n < 4 else "fastapi", sure=0.1 if n == 5 else 0.9, project="shop" if n else "desk",
        )
        for n in range(10)
    ]  # fmt: skip
    others = [answered(NOON - n * MINUTE, 60_000) for n in (1, 2)]
    week_ago = [answered(NOON - WEEK + n * MINUTE, 100) for n in (0, 9)]
    store(shared_database, *ten, *others, *week_ago)
    rate(shared_database, ten[1], 1)
    rate(shared_database, ten[1], 2, user_id="another")
    rate(shared_database, ten[2], 5)
    return shared_database


CASES: tuple[tuple[AlertMeasure, dict[str, Any], float | None, float], ...] = (
    (M.REQUESTS, {}, 10, 10),
    (M.REQUESTS, {"project": "shop"}, 9, 9),
    (M.REQUESTS, {"library": "pandas"}, 4, 4),
    (M.REQUESTS, {"operation": "retrieval"}, 10, 10),
    (M.REQUESTS, {"operation": "nowhere"}, 0, 0),
    (M.REQUESTS, {"trace_name": "nowhere"}, 0, 0),
    (M.ERROR_RATE, {}, 0.2, 10),
    (M.ERROR_RATE, {"library": "pandas"}, 0.25, 4),
    (M.MEAN, {}, 550, 10),
    (M.MEAN, {"operation": "retrieval"}, 275, 10),
    (M.FLAGGED, {"flag": QualityFlag.EMPTY}, 0, 10),
    (M.FLAGGED, {"flag": QualityFlag.USER_NEGATIVE}, 0.1, 10),
    (M.RATING, {}, 8 / 3, 3),
    (M.FEEDBACK_RATE, {}, 0.2, 10),
    (M.FEEDBACK_RATE, {"library": "pandas"}, 0.5, 4),
    (M.LOW_CONFIDENCE, {"confidence": 0.6}, 0.6, 10),
    (M.LOW_CONFIDENCE, {"confidence": 0.6, "library": "fastapi"}, 2 / 6, 6),
    (M.CONFIDENCE, {}, 0.45, 10),
    (M.UNSURE_DECISIONS, {"confidence": 0.5}, 0.1, 10),
    (M.GATE_FAILURES, {}, None, 0),
    (M.NO_DATA, {"threshold": 0.0}, 10, 10),
    (M.NO_DATA, {"threshold": 0.0, "project": "nobody"}, 0, 0),
    (M.UNPRICED, {}, 0, 10),
    (M.COST, {}, 0, 10),
)


@pytest.mark.parametrize(("measure", "fields", "value", "count"), CASES)
def test_seed_d_metrics_collection_each_number_of_a_window(
    filled: Database, measure: AlertMeasure, fields: dict[str, Any], value: float | None, count: float
) -> None:
    """The number, and what it was taken of: what began in the window, by what the rule filters, and nothing else."""
    found = number(filled, rule(measure, **({"threshold": 0.5, "window_minutes": 10} | fields)))
    assert found.value == pytest.approx(value)
    assert found.count == pytest.approx(count)


@pytest.mark.parametrize("measure", [M.P50, M.P95, M.P99])
def test_seed_d_performance_monitor_percentiles_are_those_of_the_pages(filled: Database, measure: AlertMeasure) -> None:
    """An alert says the number that the overview shows for the same time."""
    shown = totals(filled, TraceFilter(start=NOON, end=END))
    assert number(filled, rule(measure, window_minutes=10)).value == pytest.approx(getattr(shown, measure.value))


@pytest.mark.parametrize("measure", [each for each in AlertMeasure if each not in PRESENT and ABOUT[each].rolled])
def test_rollups_and_traces_give_the_same_number(filled: Database, measure: AlertMeasure) -> None:
    """A filter that the rollups cannot answer, and that leaves nothing out, changes nothing."""
    threshold = 0.0 if measure is M.NO_DATA else 0.5
    rolled = rule(measure, threshold=threshold, window_minutes=10)
    searched = replace(rolled, trace_name="chat")
    assert rolled.rolled
    assert not searched.rolled
    ours, theirs = samples(filled, [rolled, searched], END, END)
    assert theirs.count == pytest.approx(ours.count)
    assert theirs.value == (None if ours.value is None else pytest.approx(ours.value))
    if ABOUT[measure].by_operation:
        rolled = replace(rolled, operation="retrieval")
        ours, theirs = samples(filled, [rolled, replace(rolled, trace_name="chat")], END, END)
        assert theirs.count == pytest.approx(ours.count)
        assert theirs.value == pytest.approx(ours.value)


def test_a_change_is_against_the_same_window_last_week(filled: Database) -> None:
    """Ten requests where there were two are five times as many."""
    found = number(filled, rule(against=Against.LAST_WEEK, window_minutes=10))
    assert (found.value, found.last_week, found.ratio) == (10, 2, 5)


def test_many_rules_get_what_each_gets_alone(filled: Database) -> None:
    """To share questions changes no answer."""
    rules = [
        rule(measure, **({"threshold": 0.5, "window_minutes": window} | fields))
        for measure, fields, _, _ in CASES
        for window in (3, 10)
    ]
    assert samples(filled, rules, END, END) == [number(filled, each) for each in rules]


def test_seed_d_cost_by_the_hour_and_its_budget(database: Database) -> None:
    """What ten minutes cost, six times as much by the hour, and the share of the month's budget that it is."""
    store(database, make_trace(started_at=NOON), make_trace(started_at=NOON + MINUTE))
    spent = totals(database, TraceFilter(start=NOON)).cost_usd
    assert spent
    put_budget(database, Budget(project="", monthly_usd=Decimal("0.01"), updated_at=NOON, updated_by="lead"))
    rules = [rule(each, window_minutes=10) for each in (M.COST, M.COST_PER_HOUR, M.BUDGET_USED)]
    cost, by_hour, used = samples(database, rules, END, END)
    assert cost.value == pytest.approx(float(spent))
    assert by_hour.value == pytest.approx(float(spent) * 6)
    assert used.value == pytest.approx(float(spent) / 0.01)


def test_seed_d_monitoring_the_monitor_can_be_watched(database: Database) -> None:
    """How full the fullest queue is, and what was lost today."""
    rules = [rule(each, window_minutes=10) for each in (M.QUEUE, M.DEAD_LETTERS, M.DROPPED, M.BUDGET_USED)]
    assert [each.value for each in samples(database, rules, END, END)] == [None, 0, 0, None]
    processes = [(30, "a"), (70, "b")]
    for waiting, name in processes:
        state = {
            "started_at": NOON.isoformat(), "seen_at": END.isoformat(), "queue_bytes": waiting, "queue_requests": 1,
            "queue_limit": 100, "writer_queued": 0, "writer_dropped": 0,
        }  # fmt: skip
        keep_notes(database, name, [Note(kind=PROCESS, name="", seen_at=END, document=state)])
    ledger = Ledger()
    ledger.note(NOON.date(), "sdk", Outcome.DROPPED, "queue full", count=4)
    ledger.note(NOON.date() - timedelta(days=1), "sdk", Outcome.DEAD_LETTERED, "poison", count=2)
    with database.write() as connection:
        add_to_ledger(connection, ledger)
    assert [each.value for each in samples(database, rules, END, END)] == [0.7, 0, 4, None]


def test_a_gate_that_lets_nothing_pass_is_seen(database: Database) -> None:
    """Of three runs with a gate one failed, whatever came without one."""
    store(database, answered(NOON), *(make_run(passed=passed) for passed in (True, False, True)))
    found = number(database, rule(M.GATE_FAILURES, threshold=0.5, window_minutes=10))
    assert found.value == pytest.approx(1 / 3)
    assert found.count == 3
