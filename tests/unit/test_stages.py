"""Stages, decisions, evidence and iterations: recording as seed B has it (B2, B3, B4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

import tracing_core as tracing
from tests.surroundings import by_name, finished
from tracing_core.clock import ManualClock
from tracing_core.document import to_document
from tracing_core.freeze import freeze
from tracing_core.jsontext import dump
from tracing_core.model import Decision, SpanKind, SpanStatus, TraceStatus
from tracing_core.sink import MemorySink


@pytest.fixture
def trace(sink: MemorySink) -> Iterator[tracing.Trace]:
    started = finished(tracing.TraceContext.start(project_name="cobot", query="Which robots?"))
    yield started
    tracing.TraceContext.finish(started)


def decided(trace: tracing.Trace, **data: Any) -> Decision:
    """The decision as it is stored when `data` is recorded."""
    trace.record("stage", "choice", data)
    return freeze(trace).spans[-1].decisions[-1]


def test_a_stage_is_timed_from_start_to_end(trace: tracing.Trace, clock: ManualClock) -> None:
    """With what came out of it; spans opened meanwhile lie below it."""
    trace.start_stage("intake")
    clock.advance(5.2)
    with tracing.span("inside"):
        pass
    trace.end_stage("intake", outputs={"intent": "validating"})
    spans = by_name(freeze(trace))
    stage = spans["intake"]
    assert (stage.kind, stage.status, stage.duration_ns) == (SpanKind.STAGE, SpanStatus.OK, 5_200_000_000)
    assert stage.outputs == {"intent": "validating"}
    assert spans["inside"].parent_id == stage.span_id
    assert tracing.current_span() is trace.root


def test_a_stage_can_end_with_an_error(trace: tracing.Trace) -> None:
    """The stage failed; whether the run did is another question."""
    trace.start_stage("rubric")
    trace.end_stage("rubric", error="no rubric")
    stage = by_name(freeze(trace))["rubric"]
    assert (stage.status, stage.error) == (SpanStatus.ERROR, "no rubric")
    assert trace.status is TraceStatus.IN_PROGRESS


def test_a_stage_that_was_never_started_is_made_on_first_use(trace: tracing.Trace) -> None:
    """It has no time, and keeps whatever is recorded of it."""
    trace.record("rubric", "rubric_loaded", {"what": "21 principles", "why": "market research"})
    trace.record_evidence("collection", {"collected_count": 28})
    trace.record_prompts("synthesis", {"system_prompt": "You are careful."})
    trace.end_stage("quality_gate", outputs={"passed": True}, error="late")
    spans = by_name(freeze(trace))
    assert all(spans[name].duration_ns is None for name in ("rubric", "collection", "synthesis", "quality_gate"))
    assert spans["rubric"].decisions[0].what == "21 principles"
    assert spans["collection"].evidence == {"collected_count": 28}
    assert spans["synthesis"].prompts == {"system_prompt": "You are careful."}
    assert (spans["quality_gate"].outputs, spans["quality_gate"].error) == ({"passed": True}, "late")


def test_a_step_is_a_stage_to_record_on(trace: tracing.Trace) -> None:
    """Decisions can be recorded by the name of any span directly under the root."""
    with trace.start_step("reranking"):
        trace.record("reranking", "cut_off", {"what": 5})
    assert len(trace.spans) == 2
    assert by_name(freeze(trace))["reranking"].decisions[0].what == 5


def test_a_decision_has_all_its_parts_and_its_moment(trace: tracing.Trace, clock: ManualClock) -> None:
    """Decision, what, why, confidence, alternatives, inputs, and when."""
    clock.advance(2)
    trace.record(
        "intake",
        "classified_intent",
        {
            "what": "validating",
            "why": "there is a hypothesis",
            "confidence": 0.85,
            "alternatives_considered": ["exploring (0.10)"],
            "inputs": {"query_text": "Which robots?"},
        },
    )
    assert by_name(freeze(trace))["intake"].decisions == (
        Decision(
            decision="classified_intent",
            what="validating",
            why="there is a hypothesis",
            confidence=0.85,
            alternatives_considered=("exploring (0.10)",),
            inputs={"query_text": "Which robots?"},
            timestamp=clock.now(),
        ),
    )


def test_a_confidence_that_seed_b_leaves_out_is_full(trace: tracing.Trace) -> None:
    """`record` without one means 1.0, as the seed has it; `decide` without one means that nobody said."""
    assert decided(trace, what="x").confidence == 1.0
    with trace.span("span") as span:
        span.decide("choice", what="x")
    assert freeze(trace).spans[-1].decisions[0].confidence is None


class NumpyLike(float):
    """A number of another library's type."""


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (0, 0.0),
        (1, 1.0),
        (0.5, 0.5),
        (NumpyLike(0.25), 0.25),
        (1.7, None),
        (-0.1, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
        (True, None),
        ("0.9", None),
        (None, None),
        ([0.9], None),
    ],
)
def test_only_a_number_from_0_to_1_is_a_confidence(trace: tracing.Trace, given: object, kept: float | None) -> None:
    """Anything else counts as not said, and never as 0 or 1."""
    assert decided(trace, what="x", confidence=given).confidence == kept


def test_a_confidence_in_single_precision_counts(trace: tracing.Trace) -> None:
    """Scores of models come as numpy's numbers."""
    numpy = pytest.importorskip("numpy")
    assert decided(trace, what="x", confidence=numpy.float32(0.5)).confidence == 0.5
    assert decided(trace, what="x", confidence=numpy.int64(1)).confidence == 1.0


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, ()),
        ("bm25 (0.40)", ("bm25 (0.40)",)),
        (["a", "b"], ("a", "b")),
        ((name for name in "ab"), ("a", "b")),
        ({"bm25": 0.4}, ({"bm25": 0.4},)),
        (b"raw", (b"raw",)),
        (7, (7,)),
    ],
)
def test_alternatives_may_come_in_any_form(trace: tracing.Trace, given: object, kept: tuple[object, ...]) -> None:
    """One value is one alternative; a generator is read."""
    assert decided(trace, what="x", alternatives_considered=given).alternatives_considered == kept


def test_alternatives_without_end_are_cut(trace: tracing.Trace) -> None:
    """A generator that never stops does not stop the writer."""

    def endless() -> Iterator[int]:
        while True:
            yield 1

    assert len(decided(trace, what="x", alternatives_considered=endless()).alternatives_considered) == 1000


def test_alternatives_that_cannot_be_read_cost_only_themselves(trace: tracing.Trace) -> None:
    """The decision is kept without them."""

    def broken() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    decision = decided(trace, what="x", alternatives_considered=broken())
    assert (decision.what, decision.alternatives_considered) == ("x", ())


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


@pytest.mark.parametrize(
    "odd",
    [
        object(),
        Unspeakable(),
        {Unspeakable(): Unspeakable()},
        {"set": {1, 2}, (1, 2): b"bytes"},
        float("nan"),
        "a\x00b\ud800",
        2**100,
        "x" * 1_000_000,
        {"m" * 1_000_000: ["x" * 1000] * 1000},
    ],
    ids=lambda odd: type(odd).__name__,
)
def test_odd_values_are_stored(trace: tracing.Trace, odd: object) -> None:
    """Wherever they are put, nothing raises and the document can be written and read."""
    trace.query = trace.answer = trace.intent = odd  # type: ignore[assignment]
    trace.set_outputs({"odd": odd})
    trace.record_iteration({"odd": odd})
    trace.record("stage", "choice", {"what": odd, "why": odd, "inputs": {"odd": odd}, "alternatives_considered": [odd]})
    trace.record("stage", "choice", {"what": 1, "inputs": odd})
    trace.record_evidence("stage", {"kept": [odd]})
    trace.record_prompts("stage", {"system_prompt": odd})  # type: ignore[dict-item]
    with trace.span("span", odd=odd) as span:
        span.event("odd", odd=odd)
    document = orjson.loads(dump(to_document(freeze(trace))))
    assert len(document["stages"]["stage"]["decisions"]) == 2
    assert "odd" in document["spans"][-1]["attributes"]


def test_a_decision_keeps_its_inputs_as_they_were(trace: tracing.Trace) -> None:
    """What the host changes afterwards does not change what the choice was based on."""
    state, options = {"step": 1}, ["a"]
    with trace.span("span") as span:
        span.decide("choice", what="x", inputs=state, alternatives_considered=options)
        trace.record("intake", "choice", {"what": "x", "inputs": state})
    state["step"] = 2
    options.append("b")
    decisions = [decision for span in freeze(trace).spans for decision in span.decisions]
    assert [decision.inputs for decision in decisions] == [{"step": 1}, {"step": 1}]
    assert decisions[0].alternatives_considered == ("a",)


def test_evidence_prompts_and_outputs_are_kept(trace: tracing.Trace) -> None:
    """On a stage and on a span alike."""
    evidence = {"collected_count": 2, "by_source": {"exa": 2}, "kept": [{"url": "u"}], "filtered_out": []}
    with trace.span("retrieval") as span:
        span.record_evidence(evidence)
        span.record_prompts({"system_prompt": "s", "user_message": "u"})
        span.set_outputs({"evidence_passed": 1})
    kept = by_name(freeze(trace))["retrieval"]
    assert kept.evidence == evidence
    assert kept.prompts == {"system_prompt": "s", "user_message": "u"}
    assert kept.outputs == {"evidence_passed": 1}


def test_iterations_count_and_failures_too(trace: tracing.Trace) -> None:
    """A round with `passed` false is a failure of the quality gate; a run without rounds has one."""
    assert trace.iteration_count == 1
    trace.record_iteration({"iteration": 1, "passed": False})
    trace.record_iteration({"iteration": 2, "passed": True})
    trace.record_iteration({"iteration": 3})
    data = freeze(trace)
    assert (data.iteration_count, data.quality_gate_failures) == (3, 1)
    assert [iteration["iteration"] for iteration in data.iterations] == [1, 2, 3]


def test_marks_set_the_status_and_the_end(trace: tracing.Trace, clock: ManualClock) -> None:
    """The last mark counts; a failure says how, also in the outputs."""
    clock.advance(1)
    trace.mark_complete()
    assert (trace.status, trace.duration_seconds) == (TraceStatus.COMPLETE, 1.0)
    clock.advance(1)
    trace.set_outputs({"report_path": "r.md"})
    trace.mark_failed("out of tokens")
    data = freeze(trace)
    assert (data.status, data.error) == (TraceStatus.FAILED, "out of tokens")
    assert data.outputs == {"report_path": "r.md", "error": "out of tokens"}
    assert trace.duration_seconds == 2.0
    trace.mark_incomplete()
    assert trace.status is TraceStatus.INCOMPLETE


def test_a_status_that_was_assigned_has_an_end_all_the_same(trace: tracing.Trace, clock: ManualClock) -> None:
    """`trace.status = ...` and `finish`, without a mark, gives a run with a duration."""
    trace.status = TraceStatus.COMPLETE
    clock.advance(3)
    tracing.TraceContext.finish(trace)
    data = freeze(trace)
    assert (data.status, data.duration_ns) == (TraceStatus.COMPLETE, 3_000_000_000)
    assert data.completed_at == clock.now()
