"""The workload of the design: six spans a trace, a prompt of 500 characters, an answer of 1,000, five documents of 400."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tracing_core.context import TraceContext
from tracing_core.sink import Receipt

_WORDS = [
    "request",
    "response",
    "endpoint",
    "route",
    "parameter",
    "body",
    "model",
    "field",
    "value",
    "return",
    "type",
    "query",
    "path",
    "function",
    "class",
    "session",
    "async",
    "await",
    "event",
    "stream",
    "token",
    "index",
    "column",
    "table",
    "row",
    "filter",
    "group",
    "merge",
    "plot",
    "figure",
    "axis",
    "theme",
    "session",
    "cache",
]


def _text(source: random.Random, characters: int) -> str:
    """Words up to this length; no two texts are alike, as no two questions are."""
    words: list[str] = []
    length = 0
    while length < characters:
        words.append(source.choice(_WORDS))
        length += len(words[-1]) + 1
    return " ".join(words)[:characters]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What one request is about, made up before anything is timed."""

    question: str
    library: str
    prompt: str
    answer: str
    confidence: float
    documents: tuple[dict[str, object], ...]


def make_requests(count: int) -> list[Request]:
    """The same requests every time."""
    source = random.Random(7)  # noqa: S311 - the same workload every time
    return [_make_request(source) for _ in range(count)]


def _make_request(source: random.Random) -> Request:
    return Request(
        question=_text(source, 80),
        library=source.choice(("fastapi", "pandas", "plotly")),
        prompt=_text(source, 500),
        answer=_text(source, 1000),
        confidence=source.random(),
        documents=tuple(
            {"id": f"doc-{source.getrandbits(32):08x}", "text": _text(source, 400), "scores": {"rrf": source.random()}}
            for _ in range(5)
        ),
    )


def record_request(request: Request) -> Receipt:
    """Record one request through the recording path and hand it to the writer."""
    trace = TraceContext.start(query=request.question, library=request.library)
    with trace.span("classification", "CLASSIFICATION") as step:
        step.decide("classified_intent", what="how_to", why="asks how", confidence=0.8)
    for name, kind in (("retrieval_semantic", "RETRIEVAL"), ("retrieval_bm25", "RETRIEVAL")):
        with trace.span(name, kind, n_results=20):
            pass
    with trace.span("reranking", "RERANK", n_input=10, n_output=5) as step:
        step.record_evidence({"collected_count": 10, "kept": request.documents, "filtered_out": []})
    with trace.span("llm_generation", "GENERATION") as step:
        step.details = {"model": "gpt-4o-mini", "prompt_tokens": 1200, "completion_tokens": 350, "total_tokens": 1550}
        step.record_prompts({"user_message": request.prompt})
    trace.answer, trace.confidence = request.answer, request.confidence
    trace.mark_complete()
    return TraceContext.finish(trace)
