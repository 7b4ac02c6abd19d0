"""Patterns in the quality of runs: when each is seen, what it says and where a threshold lies (seed B, section 7.1 and
README "Calibration Flags"), on runs that were recorded and stored the usual way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import tracing_core as tracing
from tests.factories import NOON
from tests.postgres.calibrating import run
from tests.postgres.runs_written import choice, make_run
from tests.postgres.tables import rows
from tests.postgres.writing import store
from tracing_core import Store, TraceQuery
from tracing_core.calibration_flags import CalibrationFlags, Thresholds, check_calibration_flags
from tracing_core.clock import ManualClock
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import calibration_alerts
from tracing_core.storage.tables import traces

Open = Callable[..., Store]


@pytest.fixture
def program(database_url: str, data_dir: Path) -> Iterator[Open]:
    """Gives what `init()` gives a program, with settings by their environment names."""
    with ExitStack() as opened:

        def begin(**settings: Any) -> Store:
            begun = tracing.init(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir, **settings)
            opened.callback(begun.close)
            return begun

        yield begin


def seen(database: Database, trace_id: str, **thresholds: Any) -> list[tuple[str, str]]:
    """The patterns that a stored run shows, by these thresholds."""
    flags = CalibrationFlags(database, Thresholds(**thresholds), None, ManualClock(NOON))
    found = flags.run(trace_id)
    assert found is not None
    return [(alert.kind, alert.subject) for alert in flags.check(found)]


def test_a_principle_that_failed_three_times(program: Open) -> None:
    """The third run with the same gap within the week gives the seed's message, the second does not ("Repeated Principle Failure")."""
    program()
    assert run(gaps=("META-12",))["calibration_flags"] == []
    assert run(gaps=("META-12", "META-3"))["calibration_flags"] == []
    assert run(gaps=("META-12",))["calibration_flags"] == [
        "Principle META-12 has scored below threshold 3 times in the last 7 days. Consider reviewing calibration."
    ]


def at(number: int, **about: Any) -> Any:
    return make_run(started_at=NOON + timedelta(hours=number), **about)


def test_only_gaps_of_the_week_count(database: Database) -> None:
    """A run of eight days ago is not within the last seven; a longer week has it (section 7.1, `days=7`)."""
    old, *new = (at(hours, scores={"META-12": 1}) for hours in (-8 * 24, -1, 0))
    store(database, old, *new)
    assert seen(database, new[-1].trace_id) == []
    expected = [("repeated_principle_failure", "META-12")]
    assert seen(database, new[-1].trace_id, days=9) == expected
    assert seen(database, new[-1].trace_id, failures=2) == expected


def test_runs_that_end_out_of_order_count(database: Database) -> None:
    """A long run that is stored after a shorter one that began later is judged with it."""
    long, *shorter = (at(hours, scores={"META-12": 1}) for hours in (0, 1, 2))
    store(database, *shorter, long)
    assert seen(database, long.trace_id) == [("repeated_principle_failure", "META-12")]


def test_gaps_count_over_all_projects_or_over_one(database: Database) -> None:
    """As the seed counts, over all; by the setting over the project of the run alone."""
    some = [at(hour, scores={"META-12": 1}, project=project) for hour, project in enumerate(("a", "b", "a"))]
    store(database, *some)
    assert seen(database, some[-1].trace_id) == [("repeated_principle_failure", "META-12")]
    assert seen(database, some[-1].trace_id, scope="project") == []


def test_an_intent_below_the_average(program: Open) -> None:
    """More than 0.5 below what all runs average, in the seed's words ("Intent Quality Disparity")."""
    program()
    for _ in range(5):
        run(score=2.5, intent="exploring")
    for _ in range(2):
        assert run(score=1.0, intent="validating")["calibration_flags"] == []
    assert run(score=1.0, intent="validating")["calibration_flags"] == [
        "validating intent runs average 1.0 quality vs 1.9 overall"
    ]


def test_a_domain_below_the_average(program: Open) -> None:
    """The same for domains, in the seed's words ("Domain Quality Disparity")."""
    program()
    for _ in range(5):
        run(score=2.5, domain="robotics")
    for _ in range(3):
        last = run(score=1.0, domain="edtech")
    assert last["calibration_flags"] == ["edtech domain runs average 1.0 vs 1.9 overall"]


def test_where_a_disparity_begins(database: Database) -> None:
    """Exactly 0.5 below is not yet one; and so few runs as `runs` wants are needed."""
    some = [at(hour, score=score, intent=intent) for hour, (intent, score) in enumerate([("a", 3), ("b", 2)] * 3)]
    store(database, *some)
    own = some[-1].trace_id
    assert seen(database, own) == []
    assert seen(database, own, disparity=0.49) == [("intent_quality_disparity", "b")]
    assert seen(database, own, disparity=0.49, runs=4) == []


def test_runs_that_failed_do_not_count_for_averages(database: Database) -> None:
    """As in the lists and summaries of `TraceQuery`, averages are of complete runs."""
    some = [at(hour, score=score, intent=intent) for hour, (intent, score) in enumerate([("a", 3), ("b", 1)] * 3)]
    failed = at(9, score=1, intent="b", status=tracing.TraceStatus.FAILED)
    store(database, *some, failed)
    assert seen(database, some[-1].trace_id) == [("intent_quality_disparity", "b")]
    assert seen(database, failed.trace_id) == []


def test_runs_count_for_as_many_as_they_stand_for(database: Database) -> None:
    """A run that sampling kept for ten weighs ten in the average."""
    light = [at(hour, score=1, intent="b") for hour in range(3)]
    heavy = [at(hour, score=3, intent="a", sampling_probability=0.05) for hour in range(3, 6)]
    store(database, *light, *heavy)
    assert seen(database, light[0].trace_id, disparity=1.5) == []  # of what the writer judged, each stands for itself
    with database.write() as connection:
        heavier = traces.update().where(traces.c.intent == "a").values(sampling_probability=0.05)
        connection.execute(heavier)
    assert seen(database, light[0].trace_id, disparity=1.5) == [("intent_quality_disparity", "b")]


def test_a_regression_of_the_gate(program: Open) -> None:
    """A failure after a pass of the same project; not after a failure, a pass of another, or nothing ("Quality Gate Regression")."""
    program()
    assert run(passed=False, project_name="alone")["calibration_flags"] == []
    run(passed=True)
    assert run(passed=False, project_name="alone")["calibration_flags"] == []
    run(passed=None, decides=False)  # without a verdict: it neither passed nor failed
    assert run(passed=False, failed=True)["calibration_flags"] == ["Quality regression detected for project cobot"]
    assert run(passed=False)["calibration_flags"] == []


def decided(when: datetime, count: int, confidence: float, good: int) -> list[Any]:
    """Runs with a decision of that confidence, so many of which turned out well."""
    return [
        make_run(
            started_at=when + timedelta(minutes=number),
            passed=number < good,
            decisions=(choice("exa", confidence, timestamp=when + timedelta(minutes=number)),),
        )
        for number in range(count)
    ]


def test_confidence_that_no_longer_predicts(database: Database) -> None:
    """Nine of ten were right at 0.9, and now half of them are: said of that type of decision alone."""
    before, now = decided(NOON - timedelta(days=20), 100, 0.9, 90), decided(NOON, 60, 0.9, 30)
    store(database, *before, *now)
    flags = CalibrationFlags(database, Thresholds(), None, ManualClock(NOON))
    found = flags.run(now[-1].trace_id)
    assert found is not None
    (alert,) = [alert for alert in flags.check(found) if alert.kind == "confidence_drift"]
    assert alert.subject == "source_selection"
    assert alert.message == (
        "Confidence of source_selection decisions no longer predicts how runs turn out: "
        "calibration error 0.40 in the last 7 days vs 0.00 in the weeks before"
    )


def test_drift_needs_enough_decisions_and_more_than_chance(database: Database) -> None:
    """With few on either side, with a small change, or within what chance explains, nothing is said."""
    before, now = decided(NOON - timedelta(days=20), 40, 0.9, 36), decided(NOON, 40, 0.9, 28)
    store(database, *before, *now)
    last = now[0].trace_id
    drifts = ("confidence_drift", "source_selection")
    assert drifts not in seen(database, last, decisions=41)
    assert drifts not in seen(database, last, drift=0.21)
    assert drifts not in seen(database, last)  # 0.9 against 28 of 40 may be chance


def test_a_type_of_decision_is_not_weighed_again_at_each_run(database: Database) -> None:
    """With sixty decisions of the week it is looked at again after three more runs."""
    before, now = decided(NOON - timedelta(days=20), 100, 0.9, 90), decided(NOON, 60, 0.9, 30)
    store(database, *before, *now)
    flags = CalibrationFlags(database, Thresholds(), None, ManualClock(NOON))
    found = flags.run(now[0].trace_id)
    assert found is not None
    kinds = [[alert.kind for alert in flags.check(found)].count("confidence_drift") for _ in range(5)]
    assert kinds == [1, 0, 0, 0, 1]


def test_ordinary_traces_show_nothing(database: Database) -> None:
    """A trace without a quality gate is not looked through."""
    ordinary = make_run(passed=None)
    store(database, ordinary)
    assert seen(database, ordinary.trace_id, failures=1, runs=1) == []


def test_the_three_actions(program: Open, data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An alert is printed, its run flagged for review, and a line with the time appended ("Flags trigger three actions")."""
    opened = program()
    first = run(passed=True)
    second = run(passed=False)
    assert [each.getMessage() for each in caplog.records if each.name.startswith("tracing_core")] == [
        "[CALIBRATION] Quality regression detected for project cobot"
    ]
    assert {row["trace_id"]: row["flagged_for_review"] for row in rows(opened.database, traces)} == {
        first["trace_id"]: False,
        second["trace_id"]: True,
    }
    assert [each.trace_id for each in TraceQuery.flagged_for_review().result()] == [second["trace_id"]]
    (line,) = (data_dir / "projects/cobot/_calibration_alerts.md").read_text().splitlines()[2:]
    assert "Quality regression detected for project cobot (trace " + second["trace_id"] in line
    assert line.startswith("- 20")


def test_one_alert_a_pattern_and_day(program: Open, data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The fourth failure of the day is said in its receipt, and no more than that; another principle is another pattern."""
    opened = program()
    for _ in range(4):
        last = run(gaps=("META-12",))
    assert last["calibration_flags"][0].startswith("Principle META-12 has scored below threshold 4 times")
    for _ in range(3):
        run(gaps=("META-3",))
    (one, other) = rows(opened.database, calibration_alerts)
    assert (one["subject"], other["subject"]) == ("META-12", "META-3")
    assert caplog.text.count("[CALIBRATION]") == 2
    assert (data_dir / "projects/cobot/_calibration_alerts.md").read_text().count("\n- ") == 2
    assert sum(row["flagged_for_review"] for row in rows(opened.database, traces)) == 2


def test_calibration_can_be_switched_off(program: Open, data_dir: Path) -> None:
    """Without it no receipt speaks of flags, and no file is written."""
    opened = program(TRACEWHY_CALIBRATION="false")
    run(passed=True)
    assert "calibration_flags" not in run(passed=False)
    assert rows(opened.database, calibration_alerts) == []
    assert not (data_dir / "projects/cobot/_calibration_alerts.md").exists()


def test_the_settings_move_the_thresholds(program: Open) -> None:
    """What the environment says is what the writer goes by."""
    program(TRACEWHY_CALIBRATION_FAILURES="1", TRACEWHY_CALIBRATION_DAYS="3")
    (message,) = run(gaps=("META-12",))["calibration_flags"]
    assert "1 times in the last 3 days" in message


async def _asked(trace: Any) -> list[str]:
    return await check_calibration_flags(trace)


def test_a_stored_run_can_be_asked_about(program: Open) -> None:
    """The seed's `check_calibration_flags` says the same without an alert (section 7.1)."""
    import asyncio

    opened = program(TRACEWHY_CALIBRATION="false")
    run(passed=True)
    trace_id = run(passed=False)["trace_id"]
    assert asyncio.run(_asked(trace_id)) == ["Quality regression detected for project cobot"]
    assert check_calibration_flags("trc_nobody").result() == []
    assert rows(opened.database, calibration_alerts) == []


def test_many_bins_with_few_decisions_are_no_drift(database: Database) -> None:
    """Three decisions in each of ten bins are off from their confidence by chance, and much; nothing is said."""
    before = [
        each
        for bin_ in range(10)
        for each in decided(NOON - timedelta(days=20 - bin_), 40, bin_ / 10 + 0.05, 4 * bin_ + 2)
    ]
    now = [
        each
        for bin_ in range(10)
        for each in decided(NOON + timedelta(hours=bin_), 4, bin_ / 10 + 0.05, (bin_ + 2) // 3)
    ]
    store(database, *before, *now)
    assert ("confidence_drift", "source_selection") not in seen(database, now[-1].trace_id)
