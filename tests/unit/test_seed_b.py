"""Recording in seed B's own words: its methods, its document, its rules, each with its section (B1-B6, B12, B15)."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

import tracing_core as tracing
from tests.surroundings import finished
from tracing_core.context import TraceContext
from tracing_core.document_reader import from_document
from tracing_core.freeze import freeze
from tracing_core.model import TraceStatus
from tracing_core.noop import _NoOpTrace
from tracing_core.sink import MemorySink

SAMPLE: dict[str, Any] = json.loads((Path(__file__).parent / "seed_b_sample.json").read_bytes())
ROUNDS = [
    {"iteration": 1, "quality_gate_result": "FAIL", "overall_score": 1.6, "gaps": ["META-1", "META-12"],
     "synthesis_tokens": 48000, "synthesis_cost": 0.32},
    {"iteration": 2, "quality_gate_result": "PASS", "overall_score": 2.4, "gaps": ["META-12"], "synthesis_tokens": 52000,
     "synthesis_cost": 0.35, "changes_from_previous": "Added specific market data for META-1, improved citations"},
]  # fmt: skip
"""The retry loop of section 3.5."""


@pytest.fixture
def trace(sink: MemorySink) -> tracing.Trace:
    return finished(TraceContext.start(query="q", project_name="cobot"))


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        (TraceContext.start, "project_id project_name query intent domain report_type research_type enabled"),
        (TraceContext.current, ""),
        (TraceContext.finish, "trace verbose"),
        (tracing.Trace.start_stage, "stage_name"),
        (tracing.Trace.end_stage, "stage_name outputs error"),
        (tracing.Trace.record, "stage_name decision_type data"),
        (tracing.Trace.record_evidence, "stage_name evidence_data"),
        (tracing.Trace.record_prompts, "stage_name prompts"),
        (tracing.Trace.record_iteration, "iteration_data"),
        (tracing.Trace.set_outputs, "outputs"),
        (tracing.Trace.mark_complete, ""),
        (tracing.Trace.mark_failed, "error"),
        (tracing.Trace.mark_incomplete, ""),
        (tracing.Trace.to_dict, ""),
    ],
)
def test_every_method_takes_the_parameters_of_the_seed(method: Any, parameters: str) -> None:
    """By their names, in their order, and no other that has to be given (section 5)."""
    known = [each for name, each in inspect.signature(method).parameters.items() if name != "self"]
    names = [each.name for each in known]
    assert set(parameters.split()) <= set(names)
    if method is not TraceContext.start:
        assert names == parameters.split()
    needed = {each.name for each in known if each.default is inspect.Parameter.empty}
    assert needed <= set(parameters.split())


def test_a_trace_lives_from_start_to_finish(sink: MemorySink) -> None:
    """It is the current one in between, and one that nobody marked is incomplete (section 2, section 5 `finish`)."""
    trace = finished(TraceContext.start(query="q"))
    assert TraceContext.current() is trace
    assert re.fullmatch(r"trc_\d{8}_\d{6}_[0-9a-f]{8,}", trace.trace_id)
    assert trace.status == "in_progress"
    TraceContext.finish(trace)
    assert TraceContext.current() is None
    assert trace.status == "incomplete"
    assert sink.traces == [trace]


def test_every_task_has_a_trace_of_its_own(sink: MemorySink) -> None:
    """Tasks that run side by side do not see each other's (section 5, `TraceContext`)."""

    async def run(query: str, barrier: asyncio.Barrier) -> tuple[str | None, str | None]:
        async with tracing.traced_research(query=query):
            await barrier.wait()
            current = TraceContext.current()
            return query, current.query if current else None

    async def both() -> Any:
        barrier = asyncio.Barrier(2)
        return await asyncio.gather(run("a", barrier), run("b", barrier))

    assert list(asyncio.run(both())) == [("a", "a"), ("b", "b")]


def test_a_decision_has_the_defaults_of_the_seed(trace: tracing.Trace) -> None:
    """Confidence 1.0, no reason, no alternatives, no inputs; its stage is made on first use (section 5, `record`)."""
    trace.record("intake", "classified_intent", {"what": "validating"})
    (stage,) = trace.to_dict()["stages"].values()
    (decision,) = stage["decisions"]
    assert decision.pop("timestamp")
    assert decision == {
        "decision": "classified_intent", "what": "validating", "why": "", "confidence": 1.0, "alternatives_considered": [],
        "inputs": {},
    }  # fmt: skip
    assert (stage["started_at"], stage["duration_seconds"]) == (None, None)


def test_a_stage_that_starts_again_is_another_one(trace: tracing.Trace) -> None:
    """What is recorded then goes to the new one, and the old one is kept (section 5, `start_stage`; section 3.5)."""
    for passed in (False, True):
        trace.start_stage("quality_gate")
        trace.record("quality_gate", "quality_assessment", {"what": "PASS" if passed else "FAIL"})
        trace.end_stage("quality_gate", outputs={"passed": passed})
    stages = trace.to_dict()["stages"]
    assert {name: stage["outputs"] for name, stage in stages.items()} == {
        "quality_gate": {"passed": False}, "quality_gate (2)": {"passed": True},
    }  # fmt: skip
    assert [len(stage["decisions"]) for stage in stages.values()] == [1, 1]


def test_the_retry_loop_of_the_seed_is_counted(trace: tracing.Trace) -> None:
    """Two rounds, one failure, nothing of them lost (section 3.5)."""
    for each in ROUNDS:
        trace.record_iteration(each)
    document = trace.to_dict()
    assert (document["iterations"], document["iteration_count"], document["quality_gate_failures"]) == (ROUNDS, 2, 1)


@pytest.mark.parametrize(
    ("given", "failures"),
    [({}, 0), ({"passed": True}, 0), ({"passed": False}, 1), ({"passed": None}, 1), ({"quality_gate_result": "FAIL"}, 1),
     ({"passed": True, "quality_gate_result": "FAIL"}, 0), ({"quality_gate_result": "who knows"}, 0)],
)  # fmt: skip
def test_a_round_fails_when_it_says_so(trace: tracing.Trace, given: dict[str, Any], failures: int) -> None:
    """By `passed`, true unless given (section 5, `record_iteration`), else by the word of section 3.5."""
    trace.record_iteration(given)
    assert trace.quality_gate_failures == failures


def test_a_failed_run_says_why(trace: tracing.Trace) -> None:
    """In its outputs, as the seed has it (section 5, `mark_failed`)."""
    trace.mark_failed("out of tokens")
    document = trace.to_dict()
    assert (document["run"]["status"], document["outputs"]["error"]) == ("failed", "out of tokens")
    assert document["run"]["completed_at"] is not None


def test_the_document_has_every_field_of_the_seed(trace: tracing.Trace) -> None:
    """Those of section 3.1 and of section 5's `to_dict`, at their places; `schema_version` is 1 (section 12)."""
    trace.start_stage("collection")
    trace.record("collection", "source_selection", {"what": "exa"})
    trace.record_evidence("collection", SAMPLE["stages"]["collection"]["evidence"])
    trace.record_prompts("collection", {"system_prompt": "s", "user_message": "u"})
    trace.end_stage("collection", outputs={"evidence_passed": 8})
    trace.mark_complete()
    document = trace.to_dict()
    assert document["schema_version"] == document["metadata"]["trace_version"] == 1
    assert set(SAMPLE) | {"iteration_count", "quality_gate_failures"} <= set(document)
    assert set(SAMPLE["run"]) | {"research_type", "tracing_enabled"} <= set(document["run"])
    stage = document["stages"]["collection"]
    assert set(stage) >= {
        "started_at", "completed_at", "duration_seconds", "decisions", "outputs", "evidence", "prompts", "error",
    }  # fmt: skip
    assert stage["evidence"] == SAMPLE["stages"]["collection"]["evidence"]
    assert stage["prompts"] == {"system_prompt": "s", "user_message": "u"}
    assert set(stage["decisions"][0]) >= set(SAMPLE["stages"]["intake"]["decisions"][0])


def test_parents_and_children_know_each_other(trace: tracing.Trace, sink: MemorySink) -> None:
    """The parent lists its children, a child names its parent, in data and in the file (section 3.4)."""
    child = finished(TraceContext.start(project_name="cobot"))
    child.parent_trace_id = trace.trace_id
    trace.child_traces.append({"trace_id": child.trace_id, "output_type": "report", "path": "r.md"})
    listed = [{"trace_id": child.trace_id, "output_type": "report", "path": "r.md"}]
    assert trace.to_dict()["child_traces"] == listed
    assert child.to_dict()["parent_trace_id"] == trace.trace_id
    assert list(from_document(trace.to_dict()).child_traces) == listed
    assert from_document(child.to_dict()).parent_trace_id == freeze(child).parent_trace_id == trace.trace_id


def test_a_run_that_is_not_traced_works_the_same(sink: MemorySink) -> None:
    """Every method is there and does nothing; behind `if trace:` components record nothing (sections 5, 8 and 10)."""
    silent = TraceContext.start(enabled=False)
    assert isinstance(silent, _NoOpTrace)
    assert silent.trace_id == "noop"
    assert TraceContext.current() is None
    for name in (
        "start_stage",
        "end_stage",
        "record",
        "record_evidence",
        "record_prompts",
        "record_iteration",
        "set_outputs",
    ):
        assert getattr(silent, name)("x", **({"outputs": {}, "error": None} if name == "end_stage" else {})) is None
    assert TraceContext.finish(silent).result(0)["database"] == "dropped"
    assert sink.traces == []


@pytest.mark.parametrize("error", [None, ValueError("no"), KeyboardInterrupt()])
def test_a_research_run_is_marked_and_its_error_goes_on(sink: MemorySink, error: BaseException | None) -> None:
    """Completes, or fails and raises again; is always handed over (README, "Or Use the Context Manager")."""
    raised: BaseException | None = None
    try:
        with tracing.traced_research(query="q", intent="validating"):
            if error is not None:
                raise error
    except (ValueError, KeyboardInterrupt) as caught:
        raised = caught
    assert raised is error
    (trace,) = sink.traces
    assert trace.status is (TraceStatus.COMPLETE if error is None else TraceStatus.FAILED)
