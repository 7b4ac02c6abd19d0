"""What was on the table and not chosen: how often, how close it came, and how things turned out without it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from tracing_core.alternative import margin, plain_name, read_alternative
from tracing_core.confidence import Interval, wilson
from tracing_core.query.decision_sample import Sample, sampled
from tracing_core.query.filters import TraceFilter
from tracing_core.query.metrics import share
from tracing_core.query.outcomes import Outcome, check_outcome
from tracing_core.query.reading import reading
from tracing_core.storage.database import Database

MOST_READ = 10_000
MARGINS = (-1.0, 0.0, 0.1, 0.3, 1.0)
"""Edges of the bands of margins: the alternative was surer, a close call, a clear one, no contest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NotTaken:
    """An alternative that was not taken.

    Args:
        name: it.
        count: decisions that were made over it, those included that sampling left out.
        confidence: the mean of what was said of it, 0 to 1; None when nothing was.
        margin: the mean of how much surer the choice was; None when nobody said.
        chosen: decisions of the same kind that went this very way.
        known: decisions made over it of which it is known how their trace turned out, as they are stored.
        good: the share of these that turned out well, `interval` its Wilson interval; None when none is known.
    """

    name: str
    count: float
    confidence: float | None
    margin: float | None
    chosen: float
    known: int
    good: float | None
    interval: Interval | None


@dataclass(frozen=True, kw_only=True, slots=True)
class MarginBand:
    """Decisions whose choice was surer than the best alternative by `low` or more, and by less than `high`."""

    low: float
    high: float
    count: float
    known: int
    good: float | None
    interval: Interval | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Alternatives:
    """What was not taken, the most frequent first.

    Args:
        with_any: the share of decisions that had any alternative, 0 to 1; None of no decisions.
        read: decisions that were looked at, as they are stored.
    """

    not_taken: tuple[NotTaken, ...]
    bands: tuple[MarginBand, ...]
    with_any: float | None
    read: int
    sample: Sample


def alternatives(db: Database, chosen: TraceFilter, outcome: Outcome, *, most: int = 15) -> Alternatives:
    """What the chosen decisions were made over.

    Args:
        db: where the traces are.
        chosen: which traces; with `chosen.decision` only decisions like that.
        outcome: by what it is told whether a trace turned out well.
        most: alternatives that are named.

    Raises:
        InvalidInput: there is no such outcome.
        StorageError: the database did not answer.
    """
    check_outcome(outcome)
    with reading(db, chosen) as connection:
        made = sampled(connection, chosen, outcome)
        d = made.rows.c
        wanted = select(d.what, d.confidence, d.alternatives_considered, d.weight, d.good)
        rows = connection.execute(wanted.order_by(d.started_at.desc()).limit(MOST_READ)).all()
    tallies: dict[str, _Tally] = defaultdict(_Tally)
    bands = [_Tally() for _ in pairwise(MARGINS)]
    chosen_weights: dict[str, float] = defaultdict(float)
    with_any = total = 0.0
    for row in rows:
        over = [read_alternative(value) for value in row.alternatives_considered]
        total += row.weight
        with_any += row.weight if over else 0.0
        for name in _names(row.what):
            chosen_weights[name] += row.weight
        for each in {one.name: one for one in over}.values():
            tallies[each.name].add(row.weight, row.good, each.confidence, margin(row.confidence, [each]))
        if (closest := margin(row.confidence, over)) is not None:
            bands[_band(closest)].add(row.weight, row.good)
    ranked = sorted(tallies.items(), key=lambda item: (-item[1].count, item[0]))[:most]
    return Alternatives(
        not_taken=tuple(tally.not_taken(name, chosen_weights.get(name, 0.0)) for name, tally in ranked),
        bands=tuple(tally.band(low, high) for tally, (low, high) in zip(bands, pairwise(MARGINS), strict=True)),
        with_any=share(with_any, total), read=len(rows), sample=made.sample,
    )  # fmt: skip


def _names(what: Any) -> Iterable[str]:
    """What was chosen, and its parts where several things were."""
    return {plain_name(what), *(plain_name(each) for each in what)} if isinstance(what, list) else (plain_name(what),)


def _band(closest: float) -> int:
    return sum(closest >= edge for edge in MARGINS[1:-1])


@dataclass(kw_only=True, slots=True)
class _Tally:
    """Decisions that have something in common, added up."""

    count: float = 0.0
    known: int = 0
    known_weight: float = 0.0
    known_squares: float = 0.0
    good_weight: float = 0.0
    confidences: list[tuple[float, float]] = field(default_factory=list)
    margins: list[tuple[float, float]] = field(default_factory=list)

    def add(
        self, weight: float, good: bool | None, confidence: float | None = None, margin: float | None = None
    ) -> None:
        self.count += weight
        if good is not None:
            self.known += 1
            self.known_weight += weight
            self.known_squares += weight * weight
            self.good_weight += weight if good else 0.0
        for values, value in ((self.confidences, confidence), (self.margins, margin)):
            if value is not None:
                values.append((value, weight))

    def not_taken(self, name: str, chosen: float) -> NotTaken:
        return NotTaken(
            name=name, count=self.count, confidence=_mean(self.confidences), margin=_mean(self.margins), chosen=chosen,
            known=self.known, good=self._good(), interval=self._interval(),
        )  # fmt: skip

    def band(self, low: float, high: float) -> MarginBand:
        return MarginBand(
            low=low, high=high, count=self.count, known=self.known, good=self._good(), interval=self._interval()
        )

    def _good(self) -> float | None:
        return share(self.good_weight, self.known_weight)

    def _interval(self) -> Interval | None:
        found = self._good()
        return None if found is None else wilson(found, self.known_weight**2 / self.known_squares)


def _mean(values: list[tuple[float, float]]) -> float | None:
    return share(sum(value * weight for value, weight in values), sum(weight for _, weight in values))
