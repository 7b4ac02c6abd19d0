"""The six failure modes of seed B's section 10, each with the thing really broken, and what can be asked afterwards (B5)."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tracing_core as tracing
from tests.factories import NOON
from tests.faults.switch import Switch
from tests.surroundings import PATIENCE_SECONDS
from tracing_core import Store, TraceQuery
from tracing_core.clock import ManualClock
from tracing_core.errors import DatabaseUnavailable

pytestmark = pytest.mark.faults


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def store(database_url: str, data_dir: Path, clock: ManualClock) -> Iterator[Store]:
    """A program that records, with one project switched off."""
    opened = tracing.init(
        clock=clock, DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir, TRACEWHY_UNTRACED_PROJECTS=["quiet"]
    )
    yield opened
    opened.close()


def research(project: str = "cobot") -> dict[str, Any]:
    """A run in seed B's words that goes on to its end, whatever becomes of its trace; gives what became of that."""
    with tracing.traced_research(query="analyze", project_name=project, intent="validating") as trace:
        trace.start_stage("intake")
        trace.record("intake", "classified_intent", {"what": "validating", "why": "a hypothesis", "confidence": 0.85})
        trace.end_stage("intake", outputs={"intent": "validating"})
        trace.end_stage("quality_gate", outputs={"passed": True, "overall_score": 2.4})
    return tracing.TraceContext.finish(trace).result(PATIENCE_SECONDS)


def found(intent: str = "validating") -> dict[str, Any]:
    """Paths of the files of all runs that can be asked for, by trace id."""
    return {each.trace_id: each.trace_file_path for each in TraceQuery.by_intent(intent).result()}


def back(switch: Switch, store: Store, clock: ManualClock) -> None:
    """Let the database be there again, and the pause pass after which the writer looks."""
    switch.on()
    clock.advance(60)
    assert store.writer.flush(PATIENCE_SECONDS)


def test_the_file_cannot_be_written(store: Store, data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Section 10, row 1: the run continues, the error is logged, the row has no path; its contents are still there."""
    (data_dir / "projects").write_text("not a directory")
    outcome = research()
    assert (outcome["database"], outcome["file_path"]) == ("saved", None)
    assert outcome["file_error"]
    assert "could not be written" in caplog.text
    assert found() == {outcome["trace_id"]: None}
    whole = TraceQuery.full_trace(outcome["trace_id"]).result()
    assert whole is not None
    assert whole["stages"]["intake"]["decisions"][0]["why"] == "a hypothesis"


def test_the_database_cannot_be_written(
    store: Store, switch: Switch, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Section 10, row 2: the run continues, the error is logged, the file is saved; and the row follows later."""
    switch.off()
    outcome = research()
    assert outcome["database"] == "spooled"
    assert Path(outcome["file_path"]).is_file()
    assert "wait on disk" in caplog.text
    with pytest.raises(DatabaseUnavailable):
        found()
    back(switch, store, clock)
    again = research()
    assert found() == {each["trace_id"]: each["file_path"] for each in (outcome, again)}


def test_neither_can_be_written(
    store: Store, switch: Switch, clock: ManualClock, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Section 10, row 3: the run continues, a warning is logged, and this trace alone is lost."""
    for name in ("projects", "spool"):
        (data_dir / name).write_text("not a directory")
    switch.off()
    outcome = research()
    assert (outcome["database"], outcome["file_path"]) == ("dropped", None)
    assert "cannot be kept" in caplog.text
    for name in ("projects", "spool"):
        (data_dir / name).unlink()
    back(switch, store, clock)
    after = research()
    assert found() == {after["trace_id"]: after["file_path"]}


_CRASHES = """
import os, signal, sys
import tracing_core as tracing
tracing.init(DATABASE_URL=sys.argv[1], TRACEWHY_DATA_DIR=sys.argv[2])
trace = tracing.TraceContext.start(query="analyze", project_name="cobot", intent="crashed")
trace.start_stage("intake")
trace.record("intake", "classified_intent", {"what": "validating", "why": "a hypothesis", "confidence": 0.85})
trace.end_stage("intake", outputs={"intent": "validating"})
trace.start_stage("collection")
print(trace.trace_id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_run_crashes_midway(database_url: str, data_dir: Path) -> None:
    """Section 10, row 4: what there was of it is stored by the next start, as incomplete, with its decisions."""
    command = [sys.executable, "-c", _CRASHES, database_url, str(data_dir)]
    crashed = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert crashed.returncode == -signal.SIGKILL, crashed.stderr
    store = tracing.init(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir)
    research()
    assert store.writer.flush(PATIENCE_SECONDS)
    (partial,) = [each for each in TraceQuery.by_project("cobot").result() if each.intent == "crashed"]
    whole = TraceQuery.full_trace(partial.trace_id).result()
    summary = TraceQuery.summary().result()
    store.close()
    assert (partial.trace_id, partial.status) == (crashed.stdout.strip(), "incomplete")
    assert whole is not None
    assert whole["stages"]["intake"]["decisions"][0]["what"] == "validating"
    assert (summary["incomplete"], summary["complete"]) == (1, 1)


def test_the_file_is_corrupted(store: Store) -> None:
    """Section 10, row 5: what the row says can still be asked for, `full_trace` gives None."""
    outcome = research()
    Path(outcome["file_path"]).write_bytes(b'{"trace_id": ')
    assert found() == {outcome["trace_id"]: outcome["file_path"]}
    assert TraceQuery.summary().result()["avg_quality"] == 2.4
    assert TraceQuery.full_trace(outcome["trace_id"]).result() is None


def test_tracing_is_off_for_a_project(store: Store, data_dir: Path) -> None:
    """Section 10, row 6: the same program records nothing of that project, and everything of others (B1)."""
    outcome = research("quiet")
    assert (outcome["database"], outcome["database_error"]) == ("dropped", "tracing is disabled")
    with tracing.traced_research(project_name="quiet") as trace:
        assert not trace.enabled
        assert tracing.TraceContext.current() is None
    loud = research("cobot")
    assert found() == {loud["trace_id"]: loud["file_path"]}
    assert [path.name for path in (data_dir / "projects").iterdir()] == ["cobot"]
