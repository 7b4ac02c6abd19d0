"""The JSON document of a trace: all of it, there and back, in seed B's shape (B5, B15)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.factories import make_span, make_trace
from tests.otlp_messages import trace_requests
from tests.strategies import json_values, mappings, traces
from tests.surroundings import by_name
from tracing_core.assembly import assemble
from tracing_core.contents import encode
from tracing_core.conventions import FACTS
from tracing_core.document import to_document
from tracing_core.document_reader import from_document, version_notice
from tracing_core.errors import InvalidInput
from tracing_core.jsontext import dump
from tracing_core.model import SpanKind, TraceData, TraceStatus
from tracing_core.otlp.decode import trace_request
from tracing_core.otlp.spans import received
from tracing_core.said import names_of
from tracing_core.usage import model_of, usage_of

SEED_B_TOP = {
    "schema_version", "trace_id", "project_id", "project_name", "run", "stages", "iterations", "iteration_count",
    "quality_gate_failures", "outputs", "child_traces", "metadata",
}  # fmt: skip
SEED_B_RUN = {
    "query", "intent", "domain", "report_type", "research_type", "started_at", "completed_at", "duration_seconds",
    "status", "tracing_enabled",
}  # fmt: skip
SEED_B_STAGE = {
    "started_at", "completed_at", "duration_seconds", "decisions", "outputs", "evidence", "prompts", "error",
}  # fmt: skip
SEED_B_DECISION = {"decision", "what", "why", "confidence", "alternatives_considered", "inputs", "timestamp"}


def written(trace: TraceData, encoded: Sequence[bytes] = ()) -> dict[str, Any]:
    return dict(orjson.loads(dump(to_document(trace, encoded))))


@settings(max_examples=80)
@given(traces())
def test_there_and_back_is_the_same_trace(trace: TraceData) -> None:
    """Nothing is lost, whatever the spans are called, and whether their JSON was there already."""
    assert from_document(written(trace)) == from_document(written(trace, encode(trace.spans))) == trace


@settings(max_examples=120)
@given(trace_requests())
def test_what_comes_as_opentelemetry_is_there_and_back(request: ExportTraceServiceRequest) -> None:
    """With its resource, scope, links, events and times in nanoseconds, whatever they hold."""
    for trace_id, spans in received(trace_request(request.SerializeToString())).traces.items():
        trace = replace(assemble(trace_id, spans), is_slow=True, sampling_probability=0.25)
        assert dump(from_document(written(trace))) == dump(trace)


@settings(max_examples=40)
@given(otel=mappings, attributes=mappings)
def test_what_opentelemetry_alone_says_is_there_and_back(otel: dict[str, Any], attributes: dict[str, Any]) -> None:
    """On a root and on a stage."""
    root = make_span(kind=SpanKind.ROOT, otel=otel, attributes=attributes)
    trace = make_trace(spans=(root, make_span(parent_id=root.span_id, otel=otel, attributes=attributes)))
    assert from_document(written(trace)) == trace


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(sorted(names_of(FACTS))), json_values, max_size=6))
def test_a_stage_names_the_model_that_the_normal_form_finds(attributes: dict[str, Any]) -> None:
    """And its tokens, though only some of the attributes are looked at."""
    root = make_span(kind=SpanKind.ROOT)
    stage = make_span(parent_id=root.span_id, attributes=attributes)
    found = to_document(make_trace(spans=(root, stage)))["stages"][stage.name]
    assert found.get("model") == (model_of(stage) or None)
    if "model" in found:
        assert found["token_usage"]["input_tokens"] == usage_of(stage).input_tokens
        assert found["token_usage"]["output_tokens"] == usage_of(stage).output_tokens


@pytest.mark.parametrize("names", [("x", "x", "x (2)"), ("x (2)", "x", "x"), ("x", "x (2)", "x (2)", "x", "x")])
def test_stages_whose_names_clash_stay_apart(names: tuple[str, ...]) -> None:
    """However they are called, each has its own place in the document."""
    root = make_span(name="request", kind=SpanKind.ROOT)
    spans = [make_span(parent_id=root.span_id, name=name, outputs={"at": at}) for at, name in enumerate(names)]
    trace = make_trace(spans=(root, *spans))
    assert len(written(trace)["stages"]) == len(names)
    assert from_document(written(trace)) == trace


def test_the_shape_is_seed_bs() -> None:
    """Every key of the seed is there; what is on top does not take their place."""
    document = written(make_trace())
    assert document.keys() - SEED_B_TOP == {"spans", "parent_trace_id", "parent_span_id"}
    assert document.keys() >= SEED_B_TOP
    assert document["run"].keys() - SEED_B_RUN == {
        "name", "source", "answer", "library", "session_id", "user_id", "error", "tags", "duration_ns", "confidence",
        "citations_count", "environment", "release",
    }  # fmt: skip
    assert document["run"].keys() >= SEED_B_RUN
    assert document["stages"].keys() == {"retrieval_semantic", "llm_generation"}
    assert document["stages"]["retrieval_semantic"].keys() == SEED_B_STAGE
    assert document["stages"]["llm_generation"].keys() == SEED_B_STAGE | {"model", "token_usage"}
    assert document["stages"]["llm_generation"]["token_usage"] == {
        "input_tokens": 1200,
        "output_tokens": 350,
        "total_tokens": 1550,
    }
    assert document["stages"]["retrieval_semantic"]["decisions"][0].keys() == SEED_B_DECISION
    assert document["metadata"].keys() == {"trace_version", "generator", "sampling_probability", "is_slow"}
    assert (document["schema_version"], document["run"]["status"]) == (1, "complete")
    assert document["run"]["duration_seconds"] == 3.21


def test_nothing_is_said_twice() -> None:
    """What a stage says is not repeated in the tree of spans."""
    big = "x" * 10_000
    trace = make_trace(answer=None, query=None)
    assert dump(to_document(trace, encode(trace.spans))).count(b"the question names a function") == 1
    content = dump(to_document(make_trace(spans=(*trace.spans[:2], *trace.spans[2:]), query=big)))
    assert content.count(big.encode()) == 1
    assert dump(to_document(trace)).count(b"the question names a function") == 1


def seed_b_sample() -> dict[str, Any]:
    """A document as the seed's section 3.1 has it: stages alone, without spans, and without their ends."""
    sample: dict[str, Any] = orjson.loads(Path(__file__).with_name("seed_b_sample.json").read_bytes())
    return sample


def test_a_document_of_stages_alone_is_read() -> None:
    """As the seed prints it: stages become spans below a root, in their order."""
    trace = from_document(seed_b_sample())
    assert (trace.trace_id, trace.project, trace.status) == ("trc_20260309_9f8e7d6c5", "pumps", TraceStatus.COMPLETE)
    assert trace.started_at == datetime(2026, 3, 9, 8, 15, tzinfo=UTC)
    assert trace.duration_ns == 150_000_000_000
    assert [span.name for span in trace.spans] == ["request", "intake", "collection", "synthesis", "quality_gate"]
    assert trace.spans[0].kind is SpanKind.ROOT
    spans = by_name(trace)
    assert spans["intake"].decisions[0].confidence == 0.7
    assert spans["intake"].duration_ns == 4_500_000_000
    assert spans["collection"].evidence["collected_count"] == 9
    assert spans["synthesis"].attributes["model"] == "claude-opus-4-6"
    assert spans["synthesis"].attributes["input_tokens"] == 900
    assert trace.outputs["report_path"] == "pumps.md"


def test_what_a_stage_says_beyond_the_usual_is_kept() -> None:
    """Scores, gaps and strengths of seed B's quality gate."""
    gate = by_name(from_document(seed_b_sample()))["quality_gate"]
    assert gate.attributes["overall_score"] == 2.4
    assert gate.attributes["principle_scores"][0]["id"] == "META-1"
    assert gate.attributes["threshold"] == 2.0


def test_a_document_of_stages_alone_can_be_written_again() -> None:
    """And is the same trace when it is read the second time."""
    trace = from_document(seed_b_sample())
    assert from_document(written(trace)) == trace


@pytest.mark.parametrize("version", [0, 2, 99])
def test_documents_of_other_versions_are_read(version: int) -> None:
    """Older and newer, without what we know and with what we do not."""
    document = written(make_trace()) | {"schema_version": version, "news": {"a": 1}}
    document["run"]["news"] = document["stages"]["llm_generation"]["news"] = 1
    for name in ("iterations", "child_traces", "metadata", "outputs", "parent_trace_id", "project_id"):
        del document[name]
    assert from_document(document).schema_version == version
    assert len(from_document(document).spans) == 3


@pytest.mark.parametrize("version", ["2", 2.5, True, -1, None, []])
def test_a_version_that_is_no_whole_number_makes_it_no_document(version: object) -> None:
    """Nobody can say what it would be a document of."""
    with pytest.raises(InvalidInput, match=r"schema_version is .* and no whole number"):
        from_document(written(make_trace()) | {"schema_version": version})


def test_a_reader_is_told_of_other_versions() -> None:
    """In a sentence; of our own there is nothing to say."""
    assert version_notice(1) is None
    assert "older format (0, now 1)" in (version_notice(0) or "")
    assert "newer format (2)" in (version_notice(2) or "")


def test_a_document_without_version_is_of_version_zero() -> None:
    """The least that can be read: an id and a start."""
    trace = from_document({"trace_id": "t", "run": {"started_at": "2026-03-09T08:15:00"}})
    assert (trace.schema_version, trace.project, trace.status) == (0, "default", TraceStatus.INCOMPLETE)
    assert trace.started_at.tzinfo is UTC


@pytest.mark.parametrize(
    "junk",
    [
        None, 1, "x", [], {}, {"run": {}}, {"trace_id": "t", "run": {}},
        {"trace_id": "t", "run": {"started_at": "yesterday"}},
        {"trace_id": "t", "run": {"started_at": 5}},
        {"trace_id": "t", "run": {"started_at": "0001-01-01T00:00:00+14:00"}},
        {"trace_id": "t", "run": {"started_at": "2026-03-09T08:15:00Z", "duration_seconds": float("inf")}},
        {"trace_id": "t", "run": {"started_at": "2026-03-09T08:15:00Z", "duration_seconds": "long"}},
        {"trace_id": 7, "run": {"started_at": "2026-03-09T08:15:00Z"}},
        {"trace_id": "t", "run": {"started_at": "2026-03-09T08:15:00Z"}, "stages": {"a": 1}},
        {"trace_id": "t", "run": {"started_at": "2026-03-09T08:15:00Z"}, "spans": [{}]},
        {"trace_id": "t", "run": {"started_at": "2026-03-09T08:15:00Z"}, "spans": [{"stage": "none"}]},
    ],
)  # fmt: skip
def test_junk_is_refused(junk: Any) -> None:
    """With one kind of error, whatever is wrong."""
    with pytest.raises(InvalidInput, match="document"):
        from_document(junk)
