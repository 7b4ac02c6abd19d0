"""The row of a trace: what lists and filters need, computed once."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings

from tests.factories import make_decision, make_span, make_trace, milliseconds
from tests.strategies import traces
from tracing_core.contents import as_read_back
from tracing_core.cost import CostTracker
from tracing_core.model import SpanKind, TraceData, TraceStatus
from tracing_core.projection import Projector, Row
from tracing_core.quality import QualityRules
from tracing_core.steps import steps_view

PROJECTOR = Projector(rules=QualityRules(), prices=CostTracker())


def row(trace: TraceData) -> Row:
    return PROJECTOR.project(trace).trace


@settings(max_examples=40)
@given(traces())
def test_every_trace_has_its_rows(trace: TraceData) -> None:
    """One per trace, span and decision, in their order."""
    projection = PROJECTOR.project(trace)
    assert projection.trace["span_count"] == len(projection.spans) == len(trace.spans)
    assert [span["position"] for span in projection.spans] == list(range(len(trace.spans)))
    assert projection.trace["decision_count"] == len(projection.decisions)
    assert [decision["position"] for decision in projection.decisions] == list(range(len(projection.decisions)))


def test_stages_are_timed_by_name() -> None:
    """Spans directly under the root, those of one name together; what was not timed has no time."""
    root = make_span(name="request", kind=SpanKind.ROOT)
    spans = (
        root,
        make_span(parent_id=root.span_id, name="a", duration_ns=milliseconds(1)),
        middle := make_span(parent_id=root.span_id, name="a", duration_ns=milliseconds(2)),
        make_span(parent_id=middle.span_id, name="below", duration_ns=milliseconds(1)),
        make_span(parent_id=root.span_id, name="b", duration_ns=None),
    )
    assert row(make_trace(spans=spans))["stage_ms"] == {"a": 3.0}


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_what_json_lacks_is_nothing_to_pick_by(value: float) -> None:
    """A number without an end is left out at once, as it is after the trace was read back from its contents."""
    told = make_trace(spans=(make_span(name="request", kind=SpanKind.ROOT, attributes={"x": value, "y": 1.5}),))
    read_back = replace(told, spans=as_read_back(told.spans))
    assert row(told)["attributes"] == row(read_back)["attributes"] == {"y": 1.5}


def test_retrieval_and_generation_are_timed_once() -> None:
    """A span inside another of its kind is already counted in it."""
    root = make_span(name="request", kind=SpanKind.ROOT)
    outer = make_span(parent_id=root.span_id, kind=SpanKind.RETRIEVAL, duration_ns=milliseconds(10))
    spans = (
        root,
        outer,
        make_span(parent_id=outer.span_id, kind=SpanKind.EMBEDDING, duration_ns=milliseconds(4)),
        make_span(parent_id=root.span_id, kind=SpanKind.FUSION, duration_ns=milliseconds(2)),
        make_span(parent_id=root.span_id, kind=SpanKind.RERANK, duration_ns=milliseconds(3)),
        make_span(parent_id=root.span_id, kind=SpanKind.LLM, duration_ns=milliseconds(100)),
    )
    projected = row(make_trace(spans=spans))
    assert (projected["retrieval_ms"], projected["generation_ms"]) == (15.0, 100.0)
    nothing = row(make_trace(spans=(root,)))
    assert (nothing["retrieval_ms"], nothing["generation_ms"]) == (None, None)


def test_evidence_is_counted_over_all_stages() -> None:
    """By seed B's outputs, else by what was kept and filtered out; absent is None, not zero."""
    root = make_span(name="request", kind=SpanKind.ROOT)
    one = make_span(
        parent_id=root.span_id,
        evidence={"collected_count": 28},
        outputs={"evidence_passed": 18, "evidence_filtered": 10},
    )
    two = make_span(parent_id=root.span_id, evidence={"collected_count": 2, "kept": [{}, {}], "filtered_out": []})
    odd = make_span(parent_id=root.span_id, evidence={"collected_count": "many", "kept": "all"})
    projected = row(make_trace(spans=(root, one, two, odd)))
    names = ("evidence_collected", "evidence_passed", "evidence_filtered")
    assert [projected[name] for name in names] == [30, 20, 10]
    assert [row(make_trace(spans=(root,)))[name] for name in names] == [None, None, None]


def test_the_quality_gate_is_read_from_its_stage() -> None:
    """As seed B records it."""
    root = make_span(name="request", kind=SpanKind.ROOT)
    gate = make_span(parent_id=root.span_id, name="quality_gate", outputs={"passed": False, "overall_score": 1.6})
    outputs = {"report_path": "r.md", "evidence_paths": ["a", "b"]}
    projected = row(make_trace(spans=(root, gate), outputs=outputs))
    assert (projected["quality_gate_passed"], projected["overall_quality_score"]) == (False, 1.6)
    assert (projected["report_file_path"], projected["output_file_paths"]) == ("r.md", ["a", "b"])
    assert row(make_trace())["quality_gate_passed"] is None


def test_the_model_is_that_of_the_generation() -> None:
    """Not that of an embedding before it; its speed goes with it, and tokens are those of all calls."""
    root = make_span(name="request", kind=SpanKind.ROOT)
    embedding = make_span(
        kind=SpanKind.EMBEDDING, attributes={"model": "e", "prompt_tokens": 7}, parent_id=root.span_id
    )
    generation = make_span(
        parent_id=root.span_id,
        kind=SpanKind.GENERATION,
        attributes={
            "model": "gpt-4o-mini",
            "prompt_tokens": 10,
            "cached_tokens": 4,
            "completion_tokens": 5,
            "time_to_first_token_ms": 80.5,
            "tokens_per_second": 42,
        },
    )
    projected = row(make_trace(spans=(root, embedding, generation)))
    assert (projected["model"], projected["time_to_first_token_ms"], projected["tokens_per_second"]) == (
        "gpt-4o-mini",
        80.5,
        42,
    )
    assert (projected["input_tokens"], projected["output_tokens"], projected["cached_tokens"]) == (17, 5, 4)
    assert (projected["cost_usd"], projected["unknown_models"]) == (None, ["e"])


def test_a_decision_knows_its_stage() -> None:
    """The span it was taken in; the root is no stage."""
    root = make_span(name="request", kind=SpanKind.ROOT, decisions=(make_decision(timestamp=None),))
    stage = make_span(parent_id=root.span_id, name="intake", decisions=(make_decision(),))
    decided = PROJECTOR.project(make_trace(spans=(root, stage))).decisions
    assert [decision["stage"] for decision in decided] == ["", "intake"]
    assert decided[0]["decided_at"] == root.started_at


def test_the_view_of_steps_has_seed_cs_shape() -> None:
    """Exactly its keys; steps in order, with their times and details."""
    view = steps_view(make_trace())
    assert list(view) == [
        "trace_id", "timestamp", "question", "library_filter", "steps", "total_duration_ms", "status",
    ]  # fmt: skip
    assert [list(step) for step in view["steps"]] == [["name", "duration_ms", "details"]] * 2
    assert [step["name"] for step in view["steps"]] == ["retrieval_semantic", "llm_generation"]
    assert view["steps"][1]["duration_ms"] == 3020.0
    assert view["steps"][1]["details"]["total_tokens"] == 1550
    assert (view["total_duration_ms"], view["status"], view["library_filter"]) == (3210.0, "success", "fastapi")
    assert view["timestamp"] == "2026-11-21T12:00:00+00:00"


def test_the_view_of_steps_of_a_run_that_did_not_succeed() -> None:
    """Says so in seed C's words where it has one; no question is an empty one, no library none."""
    said = {status: steps_view(make_trace(status=status))["status"] for status in TraceStatus}
    assert said == {
        TraceStatus.COMPLETE: "success",
        TraceStatus.FAILED: "error",
        TraceStatus.IN_PROGRESS: "pending",
        TraceStatus.INCOMPLETE: "incomplete",
    }
    view = steps_view(make_trace(query=None, library=None, duration_ns=None, completed_at=None))
    assert (view["question"], view["library_filter"], view["total_duration_ms"]) == ("", None, None)
