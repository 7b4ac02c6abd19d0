"""What calibration asks of research runs, read from their stages (seed B, sections 3.1, 3.2, 3.5 and 5; B9, B12)."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.factories import NOON, make_span, make_trace, milliseconds
from tracing_core.document import to_document
from tracing_core.document_reader import from_document
from tracing_core.model import SpanData, SpanKind, TraceData
from tracing_core.research_columns import research_columns

SAMPLE = Path(__file__).parent / "seed_b_sample.json"
SCORES = [{"id": "META-1", "score": 3}, {"id": "META-12", "score": 1}, {"id": "MR-1", "score": 2}]


def run(*stages: SpanData, **facts: Any) -> TraceData:
    """A trace with these stages below its root."""
    root = make_span(span_id="0" * 16, name="request", kind=SpanKind.ROOT, duration_ns=milliseconds(9000))
    return make_trace(spans=(root, *stages), **facts)


def stage(name: str, *, after: float = 0, parent_id: str = "0" * 16, **fields: Any) -> SpanData:
    """A stage of 1.5 s that began so many seconds after the run."""
    given = {"kind": SpanKind.STAGE, "duration_ns": milliseconds(1500), "started_at": NOON + timedelta(seconds=after)}
    return make_span(name=name, parent_id=parent_id, **given | fields)


def columns(*stages: SpanData, **facts: Any) -> dict[str, Any]:
    """What is known of a run with these stages."""
    return {name: value for name, value in research_columns(run(*stages, **facts)).items() if value is not None}


def test_another_trace_has_none_of_it() -> None:
    """Every column is there, and None: an ordinary question is no research run."""
    found = research_columns(make_trace())
    assert len(found) == 17
    assert set(found.values()) == {None}


def test_the_sample_of_the_seed_is_read() -> None:
    """Also what its stages say beside their outputs: scores, gaps, strengths, model, tokens, cost (section 3.1)."""
    trace = from_document(json.loads(SAMPLE.read_bytes()))
    expected = {
        "intake_duration": 4.5, "rubric_duration": None, "collection_duration": 30.25, "synthesis_duration": 100.0,
        "quality_gate_duration": 10.0, "quality_gate_passed": True, "overall_quality_score": 2.4,
        "principle_scores": {"META-1": 3}, "gap_principles": None, "strength_principles": ["META-1"],
        "synthesis_model": "claude-opus-4-6", "synthesis_input_tokens": 900, "synthesis_output_tokens": 100,
        "synthesis_cost_usd": 0.02, "evidence_retrieved": None, "evidence_used": None, "evidence_sources": ["exa"],
    }  # fmt: skip
    assert research_columns(trace) == expected
    assert research_columns(from_document(json.loads(json.dumps(to_document(trace), default=str)))) == expected


def test_stages_are_timed_in_seconds() -> None:
    """Each of the five by its own name, over all rounds; one that was not timed says nothing (section 3.2)."""
    found = columns(
        stage("intake", duration_ns=milliseconds(5200)),
        stage("synthesis"),
        stage("synthesis", after=2),
        stage("rubric", duration_ns=None),
        stage("other"),
    )
    assert found == {"intake_duration": 5.2, "synthesis_duration": 3.0}


def test_a_stage_within_itself_counts_once() -> None:
    """A function of the stage's name that the stage calls is part of it; elsewhere in the tree a stage is one, too."""
    outer = stage("synthesis")
    inner = stage("synthesis", parent_id=outer.span_id)
    deep = stage("synthesis", parent_id=inner.span_id)
    below = stage("collection", parent_id=stage("agent").span_id)
    assert columns(outer, inner, deep, below) == {"synthesis_duration": 1.5, "collection_duration": 1.5}


def test_spans_in_a_ring_are_no_trouble() -> None:
    """What a broken sender says of parents does not stop anything."""
    one = stage("intake", span_id="a" * 16, parent_id="b" * 16)
    two = stage("rubric", span_id="b" * 16, parent_id="a" * 16)
    assert columns(one, two) == {"intake_duration": 1.5, "rubric_duration": 1.5}


def test_scores_make_gaps_and_strengths() -> None:
    """Below 2 a principle is a gap, with 3 a strength, with 2 neither (section 5, `_write_trace_metadata`)."""
    outputs = {"passed": True, "overall_score": 2.0, "principle_scores": SCORES}
    found = columns(stage("quality_gate", outputs=outputs))
    assert found["principle_scores"] == {"META-1": 3, "META-12": 1, "MR-1": 2}
    assert (found["gap_principles"], found["strength_principles"]) == (["META-12"], ["META-1"])
    assert (found["quality_gate_passed"], found["overall_quality_score"]) == (True, 2.0)


@pytest.mark.parametrize(
    "gaps",
    [{"gap_principles": ["A", "B"]}, {"gaps": ["B", "A"]}, {"gaps": [{"id": "A", "score": 1}, {"id": "B"}]},
     {"gaps": '["A", "B"]'}],
)  # fmt: skip
def test_the_gate_may_name_its_gaps_itself(gaps: dict[str, Any]) -> None:
    """Ids, or objects with one, under the seed's two names; then its word counts."""
    assert columns(stage("quality_gate", outputs=gaps | {"principle_scores": SCORES}))["gap_principles"] == ["A", "B"]


@pytest.mark.parametrize(
    "scores",
    [SCORES, {"META-1": 3, "META-12": "1", "MR-1": 2.0}, json.dumps(SCORES), [*SCORES, {"id": "X"}, {"score": 1}, 7],
     [*SCORES, {"id": "X", "score": "bad"}, {"id": "Y", "score": float("nan")}, {"id": "Z", "score": -1}]],
)  # fmt: skip
def test_scores_come_in_every_form(scores: Any) -> None:
    """A list, a mapping, a JSON text as OpenTelemetry has it; what is no score is left out, and costs nothing else."""
    found = columns(stage("quality_gate", attributes={"principle_scores": scores}))
    assert found["principle_scores"] == {"META-1": 3, "META-12": 1, "MR-1": 2}


@pytest.mark.parametrize(
    ("said", "passed"),
    [({"passed": True}, True), ({"passing": False}, False), ({"quality_gate_result": "FAIL"}, False), ({"passed": "Pass"}, True),
     ({"passed": None}, None), ({"passed": "perhaps"}, None), ({"passed": 2}, None), ({"passed": "no", "passing": True}, True)],
)  # fmt: skip
def test_whether_the_gate_passed(said: dict[str, Any], passed: bool | None) -> None:
    """By the names and words of the seed; anything else leaves it open."""
    assert columns(stage("quality_gate", outputs=said)).get("quality_gate_passed") is passed


def test_the_last_round_that_says_something_counts() -> None:
    """Of several gates the last (section 3.5), whatever their order in the trace, and none that was cut short."""
    first = stage("quality_gate", outputs={"passed": False, "overall_score": 1.6, "gaps": ["META-1", "META-12"]})
    second = stage("quality_gate", after=3, outputs={"passed": True, "overall_score": 2.4})
    third = stage("quality_gate", after=6)
    for order in ((first, second, third), (third, second, first)):
        found = columns(*order)
        assert (found["quality_gate_passed"], found["overall_quality_score"]) == (True, 2.4)
        assert "gap_principles" not in found
        assert found["quality_gate_duration"] == 4.5


def test_iterations_speak_where_no_gate_does() -> None:
    """The seed's example of a retry loop, without stages (section 3.5)."""
    rounds = (
        {"iteration": 1, "quality_gate_result": "FAIL", "overall_score": 1.6, "gaps": ["META-1", "META-12"]},
        {"iteration": 2, "quality_gate_result": "PASS", "overall_score": 2.4, "gaps": ["META-12"]},
    )
    expected = {"quality_gate_passed": True, "overall_quality_score": 2.4, "gap_principles": ["META-12"]}
    assert columns(iterations=rounds) == expected
    gate = stage("quality_gate", duration_ns=None, outputs={"passed": False})
    assert columns(gate, iterations=rounds) == {"quality_gate_passed": False}


def test_the_loop_of_the_seed_is_counted() -> None:
    """A document with rounds and no counts has them counted (section 3.5)."""
    document = json.loads(SAMPLE.read_bytes()) | {"iterations": [{"quality_gate_result": "FAIL"}, {"passed": True}]}
    trace = from_document(document)
    assert (trace.iteration_count, trace.quality_gate_failures) == (2, 1)


def test_synthesis_says_its_model_tokens_and_cost() -> None:
    """The model of outputs, else of prompts; tokens and cost of all rounds together (sections 3.2 and 5)."""
    usage = {"input_tokens": 100, "output_tokens": 10}
    one = stage("synthesis", prompts={"model": "m-1"}, outputs={"token_usage": usage, "cost_usd": 0.5})
    two = stage("synthesis", after=2, outputs={"model": "m-2", "token_usage": usage, "cost_usd": 0.25})
    found = columns(one, two)
    assert (found["synthesis_model"], found["synthesis_cost_usd"]) == ("m-2", 0.75)
    assert (found["synthesis_input_tokens"], found["synthesis_output_tokens"]) == (200, 20)
    assert columns(one)["synthesis_model"] == "m-1"
    convention = {"gen_ai.request.model": "m-3", "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 2}
    found = columns(stage("synthesis", attributes=convention))
    assert (found["synthesis_model"], found["synthesis_input_tokens"], found["synthesis_output_tokens"]) == (
        "m-3",
        7,
        2,
    )


def test_evidence_is_counted_and_its_sources_named() -> None:
    """Retrieved and used by whichever stage says it; sources of all stages, each once, in order."""
    found = columns(
        stage("collection", evidence={"by_source": {"reddit": 6, "exa": 22}}, outputs={"evidence_retrieved": 40}),
        stage("synthesis", outputs={"evidence_used": 12}),
        stage("more", evidence={"by_source": {"exa": 1, "bing": 0}}),
    )
    assert (found["evidence_retrieved"], found["evidence_used"]) == (40, 12)
    assert found["evidence_sources"] == ["bing", "exa", "reddit"]


def test_nothing_that_is_said_breaks_a_row() -> None:
    """Values of the wrong kind are not known; names are cut to what an index can hold, and counted to a bound."""
    junk: dict[str, Any] = {
        "principle_scores": 7, "overall_score": "high", "gaps": {"id": "A"}, "token_usage": [1], "cost_usd": "NaN",
        "model": None, "evidence_used": 10**30, "evidence_retrieved": True,
    }  # fmt: skip
    spans = [
        stage(name, duration_ns=None, outputs=junk, evidence={"by_source": "exa"})
        for name in ("synthesis", "quality_gate")
    ]
    assert columns(*spans, iterations=({"passed": object()},)) == {}
    many = {f"{n:04}" + "x" * 9000: 1 for n in range(5000)}
    found = columns(
        stage("quality_gate", outputs={"principle_scores": many, "gaps": list(many)}, evidence={"by_source": many})
    )
    assert [len(found[name]) for name in ("principle_scores", "gap_principles", "evidence_sources")] == [1000] * 3
    assert {len(name) for name in found["gap_principles"]} == {300}
    large = {"token_usage": {"input_tokens": 2**31 - 1, "output_tokens": 1}}
    assert (
        columns(stage("synthesis", outputs=large), stage("synthesis", outputs=large))["synthesis_input_tokens"]
        == 2**31 - 1
    )
