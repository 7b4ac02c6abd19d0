"""The page Trace of a research run: its rounds, what its gate said, its family, its review and its calibration record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import run_rounds
from tests.pages.conftest import OpenPage, drawn, texts
from tests.postgres.runs_written import make_run
from tests.postgres.writing import store
from tests.unit.test_rounds import SEED
from tracing_core.model import TraceData
from tracing_core.query.calibration_records import records_of
from tracing_core.query.runs import get_run
from tracing_core.rounds import rounds_of
from tracing_core.storage.database import Database


@pytest.fixture
def run(database: Database, data_dir: Path) -> TraceData:
    """The seed's run of two rounds, with a report, a parent and a child."""
    report = data_dir / "report.md"
    report.write_text(
        "---\ntrace_id: trc_20260213_143022_0000000000000000\nquality_score: 2.4\nquality_gate: passed\n---\nx"
    )
    parent = make_run(query="the parent's question")
    made = make_run(
        scores={"META-1": 3, "META-12": 1}, score=2.4, passed=True, iterations=SEED, iteration_count=2,
        quality_gate_failures=1, parent_trace_id=parent.trace_id,
        outputs={"report_path": str(report), "evidence_paths": ["/elsewhere/evidence.json"]},
    )  # fmt: skip
    store(database, parent, made, make_run(parent_trace_id=made.trace_id, query="the child's question"))
    return made


def opened(open_page: OpenPage, run: TraceData, tab: str) -> AppTest:
    app = open_page("trace", id=run.trace_id)
    app.session_state["trace.tabs"] = tab
    app.run()
    assert not app.exception
    return app


def test_the_rounds_are_told_first(open_page: OpenPage, run: TraceData) -> None:
    """Whoever opens a run reads how it went: scores, what was changed, what that closed, what each took."""
    app = open_page("trace", id=run.trace_id)
    assert not app.exception
    said = texts(app)
    assert "It passed in round **2**, from 1.6 to 2.4 of 3" in said
    assert "changed: Added specific market data for META-1, improved citations" in said
    assert "closed META-1" in said
    assert r"\$0.3200 · 48,000 tokens" in said
    assert ":green-badge[gate passed 2.4/3]" in said


def test_a_plain_trace_has_no_rounds(open_page: OpenPage, stored: list[TraceData]) -> None:
    """What does not concern a trace takes no place on its page."""
    app = open_page("trace", id=stored[0].trace_id)
    assert [tab.label for tab in app.tabs][-5:] == ["Decisions 1", "Evidence", "Links", "Conversation", "Raw"]


def test_links_name_parent_children_and_files(open_page: OpenPage, run: TraceData) -> None:
    """The parent by its question, the child in a list, the report with what it says of itself, evidence as a path."""
    app = opened(open_page, run, "Links")
    assert "the parent's question" in [link.label for link in app.page_link]
    (listed,) = drawn(app, "trace_list")
    assert [row["question"] for row in listed["rows"]] == ["the child's question"]
    assert {"/elsewhere/evidence.json"} < {code.value for code in app.code}
    said = texts(app)
    assert "Its front matter says: quality score 2.4 · gate passed" in said
    assert "It says that it is of another trace" in said


def test_files_elsewhere_are_not_opened(open_page: OpenPage, database: Database, tmp_path: Path) -> None:
    """A trace may name any file; those outside of the data directory are named and left alone."""
    secret = tmp_path / "secret.md"
    secret.write_text("---\ntrace_id: hidden\n---\n")
    run = make_run(outputs={"report_path": str(secret)})
    store(database, run)
    app = opened(open_page, run, "Links")
    assert str(secret) in [code.value for code in app.code]
    assert "front matter" not in texts(app)
    assert "hidden" not in texts(app)


def test_a_review_is_written_on_the_page(open_page: OpenPage, run: TraceData, database: Database) -> None:
    """Notes are kept; flagging and settling are one click."""
    app = opened(open_page, run, "Quality")
    app.text_area(key=f"trace.notes.{run.trace_id}").set_value("look at the rubric")
    button(app, "Flag for review").click().run()
    row = get_run(database, run.trace_id)
    assert row is not None
    assert (row.flagged_for_review, row.review_notes) == (True, "look at the rubric")
    assert ":orange-badge[for review]" in texts(app)
    button(app, "Settled").click().run()
    row = get_run(database, run.trace_id)
    assert row is not None
    assert (row.flagged_for_review, row.review_notes) == (False, "look at the rubric")


def test_a_record_is_checked_and_confirmed(open_page: OpenPage, run: TraceData, database: Database) -> None:
    """It is filled in from the run; what a person changes is in it, with their name; without a name nothing is kept."""
    app = opened(open_page, run, "Quality")
    app.button(key="trace.record.open").click().run()
    assert app.text_input(key="trace.record.intent").value == "validating"
    form = AppTest.from_string(f"from dashboard import run_record\nrun_record.form({run.trace_id!r})").run()
    form.text_input(key="trace.record.intent").set_value("learning")
    button(form, "Confirm").click().run()
    assert "confirmed_by" in form.error[0].value
    assert records_of(database, run.trace_id) == ()
    form.text_input(key="trace.record.by").set_value("Ada")
    button(form, "Confirm").click().run()
    assert not form.exception
    (record,) = records_of(database, run.trace_id)
    assert (record.confirmed_by, record.document["intent"]) == ("Ada", "learning")
    assert {name for name, value in record.document.items() if value != record.prefilled[name]} == {"intent"}
    assert "Ada · just now · changed intent" in texts(opened(open_page, run, "Quality"))


def test_a_run_that_never_passed_says_so() -> None:
    """The sentence is about the last round."""
    rounds = rounds_of(make_run(iterations=(SEED[0], {**SEED[1], "quality_gate_result": "FAIL"})))
    assert run_rounds.sentence(rounds).startswith("It did not pass in round **2**")


def button(app: AppTest, label: str) -> Any:
    return next(each for each in app.button if each.label == label)
