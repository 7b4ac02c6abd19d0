"""The commands about research runs: `show`, `compare`, `flags` (seed B, "Terminal Output", section 6 `compare`)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import orjson
import pytest

import tracing_core as tracing
from tests.factories import NOON, make_span, make_trace, milliseconds
from tests.postgres.calibrating import run as recorded
from tests.postgres.commands import Run
from tests.postgres.runs_written import choice, make_run
from tests.postgres.writing import store
from tracing_core.clock import SystemClock
from tracing_core.model import SpanKind, TraceData
from tracing_core.run_comparison import Difference, differences
from tracing_core.storage.alerts_write import restore_alerts
from tracing_core.storage.database import Database
from tracing_core.storage.tables import span_payloads

NOBODY = "trc_20260101_000000_0000000000000000"


@pytest.fixture
def run(run_command: Run) -> Run:
    """Runs any command."""
    return run_command


def two_runs() -> tuple[TraceData, TraceData]:
    """A bad run and a better one that decided otherwise."""
    a = make_run(
        score=1.4, passed=False, scores={"META-12": 1, "META-3": 1}, cost_usd=0.32,
        decisions=(choice("exa", 0.9), choice({"k": 5}, None, decision="depth")),
    )  # fmt: skip
    b = make_run(
        score=2.4, passed=True, scores={"META-3": 1, "META-4": 1}, cost_usd=0.27, started_at=NOON + timedelta(hours=1),
        decisions=(choice("reddit", 0.6), choice({"k": 5}, None, decision="depth"), choice("x", decision="late")),
    )  # fmt: skip
    return a, b


def test_show_prints_the_scorecard(run: Run, database: Database) -> None:
    """The compact one; with --verbose the breakdown."""
    a, _ = two_runs()
    store(database, a)
    code, said = run("show", a.trace_id)
    assert code == 0
    assert said.splitlines()[:2] == [
        "-- Trace Summary ------------------------------------------",
        "Quality: 1.4/3.0  FAIL    Duration: 4.0s",
    ]
    _, said = run("show", a.trace_id, "--verbose")
    assert "  META-12: 1 <gap\n" in said
    assert "  collection       0.1s  (2 decisions)\n" in said


def test_show_prints_the_document(run: Run, database: Database) -> None:
    """With --json all of it, as JSON and nothing else."""
    a, _ = two_runs()
    store(database, a)
    code, said = run("show", a.trace_id, "--json")
    assert code == 0
    assert orjson.loads(said)["stages"]["collection"]["decisions"][0]["what"] == "exa"


def test_show_says_that_a_run_was_flagged(run: Run, database: Database) -> None:
    """And where to read why."""
    a, _ = two_runs()
    store(database, a)
    alert = {"day": NOON.date(), "project": "p", "kind": "k", "subject": "s", "message": "m", "trace_id": a.trace_id}
    restore_alerts(database, [alert | {"created_at": NOON}])
    assert "flagged for review" in run("show", a.trace_id)[1]


@pytest.mark.parametrize("arguments", [("show", NOBODY), ("show", NOBODY, "--json"), ("compare", NOBODY, NOBODY)])
def test_an_unknown_id_is_named_with_what_to_do(arguments: tuple[str, ...], run: Run) -> None:
    """One line, and exit code 1."""
    code, said = run(*arguments)
    assert code == 1
    assert NOBODY in said
    assert "check the id, and DATABASE_URL" in said


def test_of_two_ids_the_unknown_one_is_named(run: Run, database: Database) -> None:
    """So that nobody looks at the wrong one."""
    a, _ = two_runs()
    store(database, a)
    _, said = run("compare", a.trace_id, NOBODY)
    assert NOBODY in said
    assert a.trace_id not in said


def test_contents_that_are_gone_cost_the_stages_alone(run: Run, database: Database) -> None:
    """What the row says is shown, and that the rest is not stored any more."""
    a, b = two_runs()
    store(database, a, b)
    with database.write() as connection:
        connection.execute(span_payloads.delete())
    code, said = run("show", a.trace_id, "--verbose")
    assert code == 0
    assert "Score: 1.4/3.0  FAIL" in said
    assert "its stages are not stored any more" in said
    assert run("show", a.trace_id, "--json") == (
        1, f"what trace {a.trace_id} held is not stored any more; `show {a.trace_id}` says what is known\n",
    )  # fmt: skip
    code, said = run("compare", a.trace_id, b.trace_id)
    assert code == 0
    assert "stages and decisions of at least one of them are not stored any more" in said


def test_compare_says_what_the_second_has_more(run: Run, database: Database) -> None:
    """Differences in words, gaps of one, the other and both, stages, and decisions that differ alone."""
    a, b = two_runs()
    store(database, a, b)
    code, said = run("compare", a.trace_id, b.trace_id)
    assert code == 0
    for words in ("1.00 better", "passing now", "$0.05 cheaper", "the same"):
        assert words in said
    assert "Gaps closed in B: META-12\n" in said
    assert "Gaps new in B: META-4\n" in said
    assert "Gaps in both: META-3\n" in said
    assert "reddit (0.60)" in said
    assert "depth" not in said
    _, said = run("compare", b.trace_id, a.trace_id)
    assert "1.00 worse" in said
    assert "failing now" in said
    assert "$0.05 dearer" in said


def test_compare_colours_better_and_worse(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal green is better and red is worse, and the words say it, too."""
    a, b = two_runs()
    store(database, a, b)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    _, said = run("compare", a.trace_id, b.trace_id)
    assert "\x1b[32m1.00 better\x1b[0m" in said
    assert "\x1b[31mMETA-4\x1b[0m" in said


def test_compare_knows_what_is_not_said(run: Run, database: Database) -> None:
    """A run without a score is not worse by that score; one that is compared with itself made the same decisions."""
    a, _ = two_runs()
    plain = make_trace()
    store(database, a, plain)
    _, said = run("compare", a.trace_id, plain.trace_id)
    assert "worse" not in said
    assert "only in A" in said
    assert "only in B" in said
    assert "both made the same decisions" in run("compare", a.trace_id, a.trace_id)[1]


def test_decisions_are_compared_by_stage_type_and_turn() -> None:
    """The second of a type in a stage stands beside the second of the other run."""

    def trace(*whats: str) -> TraceData:
        root = make_span(kind=SpanKind.ROOT, name="request", duration_ns=milliseconds(1))
        made = tuple(choice(what, 0.5, decision="t") for what in whats)
        return make_trace(spans=(root, make_span(parent_id=root.span_id, name="s", decisions=made)))

    assert differences(trace("a", "b", "c"), trace("a", "x")) == (
        Difference(stage="s", decision="t", a="b (0.50)", b="x (0.50)"),
        Difference(stage="s", decision="t", a="c (0.50)", b=None),
    )
    (long,) = differences(trace("y" * 200), trace())
    assert long.a == "y" * 79 + "… (0.50)"


def test_flags_lists_alerts_of_the_last_days(run: Run, database: Database) -> None:
    """Those of today and the days before, by project; an older one only when it is asked for."""
    today = SystemClock().now().date()
    assert "calibration saw nothing since" in run("flags")[1]
    fields = {"kind": "k", "trace_id": NOBODY, "created_at": NOON}
    given = [
        fields | {"day": today, "project": "cobot", "subject": "META-12", "message": "META-12 failed"},
        fields
        | {"day": today - timedelta(days=9), "project": "shop", "subject": "s", "message": "[b]edtech[/b] is low"},
    ]
    assert restore_alerts(database, given) == 2
    code, said = run("flags")
    assert code == 0
    assert "META-12 failed" in said
    assert NOBODY in said
    assert "edtech" not in said
    _, said = run("flags", "--days", "10", "--project", "shop")
    assert "[b]edtech[/b] is low" in said
    assert "META-12" not in said


@pytest.mark.parametrize("days", ["0", "-1", "many"])
def test_days_have_to_be_a_number(days: str, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong and the fix, before anything is opened."""
    with pytest.raises(SystemExit):
        run("flags", f"--days={days}")
    assert "give a number of days from 1 on" in capsys.readouterr().err


def test_a_recorded_run_goes_through_all_commands(run: Run, database_url: str, data_dir: Path) -> None:
    """What a program recorded is shown, compared and listed."""
    opened = tracing.init(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir)
    first, second = recorded(score=2.4), recorded(passed=False, score=1.4, confidence=0.4)
    opened.close()
    assert "Quality: 1.4/3.0  FAIL" in run("show", second["trace_id"])[1]
    said = run("compare", first["trace_id"], second["trace_id"])[1]
    assert "exa (0.90)" in said
    assert "exa (0.40)" in said
    assert "Quality regression detected for project cobot" in run("flags")[1]


def test_no_text_steers_the_terminal(run: Run, database: Database) -> None:
    """What a run recorded is printed without the characters that move a cursor or hide what was printed before."""
    nasty = "\x1b[2Jgone\x07"
    a = make_run(scores={nasty: 1}, decisions=(choice(nasty, decision=nasty),), query=nasty)
    b = make_run(started_at=NOON + timedelta(hours=1))
    store(database, a, b)
    for arguments in (("show", a.trace_id), ("show", a.trace_id, "--verbose"), ("compare", a.trace_id, b.trace_id)):
        code, said = run(*arguments)
        assert code == 0
        assert "gone" in said
        assert "\x1b" not in said
        assert "\x07" not in said
