"""The page of decisions on a real database: the list, one type, and the ways to the traces behind a number."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.pages.conftest import OpenPage, drawn, tables, texts
from tests.postgres.runs_written import choice, make_run
from tests.postgres.writing import store
from tracing_core.clock import SystemClock
from tracing_core.model import TraceData
from tracing_core.storage.database import Database


@pytest.fixture
def runs(database: Database) -> list[TraceData]:
    """Forty runs of the last hours whose sure source choice passes the gate two times of five, and two of a year ago."""
    now = SystemClock().now()
    made = []
    for number in range(40):
        at = now - timedelta(minutes=5 * number)
        sure = choice("exa" if number % 4 else "reddit", 0.9, "google (0.4)", timestamp=at)
        made.append(
            make_run(
                started_at=at,
                passed=number % 5 < 2,
                decisions=(sure, choice(["a"], None, decision="queries", timestamp=at)),
            )
        )
    store(database, *made)
    return made


def numbers(app: object) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}  # type: ignore[attr-defined]


def test_types_are_listed_with_their_verdict(open_page: OpenPage, runs: list[TraceData]) -> None:
    """How many decisions, of which types, how sure, how often right, and how many types say too much."""
    app = open_page("decisions")
    assert not app.exception
    assert numbers(app) == {
        "Decisions": "80", "Types": "2", "Confidence": "0.90", "Right": "40.0 %", "Over-confident": "1",
    }  # fmt: skip
    (table,) = tables(app)
    assert [row["Decision"] for row in table] == ["queries", "source_selection"]
    assert [row["Verdict"] for row in table] == ["–", "over-confident by 0.50"]
    assert table[1]["Choices"] == "exa 75 % · reddit 25 %"
    assert "All 40 traces of this time were looked at." in texts(app)


def test_a_type_has_an_address(open_page: OpenPage, runs: list[TraceData]) -> None:
    """Its sentence, its alternatives and the decisions that were wrong about themselves; a chip takes it away again."""
    app = open_page("decisions", decision="source_selection")
    assert not app.exception
    assert "Says 0.90, is right 40 % of the time" in texts(app)
    assert "over-confident by 0.50" in texts(app)
    shown = numbers(app)
    assert (shown["How often"], shown["Confidence"], shown["Right"], shown["Gap"]) == ("40", "0.90", "40.0 %", "+0.50")
    alternatives, _, wrong = tables(app)
    assert [row["Alternative"] for row in alternatives] == ["google"]
    assert wrong[0]["Confidence"] == "0.90"
    assert {row["Trace"].removeprefix("trace?id=") for row in wrong} < {run.trace_id for run in runs}
    assert len(wrong) == 20
    app.button(key="decisions.all").click().run()
    assert "decision" not in app.query_params
    assert numbers(app)["Types"] == "2"


def test_a_choice_narrows_the_type(open_page: OpenPage, runs: list[TraceData]) -> None:
    """What was chosen and how sure it was are filters of this page, too."""
    app = open_page("decisions", decision="source_selection", what="reddit")
    assert numbers(app)["How often"] == "10"
    assert {"chose reddit", "decision source\\_selection"} <= {button.label for button in app.button}


@pytest.mark.parametrize("part", ["Confidence", "By component"])
def test_parts_have_an_address(open_page: OpenPage, runs: list[TraceData], part: str) -> None:
    """The reliability of everything by stage, and the stages with their decisions."""
    app = open_page("decisions", part=part)
    assert not app.exception
    (table,) = tables(app)
    assert table[0]["Stage"] == "collection"


def test_taking_apart_by_project(open_page: OpenPage, runs: list[TraceData]) -> None:
    """Calibration by project has a row for each, with counts, intervals, error and Brier score."""
    app = open_page("decisions", part="Confidence")
    app.segmented_control[-1].set_value("project").run()
    ((row,),) = tables(app)
    assert (row["Project"], row["Decisions"], row["Right"]) == ("default", "40", "40 % (26–55 %)")
    assert row["Calibration error"].startswith("0.50 (")


def test_the_outcome_is_chosen_and_kept(open_page: OpenPage, runs: list[TraceData], database: Database) -> None:
    """Where outcomes are told in more than one way, the choice is in the address and survives a change of filters."""
    store(database, make_run(started_at=SystemClock().now(), passed=True, score=2.5, decisions=(choice("exa", 0.9),)))
    app = open_page("decisions", outcome="score", decision="source_selection")
    assert numbers(app)["Right"] == "100.0 %"
    app.button(key="decisions.all").click().run()
    assert app.query_params["outcome"] in ("score", ["score"])


def test_traces_are_chosen_by_their_decisions(open_page: OpenPage, runs: list[TraceData]) -> None:
    """The address that every number leads to shows exactly the traces behind it, and says so in chips."""
    app = open_page("traces", decision="source_selection", what="reddit", sure_from="0.8")
    (listed,) = drawn(app, "trace_list")
    assert {row["id"] for row in listed["rows"]} == {trace.trace_id for trace in runs[::4]}
    assert {"chose reddit", "confidence from 0.80"} <= {button.label for button in app.button}


def test_decisions_do_not_follow_to_pages_that_know_none(open_page: OpenPage, runs: list[TraceData]) -> None:
    """The overview counts every trace, also when one type was looked at just before."""
    app = open_page("decisions", decision="source_selection", what="reddit")
    app.query_params.clear()
    app.switch_page("../pages/overview.py").run()
    assert numbers(app)["Requests"] == "40"


def test_without_outcomes_nothing_is_called_wrong(open_page: OpenPage, stored: list[TraceData]) -> None:
    """Traces that nobody judged have choices and confidences, and no verdict."""
    app = open_page("decisions", decision="source_selection")
    assert not app.exception
    assert numbers(app)["Right"] == "–"
    assert "No decision has both a confidence and a known outcome." in texts(app)
    listed = open_page("decisions")
    assert numbers(listed)["Over-confident"] == "–"


def test_a_type_that_is_not_there_says_so(open_page: OpenPage, runs: list[TraceData]) -> None:
    """An old link still leads to a page."""
    assert "No such decision in this time." in texts(open_page("decisions", decision="nothing"))
