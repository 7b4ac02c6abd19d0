"""Spans and traces while they run: the tree, the current span, and what crosses tasks and threads (A1)."""

from __future__ import annotations

import asyncio
import threading
from contextvars import copy_context

import pytest

import tracing_core as tracing
from tests.surroundings import by_name, finished, tree
from tracing_core.clock import ManualClock
from tracing_core.freeze import freeze
from tracing_core.model import SpanKind, SpanStatus, TraceData, TraceStatus
from tracing_core.sink import MemorySink


def start(**facts: object) -> tracing.Trace:
    return finished(tracing.TraceContext.start(**facts))  # type: ignore[arg-type]


def finish(trace: tracing.Trace) -> TraceData:
    tracing.TraceContext.finish(trace)
    return freeze(trace)


def test_spans_make_a_tree(sink: MemorySink) -> None:
    """A span lies below the one that was open when it began, the outermost below the root."""
    trace = start(name="POST /ask")
    with trace.span("retrieval", SpanKind.RETRIEVAL), trace.span("embedding"):
        pass
    with tracing.span("generation"):
        pass
    data = finish(trace)
    assert tree(data) == {
        "POST /ask": None,
        "retrieval": "POST /ask",
        "embedding": "retrieval",
        "generation": "POST /ask",
    }
    assert data.spans[0].kind is SpanKind.ROOT
    assert sink.traces == [trace]


def test_times_are_those_of_the_clock(sink: MemorySink, clock: ManualClock) -> None:
    """Start and duration of spans and events come from one monotonic clock."""
    trace = start()
    clock.advance(1)
    with trace.span("work") as span:
        clock.advance(0.25)
        span.event("first_token", index=0)
        clock.advance(0.75)
    trace.mark_complete()
    data = finish(trace)
    work = by_name(data)["work"]
    assert (work.started_at - data.started_at).total_seconds() == 1
    assert work.duration_ns == 1_000_000_000
    assert (work.events[0].timestamp - data.started_at).total_seconds() == 1.25
    assert data.duration_ns == 2_000_000_000
    assert data.completed_at is not None
    assert (data.completed_at - data.started_at).total_seconds() == 2


def test_attributes_can_be_given_set_and_replaced(sink: MemorySink) -> None:
    """At the start, by `set`, one by one in `details`, and as a whole."""
    trace = start()
    with trace.span("one", n_results=20) as span:
        span.set(top_score=0.8).details["model"] = "m"
    with trace.start_step("two") as step:
        step.details = {"n_input": 10}
    spans = by_name(finish(trace))
    assert spans["one"].attributes == {"n_results": 20, "top_score": 0.8, "model": "m"}
    assert spans["two"].attributes == {"n_input": 10}


def test_an_exception_marks_the_span_and_goes_on(sink: MemorySink) -> None:
    """The span says what went wrong, the host gets its own exception."""
    trace = start()
    problem = KeyError("gone")
    with pytest.raises(KeyError) as caught, trace.span("outer"), trace.span("inner"):
        raise problem
    assert caught.value is problem
    spans = by_name(finish(trace))
    assert spans["inner"].status is spans["outer"].status is SpanStatus.ERROR
    assert spans["inner"].error == "KeyError: 'gone'"


def test_an_exception_that_cannot_be_printed_is_still_the_hosts_own(sink: MemorySink) -> None:
    """A `__str__` that raises costs the words of the error, not the error."""

    class Unspeakable(ValueError):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    trace = start()
    with pytest.raises(Unspeakable), trace.span("work"):
        raise Unspeakable
    with pytest.raises(Unspeakable), tracing.traced_research(name="run"):
        raise Unspeakable
    error = by_name(finish(trace))["work"].error
    assert error is not None
    assert error.startswith("Unspeakable")
    assert sink.traces[0].status is TraceStatus.FAILED


def test_a_span_that_was_not_left_has_no_duration(sink: MemorySink) -> None:
    """What was interrupted is stored as such, without an invented end."""
    trace = start()
    trace.span("interrupted").enter()
    span = by_name(finish(trace))["interrupted"]
    assert span.duration_ns is None
    assert span.status is SpanStatus.UNSET


def test_the_current_trace_ends_with_finish(sink: MemorySink) -> None:
    """Before `start` and after `finish` there is none, and spans go nowhere."""
    assert tracing.TraceContext.current() is None
    trace = start()
    assert tracing.TraceContext.current() is trace
    assert tracing.current_span() is trace.root
    finish(trace)
    assert tracing.TraceContext.current() is None
    with tracing.span("nowhere") as span:
        span.set(a=1)
        span.details["b"] = 2
    assert len(trace.spans) == 1


def test_a_span_that_keeps_nothing_takes_what_a_span_takes(sink: MemorySink) -> None:
    """Assigning to the attributes of a span works alike without a trace."""
    with tracing.span("nowhere") as span:
        span.details = {"a": 1}
        span.error = "it went wrong"
        span.name = "renamed"
        span.kind = "TOOL"
        span.decide("choice", what="a", why="b", confidence=1.0)
        span.event("now")
        span.record_evidence({})
        span.record_prompts({})
        span.set_outputs({})
    assert span.error is None


def test_parallel_tasks_keep_their_own_current_span(sink: MemorySink) -> None:
    """Tasks of one trace record below the span that was open where they were made, and not below each other."""

    async def work(name: str, everyone: asyncio.Barrier) -> None:
        with tracing.span(name):
            await everyone.wait()
            with tracing.span(f"{name}.part"):
                await everyone.wait()

    async def run() -> TraceData:
        everyone = asyncio.Barrier(3)
        trace = start()
        with trace.span("fan_out"):
            await asyncio.gather(*(work(name, everyone) for name in "abc"))
        return finish(trace)

    parents = tree(asyncio.run(run()))
    for name in "abc":
        assert parents[name] == "fan_out"
        assert parents[f"{name}.part"] == name


def test_parallel_requests_keep_their_own_trace(sink: MemorySink) -> None:
    """A trace that starts in a task is the current one there and nowhere else."""

    async def request(query: str, everyone: asyncio.Barrier) -> tracing.Trace:
        trace = start(query=query)
        await everyone.wait()
        assert tracing.TraceContext.current() is trace
        with tracing.span(query):
            await everyone.wait()
        tracing.TraceContext.finish(trace)
        return trace

    async def run() -> list[tracing.Trace]:
        everyone = asyncio.Barrier(20)
        traces = await asyncio.gather(*(request(f"q{number}", everyone) for number in range(20)))
        assert tracing.TraceContext.current() is None
        return list(traces)

    for trace in asyncio.run(run()):
        assert tree(freeze(trace)) == {"request": None, trace.query: "request"}


def test_the_executor_takes_the_context_along(sink: MemorySink) -> None:
    """Work given to a `TracingThreadPoolExecutor` is recorded below the span that was open when it was given."""

    def work(name: str) -> None:
        with tracing.span(name):
            pass

    trace = start()
    with tracing.TracingThreadPoolExecutor(max_workers=2) as executor:
        with trace.span("first"):
            one = executor.submit(work, name="one")
        with trace.span("second"):
            list(executor.map(work, ["two", "three"]))
        one.result()
    parents = tree(finish(trace))
    assert (parents["one"], parents["two"], parents["three"]) == ("first", "second", "second")


def test_a_bound_function_takes_the_context_along_as_often_as_it_runs(sink: MemorySink) -> None:
    """One function bound by `in_this_context` can run in several threads at the same moment."""
    together = threading.Barrier(2)
    names = iter(["one", "two"])

    def work() -> None:
        with tracing.span(next(names)):
            together.wait(10)

    trace = start()
    with trace.span("outer"):
        bound = tracing.in_this_context(work)
    threads = [threading.Thread(target=bound) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tree(finish(trace)) == {"request": None, "outer": "request", "one": "outer", "two": "outer"}


def test_a_plain_thread_sees_no_trace(sink: MemorySink) -> None:
    """What nobody took along is not there: the thread records nothing, and nothing breaks."""
    seen: list[object] = []

    def work() -> None:
        seen.append(tracing.TraceContext.current())
        with tracing.span("unseen"):
            pass

    trace = start()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [None]
    assert len(trace.spans) == 1
    finish(trace)


def test_a_span_left_in_another_context_changes_nothing_there(sink: MemorySink) -> None:
    """Leaving a span where it was not entered is harmless, and its time still counts."""
    trace = start()
    elsewhere = copy_context()
    span = trace.span("wandering")
    elsewhere.run(span.__enter__)
    span.__exit__(None, None, None)
    assert tracing.current_span() is trace.root
    assert by_name(finish(trace))["wandering"].status is SpanStatus.OK


def test_stages_that_overlap_leave_no_ended_span_current(sink: MemorySink) -> None:
    """A stage that ends while a later one is open is nobody's parent afterwards."""
    trace = start()
    trace.start_stage("intake")
    trace.start_stage("collection")
    trace.end_stage("intake")
    with tracing.span("within_collection"):
        pass
    trace.end_stage("collection")
    with tracing.span("after"):
        pass
    parents = tree(finish(trace))
    assert parents["within_collection"] == "collection"
    assert parents["after"] == "request"
    assert tracing.TraceContext.current() is None


def test_a_trace_inside_a_trace_keeps_to_itself(sink: MemorySink) -> None:
    """The inner one is current until it is finished; then the outer one goes on where it was."""
    outer = start(name="outer")
    with outer.span("step") as step:
        inner = start(name="inner")
        with tracing.span("inner_step"):
            pass
        finish(inner)
        assert tracing.current_span() is step
        with tracing.span("outer_step"):
            pass
    assert tree(finish(outer)) == {"outer": None, "step": "outer", "outer_step": "step"}
    assert tree(freeze(inner)) == {"inner": None, "inner_step": "inner"}


def test_a_span_of_the_outer_trace_can_be_opened_inside_the_inner_one(sink: MemorySink) -> None:
    """A span belongs to the trace that it was asked of, whatever is current."""
    outer, inner = start(name="outer"), start(name="inner")
    with outer.span("mine"):
        assert tracing.TraceContext.current() is outer
    assert tracing.TraceContext.current() is inner
    finish(inner)
    assert tree(finish(outer)) == {"outer": None, "mine": "outer"}


def test_a_disabled_trace_inside_an_enabled_one_records_nowhere(sink: MemorySink) -> None:
    """What it would have recorded does not end up in the trace around it."""
    outer = start(name="outer")
    silent = tracing.TraceContext.start(enabled=False)
    assert tracing.TraceContext.current() is None
    with tracing.span("secret"), silent.span("secret"):
        pass
    silent.start_stage("secret")
    silent.record("secret", "choice", {"what": 1})
    tracing.TraceContext.finish(silent)
    tracing.TraceContext.finish(silent)
    assert tracing.TraceContext.current() is outer
    assert tree(finish(outer)) == {"outer": None}
    assert sink.traces == [outer]


def test_finishing_twice_counts_once(sink: MemorySink) -> None:
    """The second call gives the same receipt."""
    trace = start()
    receipt = tracing.TraceContext.finish(trace)
    assert tracing.TraceContext.finish(trace) is receipt
    assert sink.traces == [trace]


def test_a_run_that_was_not_marked_is_incomplete(sink: MemorySink) -> None:
    """Nobody said that it succeeded."""
    data = finish(start())
    assert data.status is TraceStatus.INCOMPLETE
    assert data.duration_ns == 0


@pytest.mark.parametrize("junk", [None, 7, "abc", [1], object()])
def test_recording_junk_raises_nothing(sink: MemorySink, junk: object) -> None:
    """Whatever the host hands over by mistake, it gets no exception for it, and the trace can still be read."""
    trace = start(project_name=junk, query=junk, trace_id=junk, tags=junk, user_id=junk, name=junk, source=junk)
    trace.set_outputs(junk)  # type: ignore[arg-type]
    trace.record_iteration(junk)  # type: ignore[arg-type]
    trace.record("stage", junk, junk)  # type: ignore[arg-type]
    trace.record_evidence("stage", junk)  # type: ignore[arg-type]
    trace.record_prompts("stage", junk)  # type: ignore[arg-type]
    trace.end_stage("stage", outputs=junk, error=junk)  # type: ignore[arg-type]
    trace.confidence = trace.citations_count = trace.status = junk  # type: ignore[assignment]
    with trace.span(junk, kind=junk) as span:  # type: ignore[arg-type]
        span.details = junk  # type: ignore[assignment]
        span.decide(junk, what=junk, why=junk, confidence=junk, alternatives_considered=junk, inputs=junk)  # type: ignore[arg-type]
    trace.mark_failed(junk)  # type: ignore[arg-type]
    data = finish(trace)
    assert data.status is TraceStatus.FAILED
    assert data.citations_count in (None, 7)
    assert len(data.spans) == 3
