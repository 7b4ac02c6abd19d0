"""Tokens by class with their price and its version, and what caching saved: from the contents of some of the chosen traces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tracing_core.cost import CostTracker
from tracing_core.cost_audit import AuditedCall, audit
from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter
from tracing_core.query.reading import reading
from tracing_core.query.trace_sample import Drawn, drawn
from tracing_core.rates import TokenClass
from tracing_core.storage.database import Database
from tracing_core.storage.payloads import spans_in, stored_parts
from tracing_core.storage.tables import traces

SAMPLE = 500
"""Traces whose contents are read; rows know the sum of a call alone."""
_AT_A_TIME = 100
_OF_INPUT = (
    TokenClass.INPUT, TokenClass.EMBEDDING, TokenClass.CACHE_READ, TokenClass.CACHE_WRITE, TokenClass.INPUT_AUDIO,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassLine:
    """Tokens of one class that one model used, at one price.

    Args:
        tokens: estimated for all of the range where not all traces were read.
        per_million: dollars; None when there is no price, as are the version of its book and the amount.
        amount: dollars.
    """

    model: str
    token_class: TokenClass
    tokens: int
    per_million: Decimal | None
    price_version: str | None
    amount: Decimal | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenClasses:
    """What was charged for, as the prices in force see it.

    Args:
        lines: the dearest first, those without a price last.
        cached_share: of the tokens that went in, which came from a cache, 0 to 1; None when none went in.
        saved_usd: what more it would have cost without caches, less than 0 where they cost more than they saved; None when no
            call used one. Estimated for all of the range, as all amounts are.
        sample: from which traces.
        gone: how many of them have no contents any more.
    """

    lines: tuple[ClassLine, ...]
    cached_share: float | None
    saved_usd: Decimal | None
    sample: Drawn
    gone: int


def token_classes(db: Database, chosen: TraceFilter, prices: CostTracker) -> TokenClasses:
    """What the chosen traces were charged for, class by class.

    Raises:
        StorageError: the database did not answer.
    """
    added = _Added()
    with reading(db, chosen) as connection:
        rows, sample = drawn(connection, chosen, SAMPLE, [traces.c.trace_id, traces.c.started_at])
        gone = 0
        for start in range(0, len(rows), _AT_A_TIME):
            some: list[tuple[str, datetime]] = [
                (row["trace_id"], row["started_at"]) for row in rows[start : start + _AT_A_TIME]
            ]
            weights = {row["trace_id"]: Decimal(row["weight"]) for row in rows[start : start + _AT_A_TIME]}
            found = stored_parts(connection, some)
            gone += len(some) - len(found)
            for trace_id, parts in found.items():
                added.add(audit(spans_in(parts), prices).calls, weights[trace_id])
    return TokenClasses(
        lines=added.lines(), cached_share=metrics.share(float(added.cached), float(added.went_in)),
        saved_usd=added.saved, sample=sample, gone=gone,
    )  # fmt: skip


class _Added:
    """Calls added up, each as often as its weight says."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, TokenClass, Decimal | None, str | None], list[Decimal]] = defaultdict(
            lambda: [Decimal(0), Decimal(0)]
        )
        self.went_in = self.cached = Decimal(0)
        self.saved: Decimal | None = None

    def add(self, calls: Iterable[AuditedCall], weight: Decimal) -> None:
        for call in calls:
            for line in call.lines:
                self._note((call.model, line.token_class, line.per_million, line.price_version), line.tokens * weight)
                self._sums[call.model, line.token_class, line.per_million, line.price_version][1] += (
                    line.amount * weight
                )
            for token_class, tokens in call.counts:
                if not call.lines:
                    self._note((call.model, token_class, None, None), tokens * weight)
                self.went_in += tokens * weight if token_class in _OF_INPUT else 0
                self.cached += tokens * weight if token_class is TokenClass.CACHE_READ else 0
            if call.saved_usd is not None:
                self.saved = (self.saved or Decimal(0)) + call.saved_usd * weight

    def _note(self, key: tuple[str, TokenClass, Decimal | None, str | None], tokens: Decimal) -> None:
        self._sums[key][0] += tokens

    def lines(self) -> tuple[ClassLine, ...]:
        found = [
            ClassLine(
                model=model, token_class=token_class, tokens=round(tokens), per_million=per_million,
                price_version=version, amount=None if per_million is None else amount,
            )
            for (model, token_class, per_million, version), (tokens, amount) in self._sums.items()
        ]  # fmt: skip
        return tuple(
            sorted(found, key=lambda line: (line.amount is None, -(line.amount or 0), -line.tokens, line.model))
        )
