"""What prices in force make of a stored trace, beside what its row says: the new columns, and by how much each model changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tracing_core.cost import CostTracker
from tracing_core.model import SpanData
from tracing_core.model_use import Row, leaves, model_name, model_use
from tracing_core.normal_form import facts_of
from tracing_core.rates import exact
from tracing_core.rollups import Key, Rollup, trace_keys, weight_of

PRICED_COLUMNS = ("cost_usd", "cost_computed_usd", "unknown_models", "price_version")
"""The columns of a trace that depend on prices."""


@dataclass(kw_only=True, slots=True)
class Sums:
    """Dollars before and after, and of how many calls (or traces) they were not known."""

    count: float = 0
    old_usd: Decimal = Decimal(0)
    new_usd: Decimal = Decimal(0)
    old_unpriced: float = 0
    new_unpriced: float = 0

    def note(self, old: Decimal | None, new: Decimal | None, weight: float, *, unpriced: tuple[bool, bool]) -> None:
        """Add one that stands for `weight`; `unpriced` says of before and after whether a price was missing."""
        self.count += weight
        self.old_usd += Decimal(0) if old is None else exact(old * Decimal(weight))
        self.new_usd += Decimal(0) if new is None else exact(new * Decimal(weight))
        self.old_unpriced += weight * unpriced[0]
        self.new_unpriced += weight * unpriced[1]

    def add(self, other: Sums) -> None:
        """Add what another counted."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, kw_only=True, slots=True)
class Repriced:
    """One trace: its row before, the columns that prices make, and the cost of those of its spans that change."""

    before: Row
    columns: Row
    spans: Mapping[str, Decimal | None]
    models: Mapping[str, Sums]

    @property
    def is_new(self) -> bool:
        """Whether anything is written, be it that the same cost is now of another price book."""
        return self.changes or self.before["price_version"] != self.columns["price_version"]

    @property
    def changes(self) -> bool:
        """Whether a cost, or what is known of one, becomes another."""
        costs = (name for name in PRICED_COLUMNS if name != "price_version")
        return bool(self.spans) or any(self.before[name] != self.columns[name] for name in costs)

    def add_to(self, minutes: dict[Key, Rollup]) -> None:
        """Note by how much the rollups by the minute change."""
        weight, old, new = weight_of(self.before), _rollup(self.before), _rollup(self.columns)
        if old != new:
            for key in trace_keys(self.before):
                change = minutes.setdefault(key, Rollup())
                change.add(old, -weight)
                change.add(new, weight)


def _rollup(row: Row) -> Rollup:
    return Rollup(cost_usd=row["cost_usd"] or Decimal(0), unpriced_count=1 if row["unknown_models"] else 0)


def repriced(
    row: Row, stored: Mapping[str, Decimal | None], spans: Sequence[SpanData], prices: CostTracker
) -> Repriced:
    """What these prices make of a trace.

    Args:
        row: of the trace.
        stored: the cost in the row of each span, by its id.
        spans: what they hold, all of them.
        prices: those in force.
    """
    facts = [facts_of(span, texts=False) for span in spans]
    use = model_use(spans, facts, prices)
    costs = {span.span_id: call["cost_usd"] for span, call in zip(spans, use.calls, strict=True)}
    models: dict[str, Sums] = {}
    for at in leaves(spans, facts):
        old, new = stored[spans[at].span_id], costs[spans[at].span_id]
        sums = models.setdefault(model_name(facts[at]), Sums())
        sums.note(old, new, weight_of(row), unpriced=(old is None, new is None))
    return Repriced(
        before=row,
        columns={name: use.trace[name] for name in PRICED_COLUMNS},
        spans={span_id: cost for span_id, cost in costs.items() if stored[span_id] != cost},
        models=models,
    )


@dataclass(kw_only=True, slots=True)
class Change:
    """What re-pricing changes, or would. All counts and sums stand for the traces that sampling left out, too, as on the pages.

    Args:
        seen: traces that were read.
        changed: of these those whose cost becomes another.
        without_contents: of these those left as they are, since what their spans hold is gone.
        traces: the sums of whole traces: one with any call without a price has no cost.
        models: the sums of calls, by model.
    """

    seen: int = 0
    changed: int = 0
    without_contents: int = 0
    traces: Sums = field(default_factory=Sums)
    models: dict[str, Sums] = field(default_factory=dict)

    def note(self, one: Repriced) -> None:
        """Add a trace."""
        self.seen += 1
        self.changed += one.changes
        before, after = one.before, one.columns
        unpriced = bool(before["unknown_models"]), bool(after["unknown_models"])
        self.traces.note(before["cost_usd"], after["cost_usd"], weight_of(before), unpriced=unpriced)
        for model, sums in one.models.items():
            self.models.setdefault(model, Sums()).add(sums)

    def add(self, other: Change) -> None:
        """Add what another batch changed."""
        self.seen += other.seen
        self.changed += other.changed
        self.without_contents += other.without_contents
        self.traces.add(other.traces)
        for model, sums in other.models.items():
            self.models.setdefault(model, Sums()).add(sums)
