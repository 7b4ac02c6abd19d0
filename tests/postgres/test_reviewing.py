"""What is told of a run once it is stored, in whatever process and order, and what fails of it (seed B, README "Finish the Trace")."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import tracing_core as tracing
from tests.factories import NOON
from tests.otlp_messages import START_NS, otlp_request, otlp_span
from tests.postgres.calibrating import begin_run, run
from tests.postgres.rebuilding import spans_in
from tests.postgres.runs_written import make_run
from tests.postgres.tables import rows
from tests.postgres.writing import prepared, store
from tests.surroundings import PATIENCE_SECONDS
from tracing_core import Receipt, Store
from tracing_core.calibration_flags import CalibrationFlags, Thresholds
from tracing_core.clock import ManualClock
from tracing_core.files import TraceFiles
from tracing_core.reviewing import Reviewer
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import calibration_alerts
from tracing_core.storage.tables import traces

Open = Callable[..., Store]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def program(database_url: str, data_dir: Path) -> Iterator[Open]:
    """Gives what `init()` gives a program, with settings by their environment names."""
    with ExitStack() as opened:

        def begin(**settings: Any) -> Store:
            begun = tracing.init(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir, **settings)
            opened.callback(begun.close)
            return begun

        yield begin


def test_the_receipt_has_the_keys_of_the_seed(program: Open, data_dir: Path) -> None:
    """trace_id, file_path, how the database took it, summary_file and calibration_flags, when all of it is done."""
    program()
    said = run()
    folder = data_dir / "projects/cobot/_traces"
    assert said == {
        "trace_id": said["trace_id"],
        "database": "saved",
        "file_path": str(folder / f"{said['trace_id']}.json"),
        "summary_file": str(folder / f"{said['trace_id']}_summary.md"),
        "calibration_flags": [],
    }
    assert Path(said["summary_file"]).read_text().startswith(f"# Run {said['trace_id']}\n")


def test_ordinary_traces_have_neither(program: Open) -> None:
    """A trace without stages that decide and without a gate is settled as soon as it is stored."""
    program()
    trace = tracing.TraceContext.start(query="How?")
    trace.mark_complete()
    assert set(tracing.TraceContext.finish(trace).result(PATIENCE_SECONDS)) == {"trace_id", "database", "file_path"}


def test_summaries_can_be_switched_off(program: Open, data_dir: Path) -> None:
    """TRACEWHY_SUMMARIES leaves the trace's file alone in its folder; without files there is no summary either."""
    program(TRACEWHY_SUMMARIES="false")
    assert "summary_file" not in run()
    assert [path.suffix for path in (data_dir / "projects/cobot/_traces").iterdir()] == [".json"]
    program(TRACEWHY_FILES="false")
    assert "summary_file" not in run()


@pytest.mark.parametrize(
    ("setting", "verbose", "first_line"),
    [
        ("auto", False, None),  # what captures output is no terminal
        ("auto", True, "== Trace Detail"),
        ("off", True, None),
        ("compact", False, "-- Trace Summary"),
        ("compact", True, "== Trace Detail"),
        ("verbose", False, "== Trace Detail"),
    ],
)
def test_what_is_printed(
    setting: str, verbose: bool, first_line: str | None, program: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    """The scorecard that the setting and `finish(trace, verbose=…)` ask for, on stderr."""
    program(TRACEWHY_SCORECARD=setting)
    said = run(score=2.4, verbose=verbose)
    printed = capsys.readouterr().err
    if first_line is None:
        assert printed == ""
    else:
        assert printed.startswith(first_line)
        assert said["trace_id"] in printed


def test_a_scorecard_is_printed_while_the_database_is_away(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the run came to is known without it; the receipt says that the run waits."""
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    opened = tracing.init(DATABASE_URL=url, TRACEWHY_DATA_DIR=data_dir, TRACEWHY_SCORECARD="compact")
    said = run(passed=False)
    opened.close()
    assert said["database"] == "spooled"
    assert "calibration_flags" not in said
    assert Path(said["summary_file"]).exists()
    assert "FAIL" in capsys.readouterr().err


def test_a_terminal_that_is_gone_costs_nothing_else(
    program: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When nothing can be printed, flags and summary are there all the same."""
    program(TRACEWHY_SCORECARD="compact")
    run(passed=True)
    closed = StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    said = run(passed=False)
    monkeypatch.undo()
    assert said["calibration_flags"] == ["Quality regression detected for project cobot"]
    assert Path(said["summary_file"]).exists()
    assert "not all could be told" in caplog.text


def test_a_summary_that_cannot_be_written_costs_nothing_else(
    program: Open, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The run is stored and judged; the log says what is missing."""
    opened = program()
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    run(passed=True)
    (data_dir / f"projects/cobot/_traces/{trace_id}_summary.md").mkdir()
    said = run(passed=False, trace_id=trace_id)
    assert "summary_file" not in said
    assert said["calibration_flags"] == ["Quality regression detected for project cobot"]
    assert len(rows(opened.database, calibration_alerts)) == 1
    assert trace_id in caplog.text


def test_a_file_of_alerts_that_cannot_be_written_costs_nothing_else(
    program: Open, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The alert is given and the run flagged; the log says that the file lacks it (action 3)."""
    opened = program()
    run(passed=True)
    (data_dir / "projects/cobot/_calibration_alerts.md").mkdir()
    said = run(passed=False)
    assert "calibration_error" not in said
    assert [row["trace_id"] for row in rows(opened.database, calibration_alerts)] == [said["trace_id"]]
    flagged = [row["trace_id"] for row in rows(opened.database, traces) if row["flagged_for_review"]]
    assert flagged == [said["trace_id"]]
    assert "alerts of project cobot could not be appended" in caplog.text


def test_alerts_that_the_database_refuses_cost_nothing_else(
    program: Open, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is given then, so that the next run gives it; run and summary are stored, and the receipt says why (action 2)."""
    opened = program()
    run(passed=True)
    with opened.database.write() as connection:
        connection.execute(text("ALTER TABLE calibration_alerts RENAME TO elsewhere"))
    said = run(passed=False)
    assert said["database"] == "saved"
    assert said["calibration_flags"] == ["Quality regression detected for project cobot"]
    assert "calibration_alerts" in said["calibration_error"]
    assert Path(said["summary_file"]).exists()
    assert "[CALIBRATION]" not in caplog.text
    with opened.database.write() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO calibration_alerts"))
    run(passed=True)
    run(passed=False)
    assert "[CALIBRATION]" in caplog.text


def test_patterns_that_cannot_be_looked_for_cost_nothing_else() -> None:
    """A question that the database does not answer is said in the receipt; the run is stored."""
    away = Database("postgresql://nobody@127.0.0.1:1/x")
    reviewer = Reviewer(
        CalibrationFlags(away, Thresholds(), None, ManualClock(NOON)),
        None,
        ManualClock(NOON),
    )
    receipt = Receipt("trc_x")
    reviewer.settle(prepared(make_run(passed=False)), receipt, {"database": "saved", "file_path": None})
    said = receipt.result(PATIENCE_SECONDS)
    reviewer.close()
    assert said["database"] == "saved"
    assert said["calibration_flags"] == []
    assert "cannot be used" in said["calibration_error"]


def test_a_full_queue_leaves_runs_without_flags(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody waits and nothing grows: the receipt is settled at once, and the log says so once."""
    flags = CalibrationFlags(database, Thresholds(), None, ManualClock(NOON))
    reviewer = Reviewer(flags, None, ManualClock(NOON), most=0)
    for _ in range(3):
        receipt = Receipt("trc_x")
        reviewer.settle(prepared(make_run(passed=False)), receipt, {"database": "saved", "file_path": None})
        assert receipt.result(0) == {"trace_id": "trc_x", "database": "saved", "file_path": None}
    assert caplog.text.count("more runs are stored than can be looked through") == 1


def test_closing_tells_of_what_waits(program: Open, database: Database) -> None:
    """A program that ends right after its run has it judged and written up."""
    opened = program()
    begin_run(passed=True)
    receipt = begin_run(passed=False)
    opened.close()
    assert receipt.result(0)["calibration_flags"] == ["Quality regression detected for project cobot"]
    assert len(rows(database, calibration_alerts)) == 1


def test_after_closing_runs_are_settled_at_once(database: Database) -> None:
    """Whoever waits for a receipt is not left waiting."""
    flags = CalibrationFlags(database, Thresholds(), None, ManualClock(NOON))
    reviewer = Reviewer(flags, None, ManualClock(NOON))
    reviewer.close()
    receipt = Receipt("trc_x")
    reviewer.settle(prepared(make_run(passed=False)), receipt, {"database": "saved", "file_path": None})
    assert "calibration_flags" not in receipt.result(0)


def pieces(number: int, *, passed: bool) -> tuple[bytes, bytes]:
    """The gate and the root of a run, each in a request of OTLP."""
    moments = {
        "start_time_unix_nano": START_NS + number * 10**10,
        "end_time_unix_nano": START_NS + number * 10**10 + 10**9,
    }
    ids: dict[str, Any] = {"trace_id": (number + 1).to_bytes(16), **moments}
    gate = otlp_span(
        {"quality_gate_passed": passed}, name="quality_gate", span_id=b"\2" * 8, parent_span_id=b"\1" * 8, **ids
    )
    return otlp_request(gate), otlp_request(otlp_span(name="research", span_id=b"\1" * 8, **ids))


@pytest.mark.parametrize("root_first", [True, False])
def test_runs_of_opentelemetry_are_judged_when_they_are_whole(
    root_first: bool, program: Open, database: Database
) -> None:
    """Whatever comes first, the gate or the root, the regression is seen once, and not before the run has ended."""
    opened = program()

    def send(body: bytes) -> None:
        opened.ingest.offer(partial(spans_in, body), len(body), project="cobot").result(PATIENCE_SECONDS)

    for number, passed in enumerate((True, False)):
        for body in sorted(pieces(number, passed=passed), key=len, reverse=not root_first):
            send(body)
    opened.close()
    (alert,) = rows(database, calibration_alerts)
    assert (alert["kind"], alert["trace_id"]) == ("quality_gate_regression", f"{2:032x}")


def test_a_run_whose_root_goes_to_another_process_is_looked_at_again(database: Database) -> None:
    """The process that has the gate does not see the root come; it looks again later, at the latest when it closes."""
    before, piece = make_run(passed=True), make_run(passed=False, started_at=NOON + timedelta(hours=1), source="otlp")
    store(database, before)
    flags = CalibrationFlags(database, Thresholds(), None, ManualClock(NOON))
    reviewer = Reviewer(flags, None, ManualClock(NOON))
    open_run = make_run(passed=False, started_at=NOON + timedelta(hours=1), trace_id=piece.trace_id)
    store(database, open_run)
    with database.write() as connection:
        connection.execute(traces.update().where(traces.c.trace_id == piece.trace_id).values(status="incomplete"))
    reviewer.stored(piece)
    assert reviewer.flush(PATIENCE_SECONDS)
    assert rows(database, calibration_alerts) == []
    with database.write() as connection:
        connection.execute(traces.update().where(traces.c.trace_id == piece.trace_id).values(status="complete"))
    reviewer.close()
    assert len(rows(database, calibration_alerts)) == 1


def test_threads_that_see_the_same_give_one_alert(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Eight at once: one is the first, and acts; none of the lines of the others gets lost in the file."""
    some = [make_run(scores={f"P{n}": 1 for n in range(4)}, started_at=NOON + timedelta(minutes=m)) for m in range(3)]
    store(database, *some)
    start = threading.Barrier(8)
    given: list[int] = []

    def look() -> None:
        flags = CalibrationFlags(database, Thresholds(), TraceFiles(tmp_path), ManualClock(NOON))
        found = flags.run(some[-1].trace_id)
        assert found is not None
        alerts = flags.check(found)
        start.wait(PATIENCE_SECONDS)
        given.append(len(flags.act(found, alerts)))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert sum(given) == 4
    assert len(rows(database, calibration_alerts)) == 4
    assert (tmp_path / "default/_calibration_alerts.md").read_text().count("\n- ") == 4
    assert caplog.text.count("[CALIBRATION]") == 4


PROGRAM = """
import sys, tracing_core as tracing
from tests.postgres.calibrating import run
opened = tracing.init(TRACEWHY_CALIBRATION_FAILURES=1)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(5):
    run(gaps=("META-12",))
    run(gaps=(sys.argv[1],))
opened.close()
"""


def test_two_processes_give_one_alert(database: Database, database_url: str, data_dir: Path) -> None:
    """Both see the same principle fail again and again; one of them says it, and both lines of their own are in the file."""
    environment = {
        "DATABASE_URL": database_url,
        "TRACEWHY_DATA_DIR": str(data_dir),
        "PATH": "",
        "PYTHONPATH": str(ROOT),
    }
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, own], env=environment, cwd=data_dir, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for own in ("ONE", "TWO")
    ]  # fmt: skip
    for each in programs:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    said = []
    for each in programs:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in programs:
        _, errors = each.communicate(timeout=PATIENCE_SECONDS * 3)
        assert each.returncode == 0, errors
        said.append(errors)
    assert sorted(row["subject"] for row in rows(database, calibration_alerts)) == ["META-12", "ONE", "TWO"]
    assert "".join(said).count("[CALIBRATION] Principle META-12") == 1
    assert (data_dir / "projects/cobot/_calibration_alerts.md").read_text().count("\n- ") == 3
    assert sum(row["flagged_for_review"] for row in rows(database, traces)) == 3


def test_the_log_shows_alerts_as_warnings(program: Open, caplog: pytest.LogCaptureFixture) -> None:
    """So that a program that logs warnings shows them on its terminal (action 1)."""
    program()
    run(passed=True)
    run(passed=False)
    (alert,) = [each for each in caplog.records if each.getMessage().startswith("[CALIBRATION] ")]
    assert alert.levelno == logging.WARNING
