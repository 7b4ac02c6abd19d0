"""What a killed program had recorded comes back, as far as it went, and once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracing_core as tracing
from tests.factories import NOON
from tests.journaling import HeldSink, journaling, lost, start
from tests.surroundings import tree
from tracing_core.clock import ManualClock
from tracing_core.freeze import freeze
from tracing_core.journal_lines import FACTS
from tracing_core.journal_reader import RECOVERED
from tracing_core.journal_recovery import Recovery
from tracing_core.model import SpanStatus, TraceStatus
from tracing_core.runtime import Runtime, configure
from tracing_core.sampling import begun_with
from tracing_core.sink import OUT_OF_TIME, Receipt
from tracing_core.trace import Trace


@pytest.fixture
def sink() -> HeldSink:
    """Where finished runs go."""
    return HeldSink()


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


@pytest.mark.parametrize("ended", [True, False])
def test_a_run_of_a_share_comes_back_with_what_it_stands_for(tmp_path: Path, sink: HeldSink, ended: bool) -> None:
    """The share that was begun is in its root again, so that it counts for as many runs as it would have."""
    with journaling(tmp_path, sink) as journal:
        restore = configure(Runtime(sink=sink, journal=journal, head_share=0.25))
        trace = start(trace_id="f" * 32)
        with trace.span("generation"):
            pass
        if ended:
            trace.mark_complete()
        trace.root.leave()
        restore()
        (found,) = lost(tmp_path)
    assert found.spans[0].otel == {"trace_state": "ot=th:c"}
    assert begun_with(found) == 0.25


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
