"""The page Quality: what falls short, where, and what calibration noticed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from dashboard import quality_charts
from tests.pages.conftest import OpenPage, drawn, tables, texts
from tests.postgres.runs_written import choice, make_run
from tests.postgres.writing import store
from tracing_core.clock import SystemClock
from tracing_core.confidence import Interval
from tracing_core.model import TraceData
from tracing_core.query.quality import Cell, Failing
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import calibration_alerts
from tracing_core.storage.tables import traces


@pytest.fixture
def now() -> datetime:
    return SystemClock().now()


@pytest.fixture
def runs(database: Database, now: datetime) -> list[TraceData]:
    """Four runs of edtech that fall short of META-12 and fail, four of saas that do not."""
    at = now - timedelta(minutes=30)
    bad: dict[str, Any] = {"scores": {"META-12": 1, "META-1": 3}, "score": 1.5, "passed": False, "domain": "edtech"}
    good: dict[str, Any] = {"scores": {"META-12": 3, "META-1": 3}, "score": 2.5, "passed": True, "domain": "saas"}
    made = [make_run(**kind, started_at=at, decisions=(choice("exa", 0.9),)) for kind in (bad, good) for _ in range(4)]
    store(database, *made)
    return made


def flag(database: Database, run: TraceData, now: datetime) -> None:
    with database.write() as connection:
        connection.execute(update(traces).where(traces.c.trace_id == run.trace_id).values(flagged_for_review=True))
        connection.execute(
            insert(calibration_alerts).values(
                day=now.date(), project=run.project, kind="repeated_principle_failure", subject="META-12", created_at=now,
                message="Principle META-12 has scored below threshold 4 times", trace_id=run.trace_id,
            )
        )  # fmt: skip


def test_the_numbers_are_those_of_the_runs(open_page: OpenPage, runs: list[TraceData]) -> None:
    """Half of eight passed, with a mean score of 2.0; META-12 fails most."""
    app = open_page("quality")
    assert not app.exception
    numbers = {metric.label: metric.value for metric in app.metric}
    assert (numbers["Runs judged"], numbers["Gate passed"], numbers["Quality score"]) == ("8", "50.0 %", "2.00")
    assert "8 complete runs that a gate judged, mean score 2.00 of 3" in texts(app)
    (table,) = tables(app)
    assert [(row["Principle"], row["Fails"]) for row in table] == [("META-12", "4 of 8"), ("META-1", "0 of 8")]


def test_what_calibration_noticed_leads_to_its_run(
    open_page: OpenPage, runs: list[TraceData], database: Database, now: datetime
) -> None:
    """The message, the run that showed it, and the runs that wait for a review."""
    flag(database, runs[0], now)
    app = open_page("quality")
    assert "Principle META-12 has scored below threshold 4 times" in texts(app)
    (listed,) = drawn(app, "trace_list")
    assert [row["id"] for row in listed["rows"]] == [runs[0].trace_id]
    assert {metric.label: metric.value for metric in app.metric}["For review"] == "1"


def test_a_cell_leads_to_its_traces(open_page: OpenPage, runs: list[TraceData]) -> None:
    """The address that a cell opens shows the runs that it counts."""
    app = open_page("traces", gap="META-12", domain="edtech", status="complete")
    (listed,) = drawn(app, "trace_list")
    assert {row["id"] for row in listed["rows"]} == {run.trace_id for run in runs[:4]}
    assert {"falls short of META-12", "domain edtech"} <= {button.label for button in app.button}


def test_answers_without_a_gate_have_their_flags(open_page: OpenPage, stored: list[TraceData]) -> None:
    """Where no run was judged, the page says so, and shows what there is."""
    app = open_page("quality")
    assert not app.exception
    assert "No run of this time went through a quality gate." in texts(app)
    assert {metric.label: metric.value for metric in app.metric}["Quality score"] == "–"


def test_a_run_of_another_time_is_not_here(open_page: OpenPage, database: Database, now: datetime) -> None:
    """The range of the page is that of all its parts."""
    store(database, replace(make_run(score=1.0, passed=False), started_at=now - timedelta(days=3)))
    assert "No answers in this time." in texts(open_page("quality", range="1h"))
    assert "1 complete runs" in texts(open_page("quality", range="7d"))


def test_only_what_chance_does_not_explain_is_coloured() -> None:
    """A cell is red above the rate of its principle, blue below it, and grey where that may be chance."""

    def failing(rate: float, low: float, high: float) -> Failing:
        return Failing(
            principle_id="P",
            runs=9,
            count=9,
            fails=9 * rate,
            rate=rate,
            interval=Interval(low=low, high=high),
            mean_score=2,
        )

    cells = [
        Cell(value=name, failing=each)
        for name, each in {"a": failing(0.9, 0.6, 1), "b": failing(0.1, 0, 0.3), "c": failing(0.6, 0.3, 0.8)}.items()
    ]
    figure = quality_charts.heat(cells, [failing(0.5, 0.4, 0.6)])
    colours = {bar.customdata[0][1]: bar.marker.color[0] for bar in figure.data if bar.type == "bar"}
    assert colours["a"].startswith("rgba(214")
    assert colours["b"].startswith("rgba(61")
    assert colours["c"] == "rgba(138, 149, 163, 0.13)"
