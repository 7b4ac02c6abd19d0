"""What a span does, in the words of every convention: data, and the order in which it is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tracing_core.model import SpanKind

_LLM, _EMBEDDING, _RETRIEVAL = SpanKind.LLM, SpanKind.EMBEDDING, SpanKind.RETRIEVAL
_RERANK, _TOOL, _AGENT, _CHAIN = SpanKind.RERANK, SpanKind.TOOL, SpanKind.AGENT, SpanKind.CHAIN

_WORDS: Mapping[str, SpanKind] = {
    **{kind.value.lower(): kind for kind in SpanKind},
    "retriever": _RETRIEVAL,
    "retrieve": _RETRIEVAL,
    "reranker": _RERANK,
    "reranking": _RERANK,
    "chat_model": _LLM,
    "completion": _LLM,
    "chat": _LLM,
    "workflow": _CHAIN,
    "task": _CHAIN,
    "decision": SpanKind.CLASSIFICATION,
    "evaluation": SpanKind.EVALUATOR,
    "eval": SpanKind.EVALUATOR,
    "eval_root": SpanKind.EVALUATOR,
}

# fmt: off
KINDS: Mapping[str, Mapping[str, SpanKind]] = {
    "tracewhy.span.kind": _WORDS,
    "openinference.span.kind": _WORDS,
    "gen_ai.operation.name": {
        "chat": _LLM, "text_completion": _LLM, "generate_content": _LLM, "completion": _LLM, "llm_request": _LLM,
        "responses": _LLM, "call_llm": _LLM, "embeddings": _EMBEDDING, "embedding": _EMBEDDING, "retrieval": _RETRIEVAL,
        "vectordb": _RETRIEVAL, "vector_db_retrieve": _RETRIEVAL, "search_memory": _RETRIEVAL, "rerank": _RERANK,
        "execute_tool": _TOOL, "tool": _TOOL, "invoke_agent": _AGENT, "create_agent": _AGENT, "agent": _AGENT,
        "invoke_workflow": _CHAIN, "execute_task": _CHAIN, "framework": _CHAIN, "decide": SpanKind.CLASSIFICATION,
        "decision": SpanKind.CLASSIFICATION,
        "guardrail": SpanKind.GUARDRAIL, "evaluation": SpanKind.EVALUATOR,
    },
    "langfuse.observation.type": {
        **{word: _WORDS[word] for word in ("agent", "tool", "chain", "retriever", "evaluator", "guardrail", "embedding")},
        "generation": _LLM,
    },
    "llm.request.type": {"chat": _LLM, "completion": _LLM, "embedding": _EMBEDDING, "rerank": _RERANK},
    "traceloop.span.kind": {"workflow": _CHAIN, "task": _CHAIN, "agent": _AGENT, "tool": _TOOL},
    "ai.operationId": {
        "ai.generatetext": _CHAIN, "ai.streamtext": _CHAIN, "ai.generateobject": _CHAIN, "ai.streamobject": _CHAIN,
        "ai.embed": _CHAIN, "ai.embedmany": _CHAIN, "ai.rerank": _CHAIN, "ai.toolcall": _TOOL,
        "ai.generatetext.dogenerate": _LLM, "ai.streamtext.dostream": _LLM, "ai.generateobject.dogenerate": _LLM,
        "ai.streamobject.dostream": _LLM, "ai.embed.doembed": _EMBEDDING, "ai.embedmany.doembed": _EMBEDDING,
        "ai.rerank.dorerank": _RERANK,
    },
    "mlflow.spanType": _WORDS,
    "ai.observability.span_type": {**_WORDS, "record_root": _CHAIN, "workflow_step": _CHAIN, "graph_node": _CHAIN},
    "opik.span.type": {"llm": _LLM, "tool": _TOOL, "guardrail": SpanKind.GUARDRAIL},
    "langsmith.span.kind": _WORDS,
    "lk.span.kind": _WORDS,
}
"""For each attribute that names a kind, in order of precedence: its words in lower case, and ours."""

_SIGNS: tuple[tuple[str, SpanKind], ...] = (
    ("gen_ai.tool.call.id", _TOOL), ("ai.toolCall.name", _TOOL), ("tool.name", _TOOL),
    ("embedding.model_name", _EMBEDDING), ("reranker.model_name", _RERANK), ("reranker.query", _RERANK),
    ("decision.model_name", SpanKind.CLASSIFICATION), ("retrieval.documents.0.document.content", _RETRIEVAL),
    ("gen_ai.retrieval.documents", _RETRIEVAL), ("db.vector.query.top_k", _RETRIEVAL),
    ("gen_ai.request.model", _LLM), ("llm.model_name", _LLM), ("langfuse.observation.model.name", _LLM),
    ("ai.model.id", _LLM), ("gcp.vertex.agent.llm_request", _LLM),
)
# fmt: on
"""Attributes that only one kind of span has, for spans that do not name theirs."""


_NAMES = frozenset((*KINDS, *(name for name, _ in _SIGNS)))


def kind_of(attributes: Mapping[str, Any]) -> SpanKind:
    """What a span with these attributes does; UNKNOWN when it does not say."""
    if _NAMES.isdisjoint(attributes):
        return SpanKind.UNKNOWN
    for name, words in KINDS.items():
        if name in attributes:
            kind = words.get(_word(attributes[name]))
            if kind is not None and kind is not SpanKind.UNKNOWN:
                return kind
    return next((kind for name, kind in _SIGNS if name in attributes), SpanKind.UNKNOWN)


def _word(value: Any) -> str:
    return value.strip().strip('"').lower() if isinstance(value, str) else ""


def kind_names() -> Iterable[str]:
    """The attributes that `kind_of` looks at."""
    return sorted(_NAMES)
