"""The six spans of a request, with the attributes that instrumentation puts on them: OpenInference's names and gen_ai's.

Real applications carry both, since the instrumentation of a framework and that of a model client each speak their own. So a
document or an answer stands in a trace several times over; what a store makes of that is part of what is measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.otlp_workload import Document, Exchange

Attributes = Mapping[str, Any]
_SYSTEM = (
    "You answer questions about Python libraries from the documents given, and say so when they do not hold the answer."
)
_JSON, _TEXT = "application/json", "text/plain"
SCOPE = ("openinference.instrumentation.rag", "0.1.44")
RESOURCE = {
    "service.name": "documentation-assistant",
    "service.version": "4.2.0",
    "deployment.environment.name": "production",
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "1.45.0",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened inside a span; `time_ns` since 1970."""

    name: str
    time_ns: int
    attributes: Attributes


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainSpan:
    """A span before it is put into any form; times in nanoseconds since 1970. `kind` is OpenTelemetry's number."""

    span_id: str
    parent_id: str | None
    name: str
    kind: int
    start_ns: int
    end_ns: int
    attributes: Attributes
    error: str | None = None
    events: tuple[Event, ...] = field(default=())


def spans_of(exchange: Exchange) -> tuple[PlainSpan, ...]:
    """The root and its five children, which follow each other."""
    root, *children = exchange.span_ids
    whole, *parts = exchange.durations_ns
    spans = [_root(exchange, root, exchange.start_ns + whole)]
    at = exchange.start_ns + 500_000
    for (name, kind, attributes), span_id, duration in zip(_CHILDREN, children, parts, strict=True):
        failed = exchange.failed and name == "llm_generation"
        spans.append(
            PlainSpan(
                span_id=span_id,
                parent_id=root,
                name=name,
                kind=kind,
                start_ns=at,
                end_ns=at + duration,
                attributes=attributes(exchange),
                error=_ERROR if failed else None,
                events=_events(exchange, name, at, at + duration),
            )
        )
        at += duration
    return tuple(spans)


def attribute_bytes(exchange: Exchange) -> int:
    """How much text the attributes of a trace hold, names included, as UTF-8."""
    spans = spans_of(exchange)
    held = [span.attributes for span in spans] + [event.attributes for span in spans for event in span.events]
    pairs = [pair for attributes in held for pair in attributes.items()]
    return sum(len(name.encode()) + len(str(value).encode()) for name, value in pairs)


_INTERNAL, _CLIENT = 1, 3
_ERROR = "RateLimitError: the model server answered 429 after three tries"


def _root(exchange: Exchange, span_id: str, end_ns: int) -> PlainSpan:
    return PlainSpan(
        span_id=span_id,
        parent_id=None,
        name="request",
        kind=_INTERNAL,
        start_ns=exchange.start_ns,
        end_ns=end_ns,
        error=_ERROR if exchange.failed else None,
        attributes={
            "openinference.span.kind": "CHAIN",
            "input.value": exchange.question,
            "input.mime_type": _TEXT,
            "output.value": exchange.answer,
            "output.mime_type": _TEXT,
            "session.id": exchange.session_id,
            "user.id": exchange.user_id,
            "gen_ai.conversation.id": exchange.session_id,
            "tag.tags": [exchange.library, "documentation"],
            "metadata": _dump({"library": exchange.library, "release": "4.2.0", "region": "eu-west-1"}),
            "tracewhy.library": exchange.library,
            "tracewhy.intent": exchange.intent,
            "tracewhy.confidence": exchange.confidence,
        },
    )


def _classification(exchange: Exchange) -> Attributes:
    return {
        "openinference.span.kind": "CHAIN",
        "input.value": exchange.question,
        "input.mime_type": _TEXT,
        "output.value": _dump({"intent": exchange.intent, "confidence": exchange.confidence}),
        "output.mime_type": _JSON,
        "session.id": exchange.session_id,
    }


def _embedding(exchange: Exchange) -> Attributes:
    return {
        "openinference.span.kind": "EMBEDDING",
        "embedding.model_name": "text-embedding-3-small",
        "embedding.embeddings.0.embedding.text": exchange.question,
        "input.value": exchange.question,
        "input.mime_type": _TEXT,
        "llm.token_count.prompt": len(exchange.question) // 4,
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "text-embedding-3-small",
        "gen_ai.response.model": "text-embedding-3-small",
        "gen_ai.usage.input_tokens": len(exchange.question) // 4,
        "gen_ai.embeddings.dimension.count": 1536,
        "session.id": exchange.session_id,
    }


def _retrieval(exchange: Exchange) -> Attributes:
    found = [{"id": each.document_id, "score": each.score} for each in exchange.documents]
    return {
        "openinference.span.kind": "RETRIEVER",
        "input.value": exchange.question,
        "input.mime_type": _TEXT,
        **_documents("retrieval.documents", exchange.documents, lambda each: each.score),
        "gen_ai.operation.name": "retrieval",
        "gen_ai.data_source.id": "documentation",
        "gen_ai.retrieval.query.text": exchange.question,
        "gen_ai.retrieval.documents": _dump(found),
        "output.value": _dump([each.text for each in exchange.documents]),
        "output.mime_type": _JSON,
        "session.id": exchange.session_id,
    }


def _rerank(exchange: Exchange) -> Attributes:
    best = sorted(exchange.documents, key=lambda each: -each.rerank_score)
    return {
        "openinference.span.kind": "RERANKER",
        "reranker.model_name": "bge-reranker-v2-m3",
        "reranker.query": exchange.question,
        "reranker.top_k": len(best),
        **_documents("reranker.input_documents", exchange.documents, lambda each: each.score),
        **_documents("reranker.output_documents", best, lambda each: each.rerank_score),
        "session.id": exchange.session_id,
    }


def _generation(exchange: Exchange) -> Attributes:
    asked = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": exchange.prompt}]
    said = {"role": "assistant", "content": exchange.answer}
    parameters = {"temperature": 0.2, "max_tokens": 800, "stream": True}
    return {
        "openinference.span.kind": "LLM",
        "llm.model_name": exchange.model,
        "llm.provider": exchange.provider,
        "llm.system": exchange.provider,
        "llm.invocation_parameters": _dump(parameters),
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": _SYSTEM,
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": exchange.prompt,
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": exchange.answer,
        "input.value": _dump({"messages": asked, "model": exchange.model, **parameters}),
        "input.mime_type": _JSON,
        "output.value": _dump({"choices": [{"index": 0, "finish_reason": "stop", "message": said}]}),
        "output.mime_type": _JSON,
        "llm.token_count.prompt": exchange.prompt_tokens,
        "llm.token_count.completion": exchange.completion_tokens,
        "llm.token_count.total": exchange.prompt_tokens + exchange.completion_tokens,
        "llm.token_count.prompt_details.cache_read": exchange.cached_tokens,
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": exchange.provider,
        "gen_ai.request.model": exchange.model,
        "gen_ai.response.model": exchange.model,
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.max_tokens": 800,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.id": f"chatcmpl-{exchange.span_ids[-1]}",
        "gen_ai.usage.input_tokens": exchange.prompt_tokens,
        "gen_ai.usage.output_tokens": exchange.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": exchange.cached_tokens,
        "gen_ai.input.messages": _dump([_parts(message) for message in asked]),
        "gen_ai.output.messages": _dump([_parts(said) | {"finish_reason": "stop"}]),
        "gen_ai.conversation.id": exchange.session_id,
        "session.id": exchange.session_id,
        "user.id": exchange.user_id,
    }


_CHILDREN: tuple[tuple[str, int, Callable[[Exchange], Attributes]], ...] = (
    ("classification", _INTERNAL, _classification),
    ("embedding", _CLIENT, _embedding),
    ("retrieval", _CLIENT, _retrieval),
    ("rerank", _INTERNAL, _rerank),
    ("llm_generation", _CLIENT, _generation),
)


def _events(exchange: Exchange, name: str, start_ns: int, end_ns: int) -> tuple[Event, ...]:
    if name == "classification":
        decided = {
            "decision.type": "classified_intent",
            "decision.what": exchange.intent,
            "decision.why": "the question begins as such questions do",
            "decision.confidence": exchange.confidence,
            "decision.alternatives": ["explain (0.21)", "compare (0.08)"],
        }
        return (Event(name="decision", time_ns=end_ns, attributes=decided),)
    if name == "llm_generation" and exchange.failed:
        kind, _, message = _ERROR.partition(": ")
        failure = {"exception.type": kind, "exception.message": message}
        return (Event(name="exception", time_ns=end_ns, attributes=failure),)
    if name == "llm_generation":
        return (Event(name="First Token Stream Event", time_ns=start_ns + (end_ns - start_ns) // 5, attributes={}),)
    return ()


def _documents(prefix: str, documents: Sequence[Document], score: Callable[[Document], float]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for place, each in enumerate(documents):
        at = f"{prefix}.{place}.document"
        found |= {f"{at}.id": each.document_id, f"{at}.content": each.text, f"{at}.score": score(each)}
    return found


def _parts(message: Mapping[str, str]) -> dict[str, Any]:
    return {"role": message["role"], "parts": [{"type": "text", "content": message["content"]}]}


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
