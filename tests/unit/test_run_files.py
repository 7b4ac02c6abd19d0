"""Files of runs that people read: summaries, and the alerts of a project (seed B, "Calibration Flags", action 3)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON
from tracing_core.errors import InvalidInput
from tracing_core.files import TraceFiles
from tracing_core.run_files import ALERTS, Alert, append_alerts, read_alerts, write_summary

TRACE = "trc_20261121_120000_0000000000000001"


def alert(**overrides: str) -> Alert:
    fields = {
        "kind": "repeated_principle_failure",
        "subject": "META-12",
        "message": "META-12 failed",
        "trace_id": TRACE,
    }
    return Alert(day=NOON.date(), project="cobot", **fields | overrides)


def test_alerts_are_appended_with_their_time(tmp_path: Path) -> None:
    """`{project}/_calibration_alerts.md` grows by a line an alert; a person's own lines stay."""
    files = TraceFiles(tmp_path)
    append_alerts(files, "cobot", [alert()], NOON)
    path = tmp_path / "cobot" / ALERTS
    path.write_text(path.read_text() + "looked into it: the rubric was wrong\n")
    append_alerts(files, "cobot", [alert(subject="META-1", message="META-1 failed")], NOON + timedelta(hours=1))
    lines = path.read_text().splitlines()
    assert lines[0] == "# Calibration alerts of project cobot"
    assert lines[2].startswith(f"- 2026-11-21T12:00:00Z META-12 failed (trace {TRACE})")
    assert lines[3] == "looked into it: the rubric was wrong"
    assert lines[4].startswith("- 2026-11-21T13:00:00Z META-1 failed")


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


@given(subject=texts | st.just("--> <!-- alert {}"), message=texts | st.just("a\n- b -->"))
def test_whatever_an_alert_says_is_read_back(
    subject: str, message: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What `rebuild` reads is what was written, whatever names principles have."""
    files = TraceFiles(tmp_path_factory.mktemp("alerts"))
    written = [alert(subject=subject, message=message), alert()]
    append_alerts(files, "cobot", written, NOON)
    assert list(read_alerts(files, "cobot")) == [(each, NOON) for each in written]


def test_lines_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    """A line that somebody changed costs itself alone; no file means no alerts."""
    files = TraceFiles(tmp_path)
    assert list(read_alerts(files, "cobot")) == []
    append_alerts(files, "cobot", [alert()], NOON)
    path = tmp_path / "cobot" / ALERTS
    broken = ["- x <!-- alert {broken -->", "- x <!-- alert [] -->", '- x <!-- alert {"at": 1} -->']
    path.write_text("\n".join([*broken, path.read_text()]))
    assert [each.subject for each, _ in read_alerts(files, "cobot")] == ["META-12"]


def test_a_summary_lies_beside_the_file_of_its_trace(tmp_path: Path) -> None:
    """`{trace_id}_summary.md`; it is no trace to whoever lists those, and goes with it."""
    files = TraceFiles(tmp_path)
    path = Path(write_summary(files, "cobot", TRACE, "# Run"))
    assert path == tmp_path / "cobot" / "_traces" / f"{TRACE}_summary.md"
    assert path.read_text() == "# Run"
    assert files.names("cobot") == []
    files.remove("cobot", TRACE)
    assert not path.exists()


def test_a_summary_moves_with_its_trace(tmp_path: Path) -> None:
    """When pieces that come later move a trace to another project, nothing stays behind."""
    files = TraceFiles(tmp_path)
    path = Path(write_summary(files, "default", TRACE, "# Run"))
    (tmp_path / "cobot" / "_traces").mkdir(parents=True)
    files.move(TRACE, "default", "cobot")
    assert not path.exists()
    assert (tmp_path / "cobot" / "_traces" / path.name).read_text() == "# Run"


@pytest.mark.parametrize(("project", "trace_id"), [("../etc", TRACE), ("cobot", "../passwd")])
def test_names_cannot_leave_the_place(project: str, trace_id: str, tmp_path: Path) -> None:
    """Project and id are checked as those of traces are."""
    with pytest.raises(InvalidInput):
        write_summary(TraceFiles(tmp_path), project, trace_id, "")
