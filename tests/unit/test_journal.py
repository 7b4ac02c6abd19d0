"""The journal while a program runs: what it holds, how large it gets, and that the host never notices it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import tracing_core as tracing
from tests.journaling import HeldSink, full_disk, journaling, lost, size, start
from tracing_core.clock import SystemClock
from tracing_core.ids import IdSource
from tracing_core.journal import Journal
from tracing_core.journal_recovery import Recovery
from tracing_core.runtime import Runtime, configure
from tracing_core.sink import OUT_OF_TIME
from tracing_core.trace import Trace


@pytest.fixture
def sink() -> HeldSink:
    """Where finished runs go."""
    return HeldSink()


def test_a_run_that_is_settled_does_not_come_back(tmp_path: Path, sink: HeldSink) -> None:
    """Stored, spooled, sampled out or dropped for good: what spans of it do afterwards brings nothing back."""
    with journaling(tmp_path, sink):
        for outcome in ("saved", "spooled", "sampled_out", "dropped"):
            trace = start()
            late = trace.span("late")
            tracing.TraceContext.finish(trace)
            assert len(lost(tmp_path)) == 1
            sink.receipts[-1].settle(database=outcome, database_error=None)
            late.end()
            trace.record("stage", "late", {"what": "x"})
            assert lost(tmp_path) == []


def test_what_is_not_written_in_time_at_exit_stays_in_the_journal(tmp_path: Path, sink: HeldSink) -> None:
    """The next start has the time that the end of this one did not give."""
    with journaling(tmp_path, sink):
        trace = start()
        tracing.TraceContext.finish(trace)
        sink.receipts[0].settle(database="dropped", database_error=OUT_OF_TIME)
        assert [each.trace_id for each in lost(tmp_path)] == [trace.trace_id]


def test_a_program_that_ends_well_leaves_no_file(tmp_path: Path, sink: HeldSink) -> None:
    """The folder goes when the journal is closed and the last run is settled, in either order."""
    journal = Journal(tmp_path, SystemClock(), IdSource(), limit_bytes=64_000_000)
    restore = configure(Runtime(sink=sink, journal=journal))
    tracing.TraceContext.finish(start())
    assert list(tmp_path.iterdir())
    restore()
    assert list(tmp_path.rglob("*.jsonl"))
    sink.receipts[0].settle(database="saved")
    assert list(tmp_path.iterdir()) == []


def test_what_json_cannot_hold_becomes_text(tmp_path: Path, sink: HeldSink) -> None:
    """Objects, sets, rings, odd keys, huge numbers and objects that raise: the span comes back, and the host hears nothing."""

    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("no")

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("no")

        __hash__ = None  # type: ignore[assignment]

    ring: list[Any] = []
    ring.append(ring)
    with journaling(tmp_path, sink) as journal:
        trace = start()
        trace.outputs = {"o": Hostile()}
        values: dict[str, Any] = {
            "o": Hostile(),
            "s": {1},
            "r": ring,
            "k": {1: 2, None: 3},
            "big": 2**80,
            "nan": float("nan"),
            "u": "\ud800",
        }
        with trace.span("odd", **values):
            trace.outputs = {"o": Hostile()}
        with trace.span("iterating", numbers=iter([1, 2])) as iterating:
            pass
        assert list(iterating.details["numbers"]) == [1, 2]
        trace.root.leave()
        (found,) = lost(tmp_path)
        assert journal.problem is None
    assert found.spans[1].attributes["s"] == [1]
    assert set(found.spans[1].attributes) == set(values)
    assert [span.duration_ns is None for span in found.spans] == [True, False, False]


def test_the_journal_stays_within_its_size(tmp_path: Path, sink: HeldSink, caplog: pytest.LogCaptureFixture) -> None:
    """When nothing is ever settled the oldest runs are given up, whole, and that is said once."""
    limit = 1_000_000
    with journaling(tmp_path, sink, limit=limit) as journal:
        ids = []
        for _ in range(1500):
            trace = start(query="q" * 500)
            with trace.span("s", text="x" * 200):
                pass
            ids.append(trace.trace_id)
            trace.root.leave()
            assert len(ids) % 100 or size(tmp_path) <= limit + limit // 64
        found = [trace.trace_id for trace in lost(tmp_path)]
        assert found == ids[-len(found) :]
        assert len(found) + journal._segments.given_up == 1500
    assert len(found) > 300
    assert len([record for record in caplog.records if "journal is full" in record.getMessage()]) == 1


def test_one_long_run_does_not_hold_what_others_left(tmp_path: Path, sink: HeldSink) -> None:
    """While thousands come and go, what a run of hours recorded is carried along, in order, and all else is deleted."""
    limit = 1_000_000
    sink.at_once = {"database": "saved"}
    with journaling(tmp_path, sink, limit=limit) as journal:
        long = start(name="long")
        names = []
        for number in range(200):
            with long.span(f"step {number}"):
                names.append(f"step {number}")
            for _ in range(20):
                tracing.TraceContext.finish(start(query="q" * 500))
        long.root.leave()
        (found,) = lost(tmp_path)
        assert journal._segments.given_up == 0
        assert size(tmp_path) <= limit
    assert [span.name for span in found.spans[1:]] == names
    assert all(span.duration_ns is not None for span in found.spans[1:])


def test_content_that_is_too_long_is_left_out(tmp_path: Path, sink: HeldSink) -> None:
    """One enormous span must not push out all others; its name and times are kept."""
    with journaling(tmp_path, sink, limit=1_000_000):
        trace = start(query="q" * 2_000_000, session_id="s")
        with trace.span("huge", text="x" * 2_000_000):
            pass
        with trace.span("large", text="x" * 100_000):
            pass
        trace.root.leave()
        (found,) = lost(tmp_path)
    _, huge, large = found.spans
    assert (huge.name, set(huge.attributes), huge.duration_ns is None) == ("huge", {"journal.left_out_bytes"}, False)
    assert len(large.attributes["text"]) == 100_000
    assert (found.query, found.session_id) == (None, "s")


@pytest.mark.parametrize("trouble", ["a file is in the way", "the disk is full"])
def test_a_journal_that_cannot_be_written_switches_itself_off(
    trouble: str, tmp_path: Path, sink: HeldSink, caplog: pytest.LogCaptureFixture
) -> None:
    """The host goes on as without one; it is said once, and the state can be asked for."""
    directory = tmp_path / "journal"
    if trouble == "a file is in the way":
        directory.write_text("")
    with journaling(directory, sink) as journal, full_disk() if trouble == "the disk is full" else nullcontext():
        for _ in range(3):
            trace = start()
            with trace.span("work"):
                pass
            tracing.TraceContext.finish(trace)
        assert journal.problem is not None
    assert len(sink.traces) == 3
    assert len([record for record in caplog.records if "journal is off" in record.getMessage()]) == 1


def test_a_disk_that_fills_up_later_disturbs_nobody(tmp_path: Path, sink: HeldSink) -> None:
    """Spans of runs under way are no longer kept; the files go when the last of these runs is settled."""
    with journaling(tmp_path, sink, limit=1_000_000) as journal:
        trace = start()
        with full_disk():
            for _ in range(1000):
                with trace.span("work", text="x" * 100):
                    pass
            tracing.TraceContext.finish(trace)
            tracing.TraceContext.finish(start())
        assert "File too large" in str(journal.problem)
        sink.receipts[0].settle(database="saved")
        assert list(tmp_path.iterdir()) == []


def test_threads_write_whole_lines(tmp_path: Path, sink: HeldSink) -> None:
    """Whatever the threads do at the same time, also when a segment is full, no line is lost or mixed with another."""
    with journaling(tmp_path, sink, limit=3_000_000) as journal:
        traces = [start() for _ in range(4)]
        threads = [threading.Thread(target=_many_spans, args=(trace,)) for trace in traces]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert journal._segments.given_up == 0
        found = {trace.trace_id: trace for trace in lost(tmp_path)}
        for trace in traces:
            spans = found[trace.trace_id].spans[1:]
            assert [(span.name, span.duration_ns is None) for span in spans] == [(f"{n}", False) for n in range(1000)]
        for trace in reversed(traces):
            trace.root.leave()


def _many_spans(trace: Trace) -> None:
    for number in range(1000):
        with trace.span(f"{number}", text="x" * 50):
            pass


def test_a_forked_child_has_a_journal_of_its_own(tmp_path: Path, sink: HeldSink) -> None:
    """The parent's lock, files and runs stay the parent's; the child's runs are found when the child is gone."""
    with journaling(tmp_path, sink):
        inherited = start(name="parent's")
        child = os.fork()
        if child == 0:
            with inherited.span("in the child"):
                pass
            inherited.root.leave()
            with start(name="child's").span("work"):
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        with inherited.span("in the parent"):
            pass
        inherited.root.leave()
        by_name = {trace.name: [span.name for span in trace.spans[1:]] for trace in lost(tmp_path)}
        assert by_name == {"parent's": ["in the parent"], "child's": ["work"]}
        writer = HeldSink()
        writer.at_once = {"database": "saved"}
        Recovery(tmp_path, writer).run()
        assert [trace.name for trace in writer.traces] == ["child's"]


def test_a_generator_that_is_collected_ends_its_span(tmp_path: Path, sink: HeldSink) -> None:
    """Wherever the collection comes, the end of the span is in the journal."""

    @tracing.traced
    def numbers() -> Iterator[int]:
        yield from range(10)

    with journaling(tmp_path, sink):
        trace = start()
        assert next(iter(numbers())) == 0
        (found,) = lost(tmp_path)
        trace.root.leave()
    assert [(span.name, span.duration_ns is None) for span in found.spans[1:]] == [("numbers", False)]


def test_no_journal_without_recording(tmp_path: Path, sink: HeldSink) -> None:
    """Until a run is recorded there is no file, and a run that is not recorded makes none."""
    with journaling(tmp_path / "journal", sink):
        tracing.TraceContext.finish(tracing.TraceContext.start(enabled=False))
        with tracing.span("nothing"):
            pass
        assert not (tmp_path / "journal").exists()
