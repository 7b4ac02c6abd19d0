"""Which models a run called, with how many tokens and for how much: each call counted once, in exact decimals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from tracing_core.cost import CostTracker
from tracing_core.jsontext import label
from tracing_core.model import SpanData, SpanKind
from tracing_core.normal_form import SpanFacts
from tracing_core.rates import exact
from tracing_core.usage import GENERATION_KINDS, add

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelUse:
    """Columns for the row of the trace, and for the row of each span."""

    trace: Row
    calls: tuple[Row, ...]


class _Call(NamedTuple):
    """What one span used. A tuple, since one is made for every span that arrives."""

    facts: SpanFacts
    tokens: int | None = None
    given: Decimal | None = None
    computed: Decimal | None = None

    @property
    def cost(self) -> Decimal | None:
        """What the sender says it cost; else what the price list makes of it."""
        return self.given if self.given is not None else self.computed


def model_use(spans: Sequence[SpanData], facts: Sequence[SpanFacts], prices: CostTracker) -> ModelUse:
    """The use that these spans made of models.

    A span that repeats what the calls below it used (agents and chains do) shows its tokens, but they count once.
    """
    calls = tuple([_call(span, found, prices) for span, found in zip(spans, facts, strict=True)])
    lowest = leaves(spans, facts)
    counted, counting = [calls[at] for at in lowest], set(lowest)
    first = _first_generation(spans, facts)
    speed = next((found for found in facts if found.first_token_ms is not None), None)
    rate = next(
        (per_second for at in range(len(spans)) if (per_second := _rate(spans[at], facts[at])) is not None), None
    )
    usage = add(call.facts.usage for call in counted)
    unknown = sorted({model_name(call.facts) for call in counted if call.cost is None and call.tokens is not None})
    row = {
        "model": label(first.model if first else None),
        "provider": label(first.provider if first else None),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost_usd": None if unknown else _sum(call.cost for call in counted),
        "cost_given_usd": _sum(call.given for call in counted),
        "cost_computed_usd": _sum(call.computed for call in counted),
        "unknown_models": [label(model) for model in unknown],
        "price_version": prices.version if any(call.tokens is not None for call in counted) else None,
        "time_to_first_token_ms": speed.first_token_ms if speed else None,
        "tokens_per_second": rate,
    }
    return ModelUse(trace=row, calls=tuple([_columns(call, at in counting) for at, call in enumerate(calls)]))


def _call(span: SpanData, facts: SpanFacts, prices: CostTracker) -> _Call:
    computed, given, tokens = None, facts.cost_given_usd, facts.usage.total_tokens
    if given is None and tokens is None:
        return _Call(facts)
    if facts.model is not None and tokens is not None:
        embeds = span.kind is SpanKind.EMBEDDING
        computed = prices.cost(facts.model, facts.usage, facts.provider, span.started_at, embeds=embeds)
    return _Call(facts, tokens, None if given is None else exact(given), computed)


_SHORTEST_ANSWERING = 1e-3
"""Seconds; who gives the whole answer at once does not say how long it took to make."""


def _rate(span: SpanData, facts: SpanFacts) -> float | None:
    """Tokens each second while the model was answering: as the sender says, else its output in the time after the first token."""
    if facts.tokens_per_second is not None:
        return facts.tokens_per_second
    if span.kind not in GENERATION_KINDS or span.duration_ns is None or not facts.usage.output_tokens:
        return None
    seconds = span.duration_ns / 1e9 - (facts.first_token_ms or 0) / 1e3
    return facts.usage.output_tokens / seconds if seconds >= _SHORTEST_ANSWERING else None


def _columns(call: _Call, counts: bool) -> Row:
    """What the row of a span says; of one that repeats the calls below it only what it was told, not a cost of our own."""
    if call.tokens is None and call.given is None:
        return _NOTHING
    tokens = call.tokens if call.facts.model is not None else None
    return {"total_tokens": tokens, "cost_usd": call.cost if counts else call.given}


_NOTHING: Row = {"total_tokens": None, "cost_usd": None}


def _has_usage(facts: SpanFacts) -> bool:
    return facts.usage.total_tokens is not None


NOT_NAMED = "(model not named)"


def model_name(facts: SpanFacts) -> str:
    """The model as lists name it."""
    return facts.model or NOT_NAMED


def leaves(spans: Sequence[SpanData], facts: Sequence[SpanFacts]) -> list[int]:
    """Which spans count: those that used tokens or money and have none below them that did."""
    used = [at for at, found in enumerate(facts) if _has_usage(found) or found.cost_given_usd is not None]
    if len(used) < 2:
        return used
    parents = {span.span_id: span.parent_id for span in spans}
    above: set[str] = set()
    for at in used:
        own, parent = spans[at].span_id, spans[at].parent_id
        while parent is not None and parent != own and parent not in above:
            above.add(parent)
            parent = parents.get(parent)
    return [at for at in used if spans[at].span_id not in above]


def _first_generation(spans: Sequence[SpanData], facts: Sequence[SpanFacts]) -> SpanFacts | None:
    named = [at for at, found in enumerate(facts) if found.model is not None]
    first = next((at for at in named if spans[at].kind in GENERATION_KINDS), next(iter(named), None))
    return None if first is None else facts[first]


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None
