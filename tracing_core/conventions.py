"""The map of attribute names: what a span says of itself, in every convention that is in use, as data.

Each concept has its names in order of precedence: the first that is there and can be read counts. After a name stands how
its value is read, where that differs from the other names of the concept. `docs/attributes.md` is made from this table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

MAP_VERSION = "2026-11-21"
"""Raised whenever a name or its meaning changes, so that what is shown can be traced to the map that read it."""


class Reading(StrEnum):
    """How the value of an attribute is read."""

    TEXT = "text"
    MODEL = "name, of a path the last part"
    WORD = "word"
    COUNT = "count"
    USD = "US dollars"
    SHARE = "number from 0 to 1"
    RATE = "number each second"
    SECONDS_EACH = "seconds for each"
    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    NANOSECONDS = "nanoseconds"
    MOMENT = "moment"
    LIST = "list of texts"
    USAGE = "counts by class, as JSON"
    USAGE_EXCLUSIVE = "counts by class, as JSON, cached tokens beside the input"
    COSTS = "US dollars by class, as JSON"
    MESSAGES = "text or messages"
    DOCUMENTS = "documents"
    AS_IT_IS = "as it is"


Names = tuple[str | tuple[str, Reading], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Concept:
    """One thing that spans say, and the names under which they say it.

    Args:
        meaning: for people, in one line.
        names: in order of precedence.
        reading: of those names that have none of their own.
    """

    meaning: str
    names: Names
    reading: Reading = Reading.TEXT

    def readings(self) -> Iterator[tuple[str, Reading]]:
        """Each name and how it is read, in order of precedence."""
        for entry in self.names:
            yield (entry, self.reading) if isinstance(entry, str) else entry


# fmt: off
FACTS: Mapping[str, Concept] = {
    "model": Concept(meaning="The model that answered, else the one that was asked for", reading=Reading.MODEL, names=(
        "gen_ai.response.model", "gen_ai.request.model", "model", "llm.response.model_name", "llm.model_name",
        "llm.request.model_name", "embedding.model_name", "reranker.model_name", "decision.response.model_name",
        "decision.model_name", "decision.request.model_name", "langfuse.observation.model.name", "ai.response.model",
        "ai.model.id", "llm.response.model", "llm.request.model", "mlflow.llm.model", "ai.observability.cost.model",
        "model_name",
    )),
    "provider": Concept(meaning="Who runs the model", reading=Reading.WORD, names=(
        "gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "decision.provider", "decision.system",
        "ai.model.provider", "mlflow.llm.provider", "provider",
    )),
    "input_tokens": Concept(meaning="Tokens that went in, cached ones included", reading=Reading.COUNT, names=(
        "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "prompt_tokens", "input_tokens",
        "llm.token_count.prompt", "decision.token_count.input", "pydantic_ai.decision.usage.input_tokens",
        "ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens", "llm.usage.prompt_tokens",
        "ai.observability.cost.num_prompt_tokens", "gen_ai.aggregated_usage.input_tokens",
    )),
    "output_tokens": Concept(meaning="Tokens that came out, those of reasoning included", reading=Reading.COUNT, names=(
        "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "completion_tokens", "output_tokens",
        "llm.token_count.completion", "decision.token_count.output", "pydantic_ai.decision.usage.output_tokens",
        "ai.usage.outputTokens", "ai.usage.completionTokens", "llm.usage.completion_tokens",
        "ai.observability.cost.num_completion_tokens", "gen_ai.aggregated_usage.output_tokens",
    )),
    "total_tokens": Concept(meaning="Both together", reading=Reading.COUNT, names=(
        "gen_ai.usage.total_tokens", "total_tokens", "llm.token_count.total", "llm.usage.total_tokens",
        "ai.usage.totalTokens", "ai.observability.cost.num_tokens",
        "gen_ai.aggregated_usage.total_tokens",
    )),
    "cached_tokens": Concept(meaning="Of the input, those read from a cache", reading=Reading.COUNT, names=(
        "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens", "cached_tokens",
        "llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_input",
        "ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens",
        "gen_ai.usage.details.cache_read_tokens", "gen_ai.usage.details.cached_tokens",
        "gen_ai.usage.details.cache_read_input_tokens", "gen_ai.usage.cached_input_tokens", "gen_ai.usage.cached_tokens",
        "gen_ai.aggregated_usage.cache_read.input_tokens", "gen_ai.aggregated_usage.details.cache_read_tokens",
    )),
    "cache_write_tokens": Concept(meaning="Of the input, those written to a cache", reading=Reading.COUNT, names=(
        "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens", "cache_write_tokens",
        "llm.token_count.prompt_details.cache_write", "ai.usage.inputTokenDetails.cacheWriteTokens",
        "gen_ai.usage.details.cache_write_tokens", "gen_ai.usage.details.cache_creation_input_tokens",
        "gen_ai.aggregated_usage.cache_write.input_tokens", "gen_ai.aggregated_usage.cache_creation.input_tokens",
        "gen_ai.aggregated_usage.details.cache_write_tokens",
    )),
    "reasoning_tokens": Concept(meaning="Of the output, those of reasoning", reading=Reading.COUNT, names=(
        "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens", "reasoning_tokens",
        "llm.token_count.completion_details.reasoning", "llm.usage.reasoning_tokens",
        "ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens",
        "gen_ai.usage.details.reasoning_tokens", "gen_ai.aggregated_usage.reasoning.output_tokens",
        "gen_ai.aggregated_usage.details.reasoning_tokens",
    )),
    "input_audio_tokens": Concept(meaning="Of the input, those of sound", reading=Reading.COUNT, names=(
        "llm.token_count.prompt_details.audio", "gen_ai.usage.details.input_audio_tokens", "input_audio_tokens",
    )),
    "output_audio_tokens": Concept(meaning="Of the output, those of sound", reading=Reading.COUNT, names=(
        "llm.token_count.completion_details.audio", "gen_ai.usage.details.output_audio_tokens", "output_audio_tokens",
    )),
    "usage": Concept(meaning="All classes of tokens in one value", reading=Reading.USAGE, names=(
        ("langfuse.observation.usage_details", Reading.USAGE_EXCLUSIVE), "mlflow.chat.tokenUsage",
        "langfuse.observation.usage", "opik.usage", "gen_ai.usage.raw",
    )),
    "cost": Concept(meaning="What the sender says it cost", reading=Reading.USD, names=(
        "gen_ai.usage.cost", "llm.cost.total", "operation.cost", "gen_ai.usage.cost_usd", "gen_ai.usage.cost.total",
        "gen_ai.usage.total_cost", "gen_ai.cost.usd",
        ("langfuse.observation.cost_details", Reading.COSTS), ("mlflow.llm.cost", Reading.COSTS),
        "ai.observability.cost.cost", "gen_ai.cost.total_cost",
    )),
    "cost_input": Concept(meaning="The part of it for the input", reading=Reading.USD, names=("llm.cost.prompt", "gen_ai.usage.input_cost")),
    "cost_output": Concept(meaning="The part of it for the output", reading=Reading.USD, names=(
        "llm.cost.completion", "gen_ai.usage.output_cost",
    )),
    "currency": Concept(meaning="The currency of that; a cost in another than USD is not counted", reading=Reading.WORD, names=(
        "ai.observability.cost.cost_currency", "gen_ai.usage.cost_currency", "llm.cost.currency",
    )),
    "first_token_ms": Concept(meaning="Time to the first token or chunk", reading=Reading.SECONDS, names=(
        ("time_to_first_token_ms", Reading.MILLISECONDS),
        "gen_ai.response.time_to_first_chunk", "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.server.time_to_first_token", "gen_ai.response.time_to_first_token",
        ("ai.response.msToFirstChunk", Reading.MILLISECONDS), ("ai.stream.msToFirstChunk", Reading.MILLISECONDS),
        ("langfuse.observation.completion_start_time", Reading.MOMENT),
        ("ai.observability.generation.time_to_first_token_ms", Reading.MILLISECONDS),
        "llm.chat_completions.streaming_time_to_first_token",
        ("time_to_first_token_ns", Reading.NANOSECONDS), "time_to_first_token",
    )),
    "tokens_per_second": Concept(meaning="Tokens each second while it was answering; else reckoned: output / (duration − time to first token)", reading=Reading.RATE, names=(
        "tokens_per_second", "ai.response.avgOutputTokensPerSecond", "ai.response.avgCompletionTokensPerSecond",
        "ai.observability.generation.tokens_per_second",
        ("gen_ai.server.time_per_output_token", Reading.SECONDS_EACH),
    )),
    "session_id": Concept(meaning="The conversation", names=(
        "session.id", "langfuse.session.id", "gen_ai.conversation.id", "session_id",
        "traceloop.association.properties.session_id", "traceloop.association.properties.conversation_id",
        "traceloop.association.properties.thread_id", "traceloop.association.properties.chat_id",
        "ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.thread_id", "langsmith.trace.session_id", "mlflow.trace.session",
        "ai.observability.conversation_id", "langfuse.trace.metadata.langfuse_session_id", "thread_id",
        "langfuse.observation.metadata.session_id", "traceloop.correlation.id",
    )),
    "user_id": Concept(meaning="Who asked", names=(
        "user.id", "langfuse.user.id", "enduser.id", "user_id", "traceloop.association.properties.user_id",
        "ai.telemetry.metadata.userId", "gen_ai.user", "llm.user", "mlflow.trace.user",
        "langfuse.trace.metadata.langfuse_user_id", "langfuse.observation.metadata.user_id",
    )),
    "trace_name": Concept(meaning="The name of the whole run", names=(
        "langfuse.trace.name", "traceloop.workflow.name", "gen_ai.workflow.name", "mlflow.traceName",
        "ai.telemetry.functionId",
    )),
    "environment": Concept(meaning="Where it ran; on the resource, too", names=(
        "langfuse.environment", "deployment.environment.name", "deployment.environment",
    )),
    "release": Concept(meaning="Which version ran; on the resource, too", names=(
        "langfuse.release", "service.version", "langfuse.version",
    )),
    "library": Concept(meaning="The library that was asked about", names=("tracewhy.library",)),
    "tags": Concept(meaning="Words to find the trace by", reading=Reading.LIST, names=(
        "langfuse.trace.tags", "langfuse.tags", "tag.tags", "opik.tags", "ai.telemetry.metadata.tags", "tags",
    )),
    "confidence": Concept(meaning="How sure the system was of its answer", reading=Reading.SHARE, names=(
        "tracewhy.confidence", "answer.confidence", "langfuse.trace.metadata.confidence",
    )),
    "tool_name": Concept(meaning="The tool that was called", names=(
        "gen_ai.tool.name", "tool.name", "ai.toolCall.name", "gcp.vertex.agent.tool_name", "lk.function_tool.name",
    )),
    "agent_name": Concept(meaning="The agent at work", names=(
        "gen_ai.agent.name", "agent.name", "agent_name", "graph.node.name", "lk.agent_name",
    )),
    "operation": Concept(meaning="What is done, in the sender's word", names=(
        "gen_ai.operation.name", "llm.request.type", "ai.operationId", "operation.name",
    )),
    "trace_query": Concept(meaning="What was asked of the whole run", reading=Reading.MESSAGES, names=(
        "langfuse.trace.input", "mlflow.traceInputs", "ai.observability.record_root.input",
    )),
    "trace_answer": Concept(meaning="What the whole run answered", reading=Reading.MESSAGES, names=(
        "langfuse.trace.output", "mlflow.traceOutputs", "ai.observability.record_root.output",
    )),
    "query": Concept(meaning="What went in", reading=Reading.MESSAGES, names=(
        "gen_ai.retrieval.query.text", "reranker.query", "gen_ai.retrieval.query", "gen_ai.input.messages",
        "gen_ai.tool.call.arguments", "llm.input_messages", "llm.prompts", "langfuse.observation.input",
        "ai.prompt.messages", "ai.prompt", "gen_ai.prompt", "input.value", "traceloop.entity.input",
        "pydantic_ai.all_messages", "all_messages_events", "mlflow.spanInputs", "tool_arguments", "ai.toolCall.args",
        "ai.value", "ai.values", "gcp.vertex.agent.llm_request", "gcp.vertex.agent.tool_call_args", "lk.input_text",
        "lk.chat_ctx", "lk.function_tool.arguments", "ai.observability.retrieval.query_text",
        "ai.observability.reranking.query_text", "ai.observability.generation.input_messages", "tool.parameters",
        "gen_ai.task.input", "gen_ai.tool.args", "mcp.request.argument", "db.marqo.search.query", "pydantic_ai.decision.state", "input",
        "request_data",
    )),
    "answer": Concept(meaning="What came out", reading=Reading.MESSAGES, names=(
        "gen_ai.output.messages", "final_result", "gen_ai.tool.call.result", "llm.output_messages", "llm.choices",
        "langfuse.observation.output", "ai.response.text", "ai.result.text", "ai.response.object", "ai.result.object",
        "gen_ai.completion", "output.value", "traceloop.entity.output", "pydantic_ai.all_messages",
        "all_messages_events", "mlflow.spanOutputs", "tool_response", "ai.toolCall.result",
        "gcp.vertex.agent.llm_response", "gcp.vertex.agent.tool_response", "lk.response.text", "lk.function_tool.output",
        "ai.observability.generation.output_message", "gen_ai.task.output", "gen_ai.output", "mcp.response.value",
        "pydantic_ai.decision.answers", "output", "response_data",
    )),
}
"""What lists, filters and charts need of a span."""

SHOWN: Mapping[str, Concept] = {
    "system": Concept(meaning="Instructions for the model", reading=Reading.MESSAGES, names=("gen_ai.system_instructions",)),
    "template": Concept(meaning="The template that the prompt was made from", reading=Reading.AS_IT_IS, names=(
        "llm.prompt_template.template", "traceloop.prompt.template", "llm.prompt_template.variables",
        "traceloop.prompt.template_variables", "gen_ai.prompt.name", "gen_ai.prompt.version",
        "langfuse.observation.prompt.name", "langfuse.observation.prompt.version",
    )),
    "tool_calls": Concept(meaning="Tools that the model wants called", reading=Reading.AS_IT_IS, names=(
        "ai.response.toolCalls", "ai.result.toolCalls",
    )),
    "documents": Concept(meaning="What was found, or came out of a reranker", reading=Reading.DOCUMENTS, names=(
        "reranker.output_documents", "retrieval.documents", "gen_ai.retrieval.documents",
        "ai.observability.reranking.output_context_texts", "ai.observability.retrieval.retrieved_contexts",
        "ai.ranking", "output.documents",
    )),
    "documents_before": Concept(meaning="What a reranker was given", reading=Reading.DOCUMENTS, names=(
        "reranker.input_documents", "ai.observability.reranking.input_context_texts", "ai.documents", "input.documents",
    )),
    "document_scores": Concept(meaning="Scores beside a list of texts, in its order", reading=Reading.AS_IT_IS, names=(
        "ai.observability.reranking.output_context_scores", "ai.observability.reranking.input_context_scores",
        "ai.observability.retrieval.retrieved_scores", "db.pinecone.query.scores",
    )),
}
"""What the view of one span makes readable besides."""
# fmt: on

CONCEPTS: Mapping[str, Concept] = {**FACTS, **SHOWN}

FIRST_TOKEN_EVENTS = frozenset(
    {
        "First Token Stream Event",
        "gen_ai.content.completion.chunk",
        "llm.content.completion.chunk",
        "ai.stream.firstChunk",
    }
)
"""The first event of such a name marks the first token, where no attribute says when it came."""

INDEXED_MESSAGES: Mapping[str, str] = {
    "llm.input_messages": "query",
    "gen_ai.prompt": "query",
    "llm.prompts": "query",
    "llm.output_messages": "answer",
    "gen_ai.completion": "answer",
    "llm.choices": "answer",
}
"""Messages spread over names such as `gen_ai.prompt.0.content`."""

INDEXED_DOCUMENTS = ("reranker.output_documents", "retrieval.documents", "reranker.input_documents")
