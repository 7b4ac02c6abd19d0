"""Which model a span called, with how many tokens and how fast: read from the attribute names in use.

The first name that is present counts. Cached tokens are part of the input tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

from tracing_core.jsontext import text_of
from tracing_core.model import SpanData, SpanKind, TokenUsage

MODEL = ("gen_ai.response.model", "gen_ai.request.model", "model", "llm.model_name")
INPUT_TOKENS = ("gen_ai.usage.input_tokens", "prompt_tokens", "input_tokens", "llm.token_count.prompt")
OUTPUT_TOKENS = ("gen_ai.usage.output_tokens", "completion_tokens", "output_tokens", "llm.token_count.completion")
CACHED_TOKENS = ("gen_ai.usage.cache_read.input_tokens", "cached_tokens", "llm.token_count.prompt_details.cache_read")
FIRST_TOKEN_MS = ("time_to_first_token_ms",)
TOKENS_PER_SECOND = ("tokens_per_second",)

LARGEST_COUNT = 2**31 - 1
"""What a column of counts can hold. A call that claims more tokens than this says nothing that could be true."""

MODEL_KINDS = frozenset({SpanKind.GENERATION, SpanKind.LLM, SpanKind.EMBEDDING, SpanKind.RERANK})
GENERATION_KINDS = frozenset({SpanKind.GENERATION, SpanKind.LLM})


def first(attributes: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The value of the first of `names` that is there; None when none is."""
    return next((attributes[name] for name in names if attributes.get(name) is not None), None)


def number(attributes: Mapping[str, Any], names: Iterable[str]) -> float | None:
    """The same as a number of at least zero; None for anything else."""
    value = first(attributes, names)
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not 0 <= value < 1e15:
        return None
    return int(value) if isinstance(value, Integral) else float(value)


def model_of(span: SpanData) -> str | None:
    """The model that a span called."""
    value = first(span.attributes, MODEL)
    return None if value is None else text_of(value) or None


def usage_of(span: SpanData) -> TokenUsage:
    """The tokens that a span's own model call took."""
    return TokenUsage(
        input_tokens=_count(span, INPUT_TOKENS),
        output_tokens=_count(span, OUTPUT_TOKENS),
        cached_tokens=_count(span, CACHED_TOKENS),
    )


def _count(span: SpanData, names: Iterable[str]) -> int | None:
    value = number(span.attributes, names)
    return None if value is None or value > LARGEST_COUNT else int(value)


def add(usages: Iterable[TokenUsage]) -> TokenUsage:
    """The sum; a class of tokens that nobody counted stays None."""
    usages = tuple(usages)

    def total(counts: Iterable[int | None]) -> int | None:
        known = [count for count in counts if count is not None]
        return min(sum(known), LARGEST_COUNT) if known else None

    return TokenUsage(
        input_tokens=total(usage.input_tokens for usage in usages),
        output_tokens=total(usage.output_tokens for usage in usages),
        cached_tokens=total(usage.cached_tokens for usage in usages),
    )
