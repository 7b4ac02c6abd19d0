"""Documents are found in every shape they are sent in, with their scores (E1)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.factories import NOON, make_span
from tracing_core.model import SpanData, SpanEvent, SpanKind
from tracing_core.retrieved import evidence_of, kept_by

DOCUMENT = {"id": "d1", "source": "guide.md", "text": "A span is a piece of work.", "scores": {"score": 0.9}}
TEXT = DOCUMENT["text"]

SHAPES: dict[str, dict[str, Any]] = {
    "OpenInference, indexed": {
        "retrieval.documents.0.document.id": "d1", "retrieval.documents.0.document.content": TEXT,
        "retrieval.documents.0.document.score": 0.9, "retrieval.documents.0.document.metadata": '{"source": "guide.md"}',
    },
    "OpenInference, unflattened": {"retrieval.documents": [{"document": {
        "id": "d1", "content": TEXT, "score": 0.9, "metadata": {"source": "guide.md"}}}]},
    "gen_ai": {"gen_ai.retrieval.documents": json.dumps([{"id": "d1", "score": 0.9, "content": TEXT, "source": "guide.md"}])},
    "Langfuse, LangChain's documents": {"langfuse.observation.output": json.dumps([
        {"id": "d1", "page_content": TEXT, "metadata": {"source": "guide.md", "score": 0.9}}])},
    "with their scores beside them": {"mlflow.spanOutputs": json.dumps([
        [{"id": "d1", "page_content": TEXT, "metadata": {"source": "guide.md"}}, 0.9]])},
    "LlamaIndex": {"output.value": json.dumps([
        {"node": {"id_": "d1", "text": TEXT, "metadata": {"file_path": "guide.md"}}, "score": 0.9}])},
    "in an object": {"traceloop.entity.output": json.dumps({"documents": [
        {"id": "d1", "text": TEXT, "score": 0.9, "source": "guide.md"}]})},
}  # fmt: skip


def read(span: SpanData) -> dict[str, Any]:
    """All that a span found; what it kept is the same when that alone is asked for."""
    found = evidence_of(span)
    assert list(kept_by(span)) == list(found.get("kept", ()))
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_found_documents(shape: str) -> None:
    """Id, text, source and score, whatever they are called."""
    found = read(make_span(kind=SpanKind.RETRIEVAL, attributes=SHAPES[shape]))
    assert found == {"collected_count": 1, "by_source": {"guide.md": 1}, "kept": [DOCUMENT], "filtered_out": []}


def test_what_a_reranker_left_out() -> None:
    """It was given three and gave two: the third is there with the reason; scores of both kinds are kept."""
    before = {f"reranker.input_documents.{n}.document.id": f"d{n}" for n in range(3)}
    after = {
        "reranker.output_documents.0.document.id": "d2",
        "reranker.output_documents.0.document.score": 0.8,
        "reranker.output_documents.1.document.id": "d0",
    }
    found = read(make_span(kind=SpanKind.RERANK, attributes=before | after))
    assert found["collected_count"] == 3
    assert [one["id"] for one in found["kept"]] == ["d2", "d0"]
    assert found["kept"][0]["scores"] == {"score": 0.8}
    assert [(one["id"], bool(one["reason"])) for one in found["filtered_out"]] == [("d1", True)]


def test_more_than_nine_documents_keep_their_order() -> None:
    """Numbers in names are numbers, not texts."""
    attributes = {f"retrieval.documents.{n}.document.id": f"d{n}" for n in range(12)}
    kept = read(make_span(kind=SpanKind.RETRIEVAL, attributes=attributes))["kept"]
    assert [one["id"] for one in kept] == [f"d{n}" for n in range(12)]


def test_hits_that_are_events() -> None:
    """A vector store's instrumentation sends each hit as an event."""
    hit = {"db.query.result.id": "d1", "db.query.result.document": TEXT, "db.query.result.distance": 0.2}
    event = SpanEvent(name="db.query.result", timestamp=NOON, attributes=hit)
    (kept,) = read(make_span(kind=SpanKind.RETRIEVAL, events=(event,)))["kept"]
    assert kept == {"id": "d1", "text": TEXT, "scores": {"distance": 0.2}}


def test_texts_and_scores_in_two_lists() -> None:
    """TruLens sends them side by side; lists of different lengths are not matched."""
    texts = {"ai.observability.reranking.output_context_texts": ["a", "b"]}
    scores = {"ai.observability.reranking.output_context_scores": [0.9, 0.1]}
    span = make_span(kind=SpanKind.RERANK, attributes=texts | scores)
    assert read(span)["kept"] == [
        {"text": "a", "scores": {"score": 0.9}},
        {"text": "b", "scores": {"score": 0.1}},
    ]
    uneven = make_span(kind=SpanKind.RERANK, attributes=texts | {next(iter(scores)): [0.9]})
    assert read(uneven)["kept"] == [{"text": "a"}, {"text": "b"}]


def test_a_number_of_hits_without_the_hits() -> None:
    """It is still known how many there were."""
    assert read(make_span(attributes={"db.vector.query.result_count": 4})) == {"collected_count": 4}


def test_outputs_of_other_spans_are_no_documents() -> None:
    """Only a retrieval or a reranking is asked for documents in its output; our own evidence stays as it was recorded."""
    listed = {"output.value": json.dumps([{"id": "d1", "text": TEXT}])}
    assert read(make_span(kind=SpanKind.CHAIN, attributes=listed)) == {}
    assert read(make_span(evidence={"collected_count": 7}, attributes=listed)) == {"collected_count": 7}
