"""The programs of the research example, as people start them: one question, many, and a history that can be removed again."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from assistant import loading
from assistant.corpus.libraries import installed_libraries
from examples import demo
from examples.research import __main__ as program
from examples.research.history import PROJECT, record_history
from tests.postgres.tables import rows
from tracing_core.clock import SystemClock
from tracing_core.storage.database import Database
from tracing_core.storage.tables import feedback, traces

RUNS, DAYS = 60, 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, database_url: str, folder: Path) -> None:
    """One small library to search, no language model, and this test's own database."""
    fastapi = tuple(library for library in installed_libraries() if library.name == "fastapi")
    monkeypatch.setattr(loading, "installed_libraries", lambda: fastapi)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("TRACEWHY_DATA_DIR", str(folder))
    monkeypatch.setenv("TRACEWHY_EMBEDDED_MODEL", "false")


def call(main: object, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of a program with these arguments."""
    monkeypatch.setattr(sys, "argv", ["program", *arguments])
    assert callable(main)
    return int(main())


def test_one_question_is_researched_and_says_where_it_is(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The program ends well when the report and its trace are stored, and prints where both are."""
    assert call(program.main, monkeypatch, "How do I upload a file with FastAPI?", "--project", "mine") == 0
    said = capsys.readouterr().out
    (row,) = rows(database, traces)
    assert (row["project"], row["status"]) == ("mine", "complete")
    assert row["trace_id"] in said
    assert row["report_file_path"] in said
    assert f"/trace?id={row['trace_id']}" in said


def test_many_questions_are_researched(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--runs` researches so many questions of its list."""
    assert call(program.main, monkeypatch, "--runs", "3") == 0
    assert [row["project"] for row in rows(database, traces)] == [program.PROJECT] * 3


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(["  "], "question"), (["How?", "--model", "nobody"], "model"), (["How?", "--project", "../x"], "project")],
)
def test_what_cannot_be_researched_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    """The program ends with 1 and names what is wrong."""
    assert call(program.main, monkeypatch, *arguments) == 1
    assert capsys.readouterr().err.startswith(f"{complaint}:")


def test_a_history_is_spread_over_its_days_and_rated(database: Database) -> None:
    """Runs lie all over the days until now, under models that cost something, and some reports are rated."""
    told: list[int] = []
    rated = record_history(runs=RUNS, days=DAYS, seed=3, progress=told.append)
    runs = [row for row in rows(database, traces) if row["parent_trace_id"] is None]
    assert (len(runs), told[-1]) == (RUNS, RUNS)
    assert {row["project"] for row in runs} == {PROJECT}
    now, begun = SystemClock().now(), sorted(row["started_at"] for row in runs)
    assert now - timedelta(days=DAYS) <= begun[0] < now - timedelta(days=DAYS - 1)
    assert begun[-1] > now - timedelta(days=1)
    assert rated == len(rows(database, feedback)) > 0
    assert sum(row["synthesis_cost_usd"] or 0 for row in runs) > 0
    assert {row["quality_gate_passed"] for row in runs if row["status"] == "complete"} == {True, False}


def test_the_demo_takes_its_history_away_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """`demo` fills both projects, `demo --remove` leaves neither rows nor files of them."""
    assert call(demo.main, monkeypatch, "--traces", "5", "--runs", "5", "--days", "2") == 0
    assert {row["project"] for row in rows(database, traces)} == {"demo", PROJECT}
    assert (folder / "projects" / PROJECT / "artifacts").is_dir()
    assert call(demo.main, monkeypatch, "--remove") == 0
    assert not rows(database, traces)
    assert not (folder / "projects" / PROJECT).exists()


def test_there_may_be_no_history_to_take_away(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`demo --remove` on a database without any tables removes nothing, and says so."""
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    assert call(demo.main, monkeypatch, "--remove") == 0
    assert f"removed the 0 traces of project {PROJECT}" in capsys.readouterr().out
