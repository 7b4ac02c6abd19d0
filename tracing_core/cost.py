"""What model calls cost, in exact decimals (seed D). A model without a known price costs None, never zero."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache

from genai_prices import Usage, calc_price

from tracing_core.model import Cost, SpanData, TokenUsage
from tracing_core.settings import Price
from tracing_core.usage import model_of, usage_of

LOCAL_MODELS = frozenset({"SmolLM2-135M-Instruct", "extractive"})
"""Models that run on the machine itself; their tokens cost no money."""

_MILLION = Decimal(1_000_000)


class CostTracker:
    """Prices model calls: overrides from the settings first, then the `genai-prices` tables.

    Args:
        overrides: prices by model name, in dollars per million tokens.
    """

    def __init__(self, overrides: Mapping[str, Price] | None = None) -> None:
        self._overrides = dict(overrides or {})

    def cost(self, model: str, usage: TokenUsage) -> Decimal | None:
        """The price of one call in dollars; None when the model's price or the number of tokens is not known."""
        if usage.total_tokens is None:
            return None
        if model in self._overrides:
            return _at(self._overrides[model], usage)
        if model in LOCAL_MODELS:
            return Decimal(0)
        return _listed(model, usage.input_tokens or 0, usage.output_tokens or 0, usage.cached_tokens or 0)

    def total(self, spans: Iterable[SpanData]) -> Cost:
        """The price of all model calls of a run; None when one of them has no known price or when none was made."""
        calls = [(model, usage_of(span)) for span in spans if (model := model_of(span))]
        priced = {(model, usage): self.cost(model, usage) for model, usage in calls if usage.total_tokens is not None}
        unknown = sorted({model for (model, _), amount in priced.items() if amount is None})
        if unknown or not priced:
            return Cost(amount=None, unknown_models=tuple(unknown))
        amounts = (priced[call] for call in calls if call in priced)
        return Cost(amount=sum((amount for amount in amounts if amount is not None), Decimal(0)))


def _at(price: Price, usage: TokenUsage) -> Decimal:
    cached = min(usage.cached_tokens or 0, usage.input_tokens or 0)
    fresh = (usage.input_tokens or 0) - cached
    cached_price = price.input if price.cached is None else price.cached
    return (fresh * price.input + cached * cached_price + (usage.output_tokens or 0) * price.output) / _MILLION


@lru_cache(maxsize=4096)
def _listed(model: str, input_tokens: int, output_tokens: int, cached_tokens: int) -> Decimal | None:
    usage = Usage(
        input_tokens=input_tokens, output_tokens=output_tokens, cache_read_tokens=min(cached_tokens, input_tokens)
    )
    try:
        return calc_price(usage, model_ref=model).total_price
    except LookupError:
        return None
