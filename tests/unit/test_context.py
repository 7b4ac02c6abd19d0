"""Starting and finishing traces: projects, switches, ids, a whole run as a block, and life before `init` (B1, B6)."""

from __future__ import annotations

import asyncio
import json
import logging
import re

import pytest

import tracing_core as tracing
from tests.factories import NOON
from tests.surroundings import finished, repeatable_ids
from tracing_core.clock import ManualClock
from tracing_core.freeze import freeze
from tracing_core.logs import TraceIdFilter
from tracing_core.model import TraceStatus
from tracing_core.runtime import Runtime, configure
from tracing_core.sink import MemorySink, NowhereSink
from tracing_core.steps import steps_view


def test_a_trace_has_the_facts_it_was_given(sink: MemorySink) -> None:
    """All of `start`'s."""
    trace = finished(
        tracing.TraceContext.start(
            project_name="cobot", query="q", intent="i", domain="d", report_type="rt", research_type="rs",
            project_id="p", name="n", library="l", session_id="s", user_id="u", tags=("a", "b"),
            trace_id="0af7" * 8, parent_span_id="b" * 16, source="mine",
        )
    )  # fmt: skip
    tracing.TraceContext.finish(trace)
    data = freeze(trace)
    assert (data.trace_id, data.parent_span_id, data.source, data.tags) == ("0af7" * 8, "b" * 16, "mine", ("a", "b"))
    facts = (data.project, data.project_id, data.name, data.query, data.intent, data.domain, data.report_type)
    assert facts == ("cobot", "p", "n", "q", "i", "d", "rt")
    assert (data.research_type, data.library, data.session_id, data.user_id) == ("rs", "l", "s", "u")


def test_facts_can_be_assigned_later(sink: MemorySink) -> None:
    """As what is only known in the course of the run."""
    trace = finished(tracing.TraceContext.start())
    trace.answer, trace.confidence, trace.citations_count, trace.intent = "a", 0.5, 3, "how_to"
    tracing.TraceContext.finish(trace)
    data = freeze(trace)
    assert (data.answer, data.confidence, data.citations_count, data.intent) == ("a", 0.5, 3, "how_to")


def test_a_native_id_is_drawn_when_none_is_given(sink: MemorySink) -> None:
    """With the time of the start in it; one that cannot be used is replaced."""
    for given in (None, "../../x", "NOPE"):
        trace = tracing.TraceContext.start(trace_id=given)
        tracing.TraceContext.finish(trace)
        assert re.fullmatch(r"trc_20261121_120000_[0-9a-f]{16}", trace.trace_id)


def test_a_project_cannot_leave_its_directory(sink: MemorySink) -> None:
    """Its name is made safe, and what was given is kept on the root."""
    trace = finished(tracing.TraceContext.start(project_name="../../etc"))
    tracing.TraceContext.finish(trace)
    assert trace.project_name == "etc"
    assert trace.root.details == {"project_name_given": "../../etc"}


def test_a_trace_that_is_disabled_takes_everything_and_keeps_nothing(sink: MemorySink) -> None:
    """Every call of the documents works on it, and what a host may read is there."""
    trace = tracing.TraceContext.start(enabled=False, query="q")
    assert trace
    assert not trace.enabled
    assert tracing.TraceContext.current() is None
    trace.answer = "a"
    trace.start_stage("s")
    trace.record("s", "d", {"what": 1})
    trace.record_evidence("s", {})
    trace.record_prompts("s", {})
    trace.record_iteration({})
    trace.end_stage("s", outputs={}, error=None)
    trace.set_outputs({"report_path": "x"})
    trace.outputs["x"] = 1
    trace.child_traces.append({})
    with trace.span("a", kind="TOOL", b=1) as span, trace.start_step("c") as step:
        step.details = {"d": 1}
        span.set(e=1)
    trace.mark_complete()
    trace.mark_failed("f")
    trace.mark_incomplete()
    for fact in ("query", "answer", "intent", "confidence", "error", "duration_seconds", "started_at", "receipt"):
        assert getattr(trace, fact) is None
    assert (trace.outputs, trace.stages, trace.iteration_count) == ({}, {}, 1)
    outcome = tracing.TraceContext.finish(trace).result(0)
    assert outcome["database_error"] == "tracing is disabled"
    assert sink.traces == []


def test_a_disabled_trace_has_every_fact_of_a_trace(sink: MemorySink) -> None:
    """So that reading one is as safe as setting it."""
    recording = finished(tracing.TraceContext.start())
    tracing.TraceContext.finish(recording)
    silent = tracing.TraceContext.start(enabled=False)
    for fact in set(vars(recording)) - {"tick", "draw_bits"}:
        assert not getattr(silent, fact) or fact in ("trace_id", "status", "root"), fact


def test_what_is_no_part_of_a_trace_is_none_of_a_disabled_one(sink: MemorySink) -> None:
    """A mistyped name is an error with tracing off as it is with tracing on."""
    with pytest.raises(AttributeError):
        _ = tracing.TraceContext.start(enabled=False).no_such_thing  # type: ignore[union-attr]


def test_projects_can_be_switched_off(clock: ManualClock) -> None:
    """Each by its name, or all."""
    memory = MemorySink()
    restore = configure(Runtime(clock=clock, ids=repeatable_ids(), sink=memory, untraced_projects=frozenset({"quiet"})))
    for project in ("quiet", "loud", None):
        tracing.TraceContext.finish(tracing.TraceContext.start(project_name=project))
    restore()
    assert [trace.project_name for trace in memory.traces] == ["loud", "default"]
    restore = configure(Runtime(sink=memory, tracing=False))
    assert not tracing.TraceContext.start().enabled
    restore()


def test_before_init_nothing_is_kept_which_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """And nothing raises."""
    restore = configure(Runtime(sink=NowhereSink()))
    for _ in range(3):
        trace = tracing.TraceContext.start()
        with tracing.span("work"):
            pass
        outcome = tracing.TraceContext.finish(trace).result(0)
        assert outcome["database"] == "dropped"
        assert "init()" in outcome["database_error"]
    restore()
    assert len([record for record in caplog.records if "init()" in record.getMessage()]) == 1


def test_a_run_as_a_block_completes(sink: MemorySink) -> None:
    """And is handed over; a mark that the run set itself stays."""
    with tracing.traced_research(query="q", project_name="p") as trace, tracing.span("inside"):
        assert tracing.TraceContext.current() is trace
    with tracing.traced_research() as marked:
        marked.mark_incomplete()
    assert [kept.status for kept in sink.traces] == [TraceStatus.COMPLETE, TraceStatus.INCOMPLETE]
    assert (sink.traces[0].query, len(sink.traces[0].spans)) == ("q", 2)
    assert tracing.TraceContext.current() is None


def test_a_run_that_raises_fails_and_is_kept(sink: MemorySink) -> None:
    """The exception goes on."""
    with pytest.raises(KeyError), tracing.traced_research() as trace:
        raise KeyError("gone")
    assert sink.traces == [trace]
    data = freeze(sink.traces[0])
    assert (data.status, data.error) == (TraceStatus.FAILED, "KeyError: 'gone'")
    assert data.outputs["error"] == "KeyError: 'gone'"


def test_a_run_as_an_async_block(sink: MemorySink) -> None:
    """The same, and at its end the trace is stored."""

    async def run(*, fail: bool) -> None:
        async with tracing.traced_research(query="q") as trace:
            await asyncio.sleep(0)
            if fail:
                raise KeyError("gone")
        assert finished(trace).receipt is not None

    asyncio.run(run(fail=False))
    with pytest.raises(KeyError):
        asyncio.run(run(fail=True))
    assert [kept.status for kept in sink.traces] == [TraceStatus.COMPLETE, TraceStatus.FAILED]


def test_a_disabled_run_as_a_block(sink: MemorySink) -> None:
    """Runs, and its exceptions go on."""
    with tracing.traced_research(enabled=False):
        pass
    with pytest.raises(KeyError), tracing.traced_research(enabled=False):
        raise KeyError
    assert sink.traces == []


def test_a_run_whose_consumer_leaves_is_incomplete(sink: MemorySink) -> None:
    """A generator that is closed early has not failed."""

    def items() -> object:
        with tracing.traced_research():
            yield 1

    generator = items()
    next(generator)  # type: ignore[call-overload]
    generator.close()  # type: ignore[attr-defined]
    assert [kept.status for kept in sink.traces] == [TraceStatus.INCOMPLETE]


def test_log_records_name_the_trace(sink: MemorySink) -> None:
    """And the span; a dash where there is none."""

    def named() -> tuple[str, str]:
        record = logging.LogRecord("n", logging.INFO, "p", 1, "m", (), None)
        TraceIdFilter().filter(record)
        return record.trace_id, record.span_id  # type: ignore[attr-defined]

    assert named() == ("-", "-")
    trace = finished(tracing.TraceContext.start())
    with trace.span("work") as span:
        assert named() == (trace.trace_id, span.span_id)
    tracing.TraceContext.finish(trace)
    assert named() == ("-", "-")


def test_a_clock_must_know_its_zone() -> None:
    """A naive time would mean another moment on another machine."""
    with pytest.raises(tracing.InvalidInput, match="time zone"):
        ManualClock(NOON.replace(tzinfo=None))


def test_seed_cs_pipeline_records_as_it_is_written(sink: MemorySink, clock: ManualClock) -> None:
    """`start_step` as a context manager, details assigned, the status in seed C's own word."""
    trace = tracing.TraceContext.start(query="How do I create a POST endpoint?")
    with trace.start_step("retrieval") as step:
        clock.advance(0.045)
        step.details = {"n_results": 20}
    trace.status = "success"
    tracing.TraceContext.finish(trace)
    view = steps_view(freeze(sink.traces[0]))
    assert view["status"] == "success"
    assert view["steps"] == [{"name": "retrieval", "duration_ms": 45.0, "details": {"n_results": 20}}]


def test_a_trace_can_be_looked_at_while_it_runs(sink: MemorySink) -> None:
    """`to_dict` is the document of its file so far, in plain JSON values."""
    trace = tracing.TraceContext.start(query="q")
    trace.record("intake", "classified_intent", {"what": "validating", "confidence": 0.85})
    document = trace.to_dict()
    assert json.loads(json.dumps(document)) == document
    assert document["run"]["status"] == "in_progress"
    assert document["stages"]["intake"]["decisions"][0]["what"] == "validating"
    assert tracing.TraceContext.start(enabled=False).to_dict() == {}
    tracing.TraceContext.finish(trace)
