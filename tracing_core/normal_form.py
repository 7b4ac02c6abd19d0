"""What a span says in whatever convention, in our terms: read when it is written, for the columns, and when it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypedDict

from tracing_core.conventions import FIRST_TOKEN_EVENTS
from tracing_core.kinds import kind_of
from tracing_core.messages import answer_of, query_of, telling_text
from tracing_core.model import SpanData, TokenUsage
from tracing_core.readings import text
from tracing_core.said import said_by
from tracing_core.usage import cost_given_in, usage_in

__all__ = ["SpanFacts", "facts_of", "kind_of"]


class SpanFacts(NamedTuple):
    """What lists, filters and charts need of a span; None where it does not say.

    A tuple, since one is made for every span that arrives, and a frozen dataclass takes five times as long.

    `query` and `answer` are text for people: of a model call the last question and what the model said, of other spans their
    input and output. `trace_query` and `trace_answer` are said of the whole trace. `cost_given_usd` is the sender's own figure.
    """

    model: str | None
    provider: str | None
    usage: TokenUsage
    cost_given_usd: Decimal | None
    first_token_ms: float | None
    tokens_per_second: float | None
    session_id: str | None
    user_id: str | None
    trace_name: str | None
    environment: str | None
    release: str | None
    library: str | None
    tags: tuple[str, ...]
    query: str | None
    answer: str | None
    trace_query: str | None
    trace_answer: str | None
    confidence: float | None
    tool_name: str | None
    agent_name: str | None
    operation: str | None


def facts_of(span: SpanData, *, texts: bool = True) -> SpanFacts:
    """What `span` says of itself, by its attributes, its events and the resource that it came from.

    Args:
        span: from any convention, or our own.
        texts: whether query and answer are wanted; they are what costs time, since JSON must be read for them.
    """
    said = said_by(span.attributes)
    said |= _texts(span, said) if texts else _NO_TEXTS
    if resource := span.otel.get("resource"):
        said = {**_said_by_resource(resource), **said}
    said["usage"] = usage_in(said)
    if "provider" in said:
        said["provider"] = _provider(said["provider"])
    if "cost" in said or "cost_input" in said or "cost_output" in said:
        said["cost_given_usd"] = cost_given_in(said)
    if span.events or "first_token_ms" in said:
        said["first_token_ms"] = _first_token(span, said.get("first_token_ms"))
    if "tags" not in said:
        said["tags"] = ()
    return tuple.__new__(SpanFacts, map(said.get, _FIELDS))  # what `_make` does, without looking whether all are there


_FIELDS = SpanFacts._fields


class SpanTexts(TypedDict):
    """The four texts among the facts."""

    query: str | None
    answer: str | None
    trace_query: str | None
    trace_answer: str | None


_NO_TEXTS = SpanTexts(query=None, answer=None, trace_query=None, trace_answer=None)


def texts_of(span: SpanData) -> SpanTexts:
    """The texts among what `facts_of` finds, without the rest."""
    return _texts(span, said_by(span.attributes))


def _texts(span: SpanData, said: Mapping[str, Any]) -> SpanTexts:
    return {
        "query": query_of(span, said.get("query")),
        "answer": answer_of(span, said.get("answer")),
        "trace_query": telling_text(said["trace_query"][1], "query") if "trace_query" in said else None,
        "trace_answer": telling_text(said["trace_answer"][1], "answer") if "trace_answer" in said else None,
    }


_OF_RESOURCES = (
    ("environment", "deployment.environment.name"), ("environment", "deployment.environment"),
    ("environment", "langfuse.environment"), ("release", "langfuse.release"), ("release", "service.version"),
    ("session_id", "session.id"), ("user_id", "user.id"), ("user_id", "enduser.id"),
)  # fmt: skip
_last_resource: tuple[Any, dict[str, str]] = ({}, {})
"""The spans of a batch share one resource, so it is only read once."""


def _said_by_resource(resource: Any) -> dict[str, str]:
    global _last_resource  # a pair that is replaced whole, so that threads do not disturb each other
    of, said = _last_resource
    if of is not resource:
        said = {}
        for concept, name in _OF_RESOURCES if isinstance(resource, Mapping) else ():
            if concept not in said and (value := text(resource.get(name))) is not None:
                said[concept] = value
        _last_resource = (resource, said)
    return said


_SAME_PROVIDER: Mapping[str, str] = {
    "xai": "x_ai",
    "az.ai.openai": "azure.ai.openai",
    "az.ai.inference": "azure.ai.inference",
    "vertex_ai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "gemini": "gcp.gemini",
    "mistralai": "mistral_ai",
    "mistral": "mistral_ai",
    "aws": "aws.bedrock",
    "bedrock": "aws.bedrock",
    "google": "gcp.gen_ai",
    "google.generative-ai": "gcp.gen_ai",
}
"""Other words for the providers that the OpenTelemetry conventions name."""
_WITH_ITS_API = frozenset({"openai", "anthropic", "mistral", "cohere", "groq", "xai", "deepseek", "perplexity"})


def _provider(said: str | None) -> str | None:
    """One word for each provider; the Vercel SDK says `openai.chat`."""
    if said is None or said in _WITH_ITS_API:
        return said if said is None else _SAME_PROVIDER.get(said, said)
    vendor = said.partition(".")[0]
    word = vendor if vendor in _WITH_ITS_API else said
    return _SAME_PROVIDER.get(word, word)


# --- the first token ---

_SMALLER_UNITS = (1e3, 1e6, 1e9)
_PLAINLY_TOO_LONG = 10


def _first_token(span: SpanData, given: float | datetime | None) -> float | None:
    """Milliseconds from the start of the span, within it."""
    if given is None:
        moments = [event.timestamp for event in span.events if event.name in FIRST_TOKEN_EVENTS]
        if not moments:
            return None
        given = min(moments)
    found = (given - span.started_at) / timedelta(milliseconds=1) if isinstance(given, datetime) else given
    if span.duration_ns is None:
        return max(found, 0.0)
    whole = span.duration_ns / 1e6
    if not isinstance(given, datetime) and found > _PLAINLY_TOO_LONG * whole:
        found = next((found / unit for unit in _SMALLER_UNITS if found / unit <= whole), found)
    return min(max(found, 0.0), whole)
