"""The cost of one trace taken apart: call by call, token class by token class, each with its price and where that is from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from tracing_core.cost import Bill, CostTracker
from tracing_core.model import SpanData, SpanKind, TokenUsage
from tracing_core.model_use import leaves, model_name
from tracing_core.normal_form import SpanFacts, facts_of
from tracing_core.rates import Counts, TokenClass, exact


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditLine:
    """Tokens of one class in one call, at a price: `tokens` x `per_million` / 1,000,000 = `amount` dollars."""

    span_id: str
    model: str
    token_class: TokenClass
    tokens: int
    per_million: Decimal
    price_version: str
    amount: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditedCall:
    """One call that counts.

    Args:
        counts: its tokens by class.
        given_usd: what the sender says it cost.
        lines: what the price book makes of it; empty when that has no price.
        missing: the classes of tokens without a price.
        saved_usd: what more it would have cost without a cache, by the price book: less than 0 where more was written to the
            cache than read from it; None when it used none, or when its price is not known.
    """

    span_id: str
    name: str
    model: str
    provider: str | None
    counts: Counts
    given_usd: Decimal | None
    computed_usd: Decimal | None
    lines: tuple[AuditLine, ...]
    missing: tuple[TokenClass, ...]
    saved_usd: Decimal | None = None

    @property
    def cost_usd(self) -> Decimal | None:
        """What counts: the sender's figure, else the computed one; None when neither is known."""
        return self.computed_usd if self.given_usd is None else self.given_usd


@dataclass(frozen=True, kw_only=True, slots=True)
class CostAudit:
    """The calls of a trace, or of a span and what is below it. Dollars are exact.

    Args:
        calls: those that count, in the order of the spans.
        price_version: of the book that the lines are from, which is the one in force now.
        parents: the id of the span above each.
    """

    calls: tuple[AuditedCall, ...]
    price_version: str
    parents: Mapping[str, str | None]

    @property
    def lines(self) -> tuple[AuditLine, ...]:
        """Of all calls; their amounts add up to `computed_usd`."""
        return tuple([line for call in self.calls for line in call.lines])

    @property
    def computed_usd(self) -> Decimal | None:
        """What the price book makes of the calls that it has prices for; None when of none."""
        return _sum(call.computed_usd for call in self.calls)

    @property
    def given_usd(self) -> Decimal | None:
        """What the senders say; None when they say nothing."""
        return _sum(call.given_usd for call in self.calls)

    @property
    def known_usd(self) -> Decimal | None:
        """What is known of the cost, whether or not it is all; None when nothing is."""
        return _sum(call.cost_usd for call in self.calls)

    @property
    def unpriced(self) -> tuple[AuditedCall, ...]:
        """The calls whose cost is not known."""
        return tuple([call for call in self.calls if call.cost_usd is None])

    def below(self, span_id: str) -> CostAudit:
        """The same of one span and all that is below it."""
        calls = tuple([call for call in self.calls if span_id in self._way_up(call.span_id)])
        return CostAudit(calls=calls, price_version=self.price_version, parents=self.parents)

    def _way_up(self, span_id: str) -> set[str]:
        way: set[str] = set()
        at: str | None = span_id
        while at is not None and at not in way:
            way.add(at)
            at = self.parents.get(at)
        return way

    def as_document(self) -> dict[str, Any]:
        """For those who read it as JSON."""
        names = ("price_version", "computed_usd", "given_usd", "known_usd")
        calls = [{**asdict(call), "counts": dict(call.counts), "cost_usd": call.cost_usd} for call in self.calls]
        return {**{name: getattr(self, name) for name in names}, "calls": calls}


def audit(spans: Sequence[SpanData], prices: CostTracker) -> CostAudit:
    """Take apart what the calls in these spans cost at the prices in force when they were made.

    A span that repeats what the calls below it used is no call of its own.
    """
    facts = [facts_of(span, texts=False) for span in spans]
    return CostAudit(
        calls=tuple([_call(spans[at], facts[at], prices) for at in leaves(spans, facts)]),
        price_version=prices.version,
        parents={span.span_id: span.parent_id for span in spans},
    )


def _call(span: SpanData, facts: SpanFacts, prices: CostTracker) -> AuditedCall:
    bill = _bill(span, facts, facts.usage, prices)
    if facts.model is None:
        bill = Bill(bill.counts, None, None, tuple([name for name, _ in bill.counts]))
    return AuditedCall(
        span_id=span.span_id,
        name=span.name,
        model=model_name(facts),
        provider=facts.provider,
        counts=bill.counts,
        given_usd=None if facts.cost_given_usd is None else exact(facts.cost_given_usd),
        computed_usd=bill.total,
        lines=tuple(
            [
                AuditLine(
                    span_id=span.span_id,
                    model=model_name(facts),
                    token_class=line.token_class,
                    tokens=line.tokens,
                    per_million=line.per_million,
                    price_version=bill.version or "",
                    amount=line.amount,
                )
                for line in bill.lines or ()
            ]
        ),
        missing=bill.missing,
        saved_usd=_saved(span, facts, bill, prices),
    )


def _bill(span: SpanData, facts: SpanFacts, usage: TokenUsage, prices: CostTracker) -> Bill:
    embeds = span.kind is SpanKind.EMBEDDING
    return prices.bill(facts.model or "", usage, facts.provider, span.started_at, embeds=embeds)


def _saved(span: SpanData, facts: SpanFacts, bill: Bill, prices: CostTracker) -> Decimal | None:
    if bill.total is None or not (facts.usage.cached_tokens or facts.usage.cache_write_tokens):
        return None
    plain = replace(facts.usage, cached_tokens=None, cache_write_tokens=None)
    without = _bill(span, facts, plain, prices).total
    return None if without is None else without - bill.total


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None
