"""What model calls cost, in exact decimals (seed D). A model without a known price costs None, never zero.

The price book is three things, the surest first: the operator's own prices from the settings, models that run on this
machine, and the list of `genai-prices`. Each has a version, so that every amount can be traced back to a price.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from tracing_core.clock import Clock, SystemClock
from tracing_core.listed_prices import LIST_VERSION, listed
from tracing_core.model import TokenUsage
from tracing_core.own_prices import Price, fingerprint
from tracing_core.rates import Counts, Line, Rates, TokenClass, counts_of, exact

LOCAL_MODELS = frozenset({"SmolLM2-135M-Instruct", "extractive"})
"""Models that run on the machine itself; their tokens cost no money."""

FIELDS: Mapping[TokenClass, str] = {
    TokenClass.INPUT: "input",
    TokenClass.EMBEDDING: "embedding",
    TokenClass.CACHE_READ: "cached",
    TokenClass.CACHE_WRITE: "cache_write",
    TokenClass.INPUT_AUDIO: "input_audio",
    TokenClass.OUTPUT: "output",
    TokenClass.REASONING: "reasoning",
    TokenClass.OUTPUT_AUDIO: "output_audio",
}
"""Which field of a price in the settings is that of which class."""

_FREE_OF_CHARGE = Rates.of({TokenClass.INPUT: Decimal(0), TokenClass.OUTPUT: Decimal(0)}, "this machine")
_DAYS_OF_A_MONTH, _DAYS_OF_A_YEAR = 30, 365
_SHOWN = Decimal("0.000001")


class Bill(NamedTuple):
    """What one call is charged for.

    Args:
        counts: its tokens by class.
        lines: of these, priced; None when the model, or a class of tokens that it used, has no price.
        version: of the price book that knows the model; None when none does.
        missing: the classes without a price.
    """

    counts: Counts
    lines: tuple[Line, ...] | None
    version: str | None
    missing: tuple[TokenClass, ...]

    @property
    def total(self) -> Decimal | None:
        """Dollars; None when they are not known."""
        return None if self.lines is None else sum((line.amount for line in self.lines), Decimal(0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Projection:
    """What calls will cost if they go on like this, in dollars: a month has 30 days, a year 365."""

    daily: Decimal
    monthly: Decimal
    yearly: Decimal


class CostTracker:
    """Prices model calls.

    Args:
        own: the operator's prices by model name, in dollars per million tokens; they win over all others.
        clock: for calls that do not say when they were made.
    """

    def __init__(self, own: Mapping[str, Price | Sequence[Price]] | None = None, clock: Clock | None = None) -> None:
        several = {name: (given,) if isinstance(given, Price) else given for name, given in (own or {}).items()}
        digits = fingerprint(several)
        self._own = {
            name: tuple([(price, _rates(price, f"settings {digits}")) for price in prices])
            for name, prices in several.items()
        }
        self._clock = clock or SystemClock()
        self.version = f"{LIST_VERSION}+{digits}" if self._own else LIST_VERSION
        """Of the whole price book: the version of the list, and after a plus the digits of the operator's own prices."""

    def cost(
        self,
        model: str,
        usage: TokenUsage,
        provider: str | None = None,
        at: datetime | None = None,
        *,
        embeds: bool = False,
    ) -> Decimal | None:
        """The price of one call in dollars; None when the model's price or the number of tokens is not known.

        Args:
            model: its name, as the sender gives it.
            usage: the tokens; those of the cache are part of the input, those of reasoning part of the output.
            provider: who runs the model, which may ask another price than who made it.
            at: when the call was made, since prices change; now unless given.
            embeds: whether the call makes embeddings.
        """
        if usage.total_tokens is None:
            return None
        rates = self._rates(model, provider, at, usage)
        lines = None if rates is None else rates.bill(counts_of(usage, embeds=embeds))
        return None if lines is None else sum([line.amount for line in lines], Decimal(0))

    def bill(
        self,
        model: str,
        usage: TokenUsage,
        provider: str | None = None,
        at: datetime | None = None,
        *,
        embeds: bool = False,
    ) -> Bill:
        """The same line by line; its total is the cost."""
        counts, rates = counts_of(usage, embeds=embeds), self._rates(model, provider, at, usage)
        if rates is None:
            return Bill(counts, None, None, tuple([name for name, _ in counts]))
        lines = None if usage.total_tokens is None else rates.bill(counts)
        return Bill(counts, lines, rates.version, rates.missing(counts))

    def _rates(self, model: str, provider: str | None, at: datetime | None, usage: TokenUsage) -> Rates | None:
        at = at or self._clock.now()
        for price, rates in self._own.get(model, ()):
            if price.is_valid(at):
                return rates
        if model in LOCAL_MODELS:
            return _FREE_OF_CHARGE
        found = listed(model, provider)
        return None if found is None else found.rates(at, usage.input_tokens or 0)

    # --- seed D's words ---

    def calculate_cost(self, model_name: str, prompt_tokens: int, completion_tokens: int) -> Decimal | None:
        """What a request costs today, in dollars; None when the model has no known price."""
        return self.cost(model_name, TokenUsage(input_tokens=prompt_tokens, output_tokens=completion_tokens))

    def calculate_embedding_cost(self, model_name: str, tokens: int) -> Decimal | None:
        """What it costs today to embed so many tokens, in dollars; None when the model has no known price."""
        return self.cost(model_name, TokenUsage(input_tokens=tokens), embeds=True)

    def estimate_monthly_cost(
        self, model_name: str, requests_per_day: int, prompt_tokens: int, completion_tokens: int
    ) -> Projection | None:
        """What requests of this size cost in a month and in a year at today's price; None when it is not known."""
        each = self.calculate_cost(model_name, prompt_tokens, completion_tokens)
        return None if each is None else projected(each * requests_per_day, days=1)

    @staticmethod
    def format_cost(cost: Decimal | None) -> str:
        """Dollars with six digits, such as $0.001147, rounded up: something that costs money never reads as nothing."""
        return "unknown" if cost is None else f"${cost.quantize(_SHOWN, ROUND_CEILING):,}"


def projected(spent: Decimal, *, days: float) -> Projection:
    """What will be spent in a month and in a year by what was spent in some days.

    Args:
        spent: dollars.
        days: how many, or what part of one; more than 0.
    """
    daily = spent / Decimal(str(days))
    return Projection(
        daily=exact(daily), monthly=exact(daily * _DAYS_OF_A_MONTH), yearly=exact(daily * _DAYS_OF_A_YEAR)
    )


def _rates(price: Price, version: str) -> Rates:
    return Rates.of({name: getattr(price, field) for name, field in FIELDS.items()}, version)
