"""The journal: what a killed program had recorded comes back, once, and the host never notices that there is one."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracing_core as tracing
from tests.factories import NOON
from tests.surroundings import finished, tree
from tracing_core.clock import ManualClock, SystemClock
from tracing_core.freeze import freeze
from tracing_core.ids import IdSource
from tracing_core.journal import Journal
from tracing_core.journal_files import written_lines
from tracing_core.journal_lines import FACTS
from tracing_core.journal_reader import RECOVERED, rebuilt, unsettled
from tracing_core.journal_recovery import Recovery
from tracing_core.model import SpanStatus, TraceData, TraceStatus
from tracing_core.recording import current
from tracing_core.runtime import Runtime, configure
from tracing_core.sink import OUT_OF_TIME, Receipt
from tracing_core.trace import Trace


class HeldSink:
    """A writer that settles what it was given when the test says so."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self.receipts: list[Receipt] = []
        self.at_once: dict[str, Any] = {}

    def submit(self, trace: Trace) -> Receipt:
        receipt = Receipt(trace.trace_id)
        self.traces.append(trace)
        self.receipts.append(receipt)
        if self.at_once:
            receipt.settle(**self.at_once)
        return receipt


@pytest.fixture(autouse=True)
def _nothing_current() -> Iterator[None]:
    """The runs that these tests leave open are nobody's current one afterwards."""
    yield
    current.set(None)


@pytest.fixture
def sink() -> HeldSink:
    """Where finished runs go."""
    return HeldSink()


@pytest.fixture
def clock() -> ManualClock:
    """A clock that shows noon until it is moved."""
    return ManualClock(NOON)


@contextmanager
def journaling(directory: Path, sink: HeldSink, clock: Any = None, limit: int = 64_000_000) -> Iterator[Journal]:
    """Recording with a journal; at the end the process is as good as killed."""
    clock = clock or SystemClock()
    journal = Journal(directory, clock, IdSource(), limit_bytes=limit)
    restore = configure(Runtime(clock=clock, sink=sink))
    restore_journaling = configure(Runtime(clock=clock, sink=sink, journal=journal))
    try:
        yield journal
    finally:
        journal._segments.release()
        journal._segments._folder = None
        restore_journaling()
        restore()


def start(**facts: Any) -> Trace:
    return finished(tracing.TraceContext.start(**facts))


def lost(directory: Path) -> list[TraceData]:
    """What the journals below `directory` tell of that is not settled."""
    traces = []
    for folder in sorted(path for path in directory.iterdir() if path.is_dir()):
        for run, lines in unsettled(written_lines(folder)).items():
            if (trace := rebuilt(run, lines)) is not None:
                traces.append(freeze(trace))
    return traces


def size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*.jsonl"))


def test_a_run_that_was_interrupted_comes_back_as_far_as_it_went(tmp_path: Path, sink: HeldSink) -> None:
    """Ended spans with all that they hold, open ones without a duration, facts as they were, and the run as incomplete."""
    clock = ManualClock(NOON)
    with journaling(tmp_path, sink, clock):
        trace = start(name="POST /ask", query="How?", session_id="s1", project_name="docs")
        with trace.span("retrieval", "RETRIEVAL", top_k=5) as retrieval:
            clock.advance(0.5)
            retrieval.event("first hit", score=0.5)
            retrieval.decide("source", what="bm25", why="short", confidence=0.8, alternatives_considered=["vector"])
            retrieval.evidence, retrieval.prompts, retrieval.outputs = {"kept": 3}, {"system": "s"}, {"n": 3}
            with trace.span("embedding"):
                clock.advance(0.25)
        trace.library = "fastapi"
        trace.start_stage("answering")
        with trace.span("failing"):
            clock.advance(1)
        trace.end_stage("answering", error="no model")
        generation = trace.span("generation", "LLM", model="m").__enter__()
        wanted = freeze(trace)
        generation.leave()
        (found,) = lost(tmp_path)
        trace.root.leave()
    root, *others = found.spans
    assert others == list(wanted.spans[1:])
    assert tree(found) == tree(wanted)
    assert (root.attributes, root.duration_ns, root.status) == ({RECOVERED: True}, None, SpanStatus.UNSET)
    assert (found.status, found.completed_at) == (TraceStatus.INCOMPLETE, None)
    assert (found.query, found.session_id, found.library, found.project) == ("How?", "s1", "fastapi", "docs")
    assert (found.trace_id, found.started_at, others[-1].duration_ns) == (wanted.trace_id, NOON, None)


@pytest.mark.parametrize("handed_over", [True, False])
def test_a_run_that_was_marked_comes_back_whole(tmp_path: Path, sink: HeldSink, handed_over: bool) -> None:
    """Marked or handed over but not stored yet, it is the very run that would have been stored."""
    with journaling(tmp_path, sink):
        trace = start(query="How?", tags=["a"], user_id="u")
        trace.record("planning", "route", {"what": "short", "why": "w"})
        with trace.span("generation", tokens=3):
            trace.answer, trace.confidence = "Like this.", 0.9
        trace.record_iteration({"passed": False, "round": 1})
        trace.set_outputs({"report": "r"})
        trace.mark_failed("nobody knows")
        if handed_over:
            tracing.TraceContext.finish(trace)
        trace.root.leave()
        assert lost(tmp_path) == [freeze(trace)]


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


def test_recovery_hands_everything_to_the_writer_once(tmp_path: Path, sink: HeldSink) -> None:
    """Whole and incomplete runs go the writer's way, the journal is deleted when they are settled, a second time finds none."""
    with journaling(tmp_path, sink):
        marked, open_one = start(name="marked"), start(name="open")
        tracing.TraceContext.finish(marked)
        open_one.root.leave()
    writer = HeldSink()
    writer.at_once = {"database": "saved"}
    Recovery(tmp_path, writer).run()
    assert {(trace.trace_id, trace.status) for trace in writer.traces} == {
        (marked.trace_id, TraceStatus.INCOMPLETE),
        (open_one.trace_id, TraceStatus.INCOMPLETE),
    }
    assert list(tmp_path.iterdir()) == []
    Recovery(tmp_path, writer).run()
    assert len(writer.traces) == 2


def test_recovery_that_is_cut_short_goes_on_where_it_was(tmp_path: Path, sink: HeldSink) -> None:
    """What the writer did not take, because it was closing, waits for the next start; what it took does not come twice."""
    with journaling(tmp_path, sink):
        ids = {start().trace_id for _ in range(3)}

    class Closing(HeldSink):
        def submit(self, trace: Trace) -> Receipt:
            self.at_once = (
                {"database": "dropped", "database_error": OUT_OF_TIME} if self.traces else {"database": "saved"}
            )
            return super().submit(trace)

    first, second = Closing(), HeldSink()
    second.at_once = {"database": "saved"}
    Recovery(tmp_path, first).run()
    Recovery(tmp_path, second).run()
    taken = [first.traces[0].trace_id, *(trace.trace_id for trace in second.traces)]
    assert (sorted(taken), list(tmp_path.iterdir())) == (sorted(ids), [])


def test_the_journal_of_a_living_process_is_left_alone(tmp_path: Path, sink: HeldSink) -> None:
    """The lock says who lives; process numbers say nothing."""
    writer = HeldSink()
    with journaling(tmp_path, sink):
        start().root.leave()
        Recovery(tmp_path, writer).run()
        assert (writer.traces, len(lost(tmp_path))) == ([], 1)


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


@given(torn=st.integers(1, 400))
def test_a_line_that_was_cut_off_costs_itself_alone(torn: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A process may die in the middle of a copy: bytes that are missing at the end, or in it, harm no other line."""
    directory, sink = tmp_path_factory.mktemp("journal"), HeldSink()
    with journaling(directory, sink):
        trace = start()
        for number in range(3):
            with trace.span(f"span {number}"):
                pass
        trace.root.leave()
    (path,) = directory.rglob("*.jsonl")
    content = path.read_bytes().rstrip(b"\0")
    cut = max(content.rindex(b"\n", 0, -1) + 1, len(content) - torn - 1)
    for left in (content[:cut], content[:cut] + b"\0" * (len(content) - cut - 1) + b"\n"):
        path.write_bytes(left)
        (found,) = lost(directory)
        assert [span.duration_ns is not None for span in found.spans] == [False, True, True, False]


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
    trouble: str, tmp_path: Path, sink: HeldSink, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host goes on as without one; it is said once, and the state can be asked for."""
    directory = tmp_path / "journal"
    if trouble == "a file is in the way":
        directory.write_text("")
    else:
        monkeypatch.setattr(os, "posix_fallocate", _full)
    with journaling(directory, sink) as journal:
        for _ in range(3):
            trace = start()
            with trace.span("work"):
                pass
            tracing.TraceContext.finish(trace)
        assert journal.problem is not None
    assert len(sink.traces) == 3
    assert len([record for record in caplog.records if "journal is off" in record.getMessage()]) == 1


def test_a_disk_that_fills_up_later_disturbs_nobody(
    tmp_path: Path, sink: HeldSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spans of runs under way are no longer kept; the files go when the last of these runs is settled."""
    with journaling(tmp_path, sink, limit=1_000_000) as journal:
        trace = start()
        monkeypatch.setattr(os, "posix_fallocate", _full)
        for _ in range(1000):
            with trace.span("work", text="x" * 100):
                pass
        tracing.TraceContext.finish(trace)
        tracing.TraceContext.finish(start())
        assert "No space" in str(journal.problem)
        sink.receipts[0].settle(database="saved")
        assert list(tmp_path.iterdir()) == []


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


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


def test_a_line_that_no_version_understands_is_kept_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is reported, it does not come again at each start, and nobody threw it away."""
    folder = tmp_path / "20261121_120000_0000000000000001"
    folder.mkdir()
    (folder / "lock").touch()
    (folder / "000000001.jsonl").write_bytes(b'["t",1,2,"never",4,["complete"]]\n["s",7,1,8,7,"n","k",1,2,null,{}]\n')
    Recovery(tmp_path, HeldSink()).run()
    assert len([record for record in caplog.records if "kept in" in record.getMessage()]) == 2
    assert len((tmp_path / "unreadable.jsonl").read_bytes().splitlines()) == 2
    assert not folder.exists()


def test_every_fact_of_a_trace_is_in_the_journal() -> None:
    """What the writer reads of a trace is what the journal writes of it."""
    read: set[str] = set()

    class Watched(Trace):
        def __getattribute__(self, name: str) -> Any:
            read.add(name)
            return super().__getattribute__(name)

    watched = Watched(Runtime(), "name", None, "default", "native")
    read.clear()
    freeze(watched)
    elsewhere = {"root", "spans", "started_at", "iteration_count"}  # in the lines of spans, at the head, and derived
    assert {name for name in read - elsewhere if not name.startswith("_")} <= set(FACTS)
