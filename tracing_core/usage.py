"""Which model a span called, with how many tokens and for how much: what its attributes say, put together.

Cached tokens are part of the input and tokens of reasoning part of the output, whatever the sender's convention is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Any

from tracing_core.conventions import CONCEPTS, Reading
from tracing_core.making import maker
from tracing_core.model import SpanData, SpanKind, TokenUsage
from tracing_core.readings import LARGEST_COUNT, count, mapping, usd
from tracing_core.readings import number as _number
from tracing_core.said import said_by

__all__ = [
    "GENERATION_KINDS", "LARGEST_COUNT", "MODEL_KINDS", "add", "cost_given_in", "model_of", "number", "usage_in", "usage_of",
]  # fmt: skip

MODEL_KINDS = frozenset({SpanKind.GENERATION, SpanKind.LLM, SpanKind.EMBEDDING, SpanKind.RERANK})
GENERATION_KINDS = frozenset({SpanKind.GENERATION, SpanKind.LLM})

_CLASSES = (
    "input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens", "input_audio_tokens",
    "output_audio_tokens",
)  # fmt: skip
_OF_USAGE = frozenset({*_CLASSES, "total_tokens", "usage"})
_NO_USAGE = TokenUsage()
_make_usage, _counts = maker(TokenUsage), attrgetter(*_CLASSES)
Said = Mapping[str, Any]


def number(attributes: Mapping[str, Any], names: Iterable[str]) -> float | None:
    """The first of `names` that is there, as a number of at least zero; None for anything else."""
    return _number(next((attributes[name] for name in names if attributes.get(name) is not None), None))


def model_of(span: SpanData) -> str | None:
    """The model that a span called."""
    found: str | None = said_by(span.attributes).get("model")
    return found


def usage_of(span: SpanData) -> TokenUsage:
    """The tokens that a span's own model call took."""
    return usage_in(said_by(span.attributes))


def add(usages: Iterable[TokenUsage]) -> TokenUsage:
    """The sum; a class of tokens that nobody counted stays None."""
    usages = tuple(usages)
    if len(usages) < 2:
        return usages[0] if usages else _NO_USAGE
    totals = map(_total, zip(*map(_counts, usages), strict=True))
    return _make_usage(**dict(zip(_CLASSES, totals, strict=True)))


def _total(counts: tuple[int | None, ...]) -> int | None:
    if any(counts):
        return min(sum(filter(None, counts)), LARGEST_COUNT)
    return 0 if 0 in counts else None


# --- tokens ---


def usage_in(said: Said) -> TokenUsage:
    """The tokens in what a span says: `said` is what `said_by` makes of its attributes."""
    if _OF_USAGE.isdisjoint(said):
        return _NO_USAGE
    if "usage" in said:
        said = {**_by_class(said["usage"]), **said}
    given_in, out = said.get("input_tokens"), said.get("output_tokens")
    cached, written = said.get("cached_tokens"), said.get("cache_write_tokens")
    reasoning, total = said.get("reasoning_tokens"), said.get("total_tokens")
    heard, spoken = said.get("input_audio_tokens"), said.get("output_audio_tokens")
    if total is not None and (given_in is None) != (out is None):
        given_in, out = (
            _rest(total, out) if given_in is None else given_in,
            _rest(total, given_in) if out is None else out,
        )
    if given_in is None and out is None and cached is None and written is None and reasoning is None:
        return _NO_USAGE
    if cached or written:
        given_in = _with_cache(given_in, (cached or 0) + (written or 0), out, total)
    if reasoning and out is not None and reasoning > out:
        out = min(out + reasoning, LARGEST_COUNT)
    return _make_usage(
        input_tokens=given_in,
        output_tokens=out,
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=reasoning,
        input_audio_tokens=heard or None,  # most senders say 0 of every call
        output_audio_tokens=spoken or None,
    )


def _rest(total: int, known: int | None) -> int | None:
    return total - known if known is not None and total > known else None


def _with_cache(given_in: int | None, cache: int, out: int | None, total: int | None) -> int:
    """The input with the cached tokens in it, which some senders count beside it."""
    if given_in is None:
        return min(cache, LARGEST_COUNT)
    beside = cache > given_in
    if not beside and total is not None and out is not None:
        beside = given_in + out != total and given_in + cache + out == total
    return min(given_in + cache, LARGEST_COUNT) if beside else given_in


# --- all classes in one value ---

# fmt: off
_KEYS: Mapping[str, tuple[str, ...]] = {
    "input_tokens": ("input_tokens", "prompt_tokens", "inputTokens", "promptTokens", "prompt_token_count", "input"),
    "output_tokens": (
        "output_tokens", "completion_tokens", "outputTokens", "completionTokens", "candidates_token_count", "output",
    ),
    "total_tokens": ("total_tokens", "totalTokens", "total_token_count", "total"),
    "cached_tokens": (
        "cache_read_input_tokens", "input_cached_tokens", "cached_tokens", "input_cache_read", "cache_read_tokens",
        "cachedInputTokens", "cached_content_token_count", "input_cache_read_tokens", "cache_read",
    ),
    "cache_write_tokens": (
        "cache_creation_input_tokens", "input_cache_creation", "cache_write_tokens", "cache_write_input_tokens",
        "input_cache_write", "input_cache_creation_tokens", "cache_creation", "cache_write",
    ),
    "reasoning_tokens": (
        "output_reasoning_tokens", "reasoning_tokens", "reasoningTokens", "thoughts_token_count", "output_reasoning",
    ),
    "input_audio_tokens": ("input_audio_tokens", "input_audio"),
    "output_audio_tokens": ("output_audio_tokens", "output_audio"),
}
# fmt: on
_DETAILS = (
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens_details",
    "output_tokens_details",
    "inputTokenDetails",
    "outputTokenDetails",
    "input_token_details",
    "output_token_details",
)  # fmt: skip
_CLASSES_BESIDE = ("input", "output")
_EXCLUSIVE_SIGNS = {"input", "output", "cache_read_input_tokens", "cache_creation_input_tokens"}
_READINGS = [reading for _, reading in CONCEPTS["usage"].readings()]


def _by_class(given: tuple[int, Any]) -> dict[str, int]:
    rank, value = given
    counts = mapping(value)
    if counts is None:
        return {}
    flat = dict(counts)
    for name in _DETAILS:
        if details := mapping(counts.get(name)):
            flat = {**details, **flat}
    found = {}
    for concept, keys in _KEYS.items():
        if (known := next((read for key in keys if (read := count(flat.get(key))) is not None), None)) is not None:
            found[concept] = known
    if _READINGS[rank] is Reading.USAGE_EXCLUSIVE and flat.keys() & _EXCLUSIVE_SIGNS:
        _add_what_stands_beside(flat, found)
    return found


def _add_what_stands_beside(flat: Mapping[str, Any], found: dict[str, int]) -> None:
    """Langfuse's classes add up: `input` is what is left when every class whose name has `input` in it is taken out."""
    for side, concept in zip(_CLASSES_BESIDE, ("input_tokens", "output_tokens"), strict=True):
        counts = [known for key, value in flat.items() if side in key and (known := count(value)) is not None]
        if counts:
            found[concept] = min(sum(counts), LARGEST_COUNT)
    alone_in, alone_out, total = count(flat.get("input")), count(flat.get("output")), found.get("total_tokens")
    if total is not None and alone_in is not None and alone_out is not None and alone_in + alone_out == total:
        found["input_tokens"], found["output_tokens"] = alone_in, alone_out
    written = [known for key, value in flat.items() if "cache_creation" in key and (known := count(value)) is not None]
    if written:
        found["cache_write_tokens"] = min(sum(written), LARGEST_COUNT)


# --- money ---


def cost_given_in(said: Said) -> Decimal | None:
    """What the sender says that the call cost, in US dollars; None when it says nothing, or in another currency."""
    if said.get("currency", "usd") not in ("usd", "$", "us dollar"):
        return None
    given = said.get("cost")
    if isinstance(given, tuple):
        given = _total_cost(given[1])
    if given is not None:
        amount: Decimal = given
        return amount
    parts = [said[name] for name in ("cost_input", "cost_output") if name in said]
    return sum(parts, Decimal(0)) if parts else None


def _total_cost(value: Any) -> Decimal | None:
    costs = mapping(value)
    if costs is None:
        return None
    whole = next((read for name in ("total", "total_cost") if (read := usd(costs.get(name))) is not None), None)
    parts = [read for part in costs.values() if (read := usd(part)) is not None]
    return whole if whole is not None else sum(parts, Decimal(0)) if parts else None
