"""Which conventions a span speaks, and which of its attributes nobody here understands: for the diagnostics page."""

from __future__ import annotations

from collections.abc import Mapping

from tracing_core.conventions import CONCEPTS, INDEXED_DOCUMENTS, INDEXED_MESSAGES
from tracing_core.kinds import kind_names
from tracing_core.model import SpanData
from tracing_core.said import names_of

OWN = "tracewhy"

# fmt: off
PREFIXES: Mapping[str, str] = {
    "tracewhy.": OWN, "decision.": OWN,
    "gen_ai.prompt.": "openllmetry", "gen_ai.completion.": "openllmetry", "gen_ai.aggregated_usage.": "pydantic_ai",
    "gen_ai.": "gen_ai", "openai.": "gen_ai",
    "openinference.": "openinference", "llm.": "openinference", "input.": "openinference", "output.": "openinference",
    "retrieval.documents": "openinference", "reranker.": "openinference", "embedding.": "openinference",
    "tag.tags": "openinference", "graph.node.": "openinference", "decision.model_name": "openinference",
    **dict.fromkeys(
        ("decision.token_count.", "decision.request.", "decision.response.", "decision.provider", "decision.system"),
        "openinference",
    ),
    "traceloop.": "openllmetry", "llm.request.type": "openllmetry", "llm.usage.": "openllmetry",
    "db.vector.query.": "openllmetry",
    "langfuse.": "langfuse", "pydantic_ai.": "pydantic_ai", "logfire.": "logfire", "ai.observability.": "trulens",
    "ai.": "vercel", "mlflow.": "mlflow", "opik.": "opik", "gcp.vertex.agent.": "google_adk", "lk.": "livekit",
    "langsmith.": "langsmith",
}
"""How names begin, and whose they are; the longest beginning that fits counts."""

EXACT: Mapping[str, str] = {
    **dict.fromkeys((
        "model", "prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "cached_tokens",
        "time_to_first_token_ms", "tokens_per_second",
    ), OWN),
    "model_name": "pydantic_ai", "final_result": "pydantic_ai", "operation.cost": "pydantic_ai",
    "request_data": "logfire", "response_data": "logfire", "gen_ai.usage.raw": "logfire",
}

UNDERSTOOD = (
    *(f"{prefix}." for prefix in (*INDEXED_MESSAGES, *INDEXED_DOCUMENTS)),
    "tracewhy.", "decision.", "logfire.", "pydantic_ai.",
    "gen_ai.request.", "gen_ai.response.finish_reason", "gen_ai.response.id", "gen_ai.response.stop_reason",
    "gen_ai.usage.details.", "gen_ai.usage.audio.", "gen_ai.usage.image.", "gen_ai.usage.text.", "gen_ai.usage.video.",
    "gen_ai.usage.server_tool_use.", "gen_ai.aggregated_usage.", "gen_ai.openai.", "openai.", "gen_ai.agent.", "gen_ai.tool.",
    "gen_ai.prompt.variable.", "gen_ai.retrieval.", "gen_ai.embeddings.", "gen_ai.evaluation.", "gen_ai.memory.",
    "gen_ai.conversation.", "gen_ai.decision.", "gen_ai.data_source.id", "gen_ai.output.type", "gen_ai.token.type", "gen_ai.is_streaming",
    "gen_ai.input.messages.ref", "gen_ai.output.messages.ref", "gen_ai.system_instructions", "gen_ai.task.",
    "gen_ai.workflow.", "gen_ai.headers",
    "llm.invocation_parameters", "llm.tools.", "llm.cost.", "llm.token_count.", "llm.finish_reason", "llm.prompt_template.",
    "llm.is_streaming", "llm.headers", "llm.top_k", "llm.frequency_penalty", "llm.presence_penalty",
    "llm.chat.stop_sequences", "llm.request.", "llm.response.", "llm.function_call", "input.", "output.", "embedding.",
    "reranker.", "tool.", "agent.", "graph.node.", "metadata", "prompt.", "session.", "user.", "annotation.", "evaluation.",
    "annotations.", "evaluations.", "trace.annotations.", "trace.evaluations.", "session.annotations.",
    "session.evaluations.",
    "traceloop.association.properties", "traceloop.entity.", "traceloop.prompt.", "traceloop.workflow.",
    "langfuse.observation.", "langfuse.trace.", "langfuse.experiment.", "langfuse.internal.", "langfuse.prompt.",
    "ai.telemetry.", "ai.settings.", "ai.request.", "ai.response.", "ai.usage.", "ai.model.", "ai.prompt.", "ai.toolCall.",
    "ai.schema", "ai.embedding", "ai.stream.", "ai.finishReason", "ai.observability.", "resource.name",
    "mlflow.", "opik.", "gcp.vertex.agent.", "lk.", "langsmith.", "model_request_parameters",
    # what OpenTelemetry says of any program
    "http.", "url.", "server.", "client.", "network.", "net.", "db.", "rpc.", "messaging.", "thread.", "code.", "exception.",
    "error.", "otel.", "telemetry.", "service.", "process.", "host.", "os.", "k8s.", "container.", "cloud.", "faas.",
    "peer.", "enduser.", "user_agent.", "aws.", "az.", "deployment.", "device.", "graphql.", "file.", "tls.", "dns.",
    "pinecone.", "qdrant.", "mcp.", "jsonrpc.", "event.", "log.",
)
"""How names begin that are kept and shown as they came: parameters, metadata, and what describes any program."""
# fmt: on

_OF_LOGFIRE = ("async", "duration")
_KNOWN = names_of(CONCEPTS) | set(kind_names()) | {"kind_given", *_OF_LOGFIRE}
_BY_LENGTH = sorted(PREFIXES.items(), key=lambda item: -len(item[0]))


def conventions_of(span: SpanData) -> tuple[str, ...]:
    """The conventions whose names the span uses, sorted."""
    return tuple(sorted({found for name in span.attributes if (found := _convention(str(name))) is not None}))


def _convention(name: str) -> str | None:
    if name in EXACT:
        return EXACT[name]
    return next((whose for prefix, whose in _BY_LENGTH if name.startswith(prefix)), None)


def unmapped_keys(span: SpanData) -> tuple[str, ...]:
    """The attributes that no table here knows, sorted; numbers within a name become N."""
    return tuple(sorted({_without_numbers(name) for key in span.attributes if not _is_known(name := str(key))}))


def _is_known(name: str) -> bool:
    return name in _KNOWN or name.startswith(UNDERSTOOD)


def _without_numbers(name: str) -> str:
    return ".".join("N" if part.isdecimal() else part for part in name.split("."))
