"""What changed most between a period and the one before, beyond what chance and habit change anyhow. Pure.

Each part of the traffic (all of it, an operation, a library, a model) is held against itself in the period before. What is
not large is left out, and so is what chance may have done: all tests of a page share one level (Holm). Traces that come
together are more alike than traces drawn one by one, so that the level is a strict one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import log, sqrt

from tracing_core.differences import corrected, numbers, shares
from tracing_core.histogram import bin_value, quantile_bin

LEVEL = 0.001
"""How likely one false change may be among all of a page."""
FEWEST = 30
"""Traces or spans in each period, below which nothing is said of their shares and percentiles."""
FEWEST_BUCKETS = 6
"""Of time, in each period, below which nothing is said of what traces cost."""
_FAR = 5.0
"""A ratio beyond which more makes nothing more urgent; also where there was nothing before."""


class What(StrEnum):
    """What changed."""

    P95 = "p95"
    ERRORS = "errors"
    FLAGGED = "flagged"
    COST = "cost"


class Part(StrEnum):
    """Of which traffic; operations are counted by their spans."""

    TRACE = "trace"
    OPERATION = "operation"
    LIBRARY = "library"
    MODEL = "model"


Subject = tuple[Part, str]
"""A part and which one of its kind; of all traces it is empty."""
ALL: Subject = (Part.TRACE, "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """A part of the traffic in one period, as the rollups have it.

    Args:
        stored: how many there are to go by; `count` is how many they stand for.
        histogram: of durations.
    """

    stored: int
    count: float
    errors: float
    flagged: float
    histogram: Mapping[int, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Something that is not what it was.

    Args:
        now, before: the 95th percentile in milliseconds, a share from 0 to 1, or dollars a trace.
        p: how likely chance alone does as much, corrected for how much was looked at.
        weight: how much there is of it, as a share of all traffic, 0 to 1.
    """

    what: What
    subject: Subject
    now: float
    before: float
    p: float
    weight: float = 1.0

    @property
    def ratio(self) -> float:
        """How many times as much it is."""
        return self.now / self.before if self.before else _FAR

    @property
    def worse(self) -> bool:
        """More of any of these is worse."""
        return self.now > self.before

    @property
    def urgency(self) -> float:
        """What is far off and of much traffic comes first; what got better comes last."""
        far = abs(log(min(max(self.ratio, 1 / _FAR), _FAR)))
        return far * sqrt(self.weight) * (1.0 if self.worse else 0.1)


_LEAST_RATIO = {What.P95: 1.25, What.ERRORS: 1.5, What.FLAGGED: 1.25, What.COST: 1.2}
_LEAST_POINTS = {What.P95: 0.0, What.ERRORS: 0.005, What.FLAGGED: 0.02, What.COST: 0.0}
_OF_SPANS = frozenset({What.P95, What.ERRORS})


def changes(
    now: Mapping[Subject, Side],
    before: Mapping[Subject, Side],
    costs: Mapping[Subject, tuple[Sequence[float], Sequence[float]]],
) -> tuple[Change, ...]:
    """What changed, the most urgent first.

    Args:
        now, before: the parts in the two periods.
        costs: dollars a trace by bucket of time, of this period and the one before.
    """
    found = [change for subject in now for change in _of_part(subject, now, before)]
    found += [change for subject, (these, others) in costs.items() for change in _of_costs(subject, these, others)]
    if not found:
        return ()
    adjusted = corrected([change.p for change in found])
    kept = [
        replace(change, p=float(p), weight=_weight(change.subject, now))
        for change, p in zip(found, adjusted, strict=True)
        if p <= LEVEL and _is_large(change)
    ]
    return tuple(sorted(_told_once(kept, now), key=lambda change: -change.urgency))


def _of_part(subject: Subject, now: Mapping[Subject, Side], before: Mapping[Subject, Side]) -> Iterable[Change]:
    these, others = now[subject], before.get(subject)
    if others is None or min(these.stored, others.stored) < FEWEST:
        return
    if (slower := _percentiles(subject, these, others)) is not None:
        yield slower
    for what, counts in ((What.ERRORS, (these.errors, others.errors)), (What.FLAGGED, (these.flagged, others.flagged))):
        if subject[0] is Part.OPERATION and what not in _OF_SPANS:
            continue
        hits, other_hits = (min(hit, side.count) for hit, side in zip(counts, (these, others), strict=True))
        found = shares(
            hits, these.count, other_hits, others.count, effective=these.stored, other_effective=others.stored
        )
        if found is not None:
            yield Change(what=what, subject=subject, now=found.share.value, before=found.other_share.value, p=found.p)


def _percentiles(subject: Subject, these: Side, others: Side) -> Change | None:
    """Whether the slow ones are slower: by how many of each period are over the 95th percentile of both together."""
    together = dict(others.histogram)
    for number, count in these.histogram.items():
        together[number] = together.get(number, 0) + count
    bins = [quantile_bin(each, 0.95) for each in (these.histogram, others.histogram, together)]
    if None in bins:
        return None
    mine, theirs, both = (each for each in bins if each is not None)
    above = sum(count for number, count in together.items() if number > both)
    # Where many took equally long, hardly any are above: then those that took as long belong to the slow ones.
    least = both + 1 if above >= 0.025 * sum(together.values()) else both
    over, other_over = (
        (sum(count for number, count in side.histogram.items() if number >= least), sum(side.histogram.values()))
        for side in (these, others)
    )
    found = shares(*over, *other_over, effective=these.stored, other_effective=others.stored)
    if found is None:
        return None
    return Change(what=What.P95, subject=subject, now=bin_value(mine), before=bin_value(theirs), p=found.p)


def _of_costs(subject: Subject, these: Sequence[float], others: Sequence[float]) -> Iterable[Change]:
    if min(len(these), len(others)) < FEWEST_BUCKETS:
        return
    found = numbers(these, others)
    if found is not None and found.other_median.value > 0:
        yield Change(
            what=What.COST, subject=subject, now=found.median.value, before=found.other_median.value, p=found.p
        )


def _is_large(change: Change) -> bool:
    least = _LEAST_RATIO[change.what]
    far = change.before == 0 or change.ratio >= least or change.ratio <= 1 / least
    return far and abs(change.now - change.before) >= _LEAST_POINTS[change.what]


def _weight(subject: Subject, now: Mapping[Subject, Side]) -> float:
    """An operation may have several spans in a trace, and is no more than the whole for that."""
    if subject not in now or ALL not in now or not now[ALL].count:
        return 1.0
    return min(now[subject].count / now[ALL].count, 1.0)


def _told_once(found: Sequence[Change], now: Iterable[Subject]) -> list[Change]:
    """Without the parts that only do what the whole does, as most of their kind do; where few do, they are the news."""
    whole = {change.what: change for change in found if change.subject == ALL}
    alike = Counter((change.what, change.worse, change.subject[0]) for change in found)
    kinds = Counter(part for part, _ in now)

    def follows(change: Change) -> bool:
        of = whole.get(change.what)
        if of is None or change is of or change.worse != of.worse:
            return False
        part = change.subject[0]
        most_do = 2 * alike[change.what, change.worse, part] > kinds[part]
        return most_do and abs(log(max(change.ratio, 1e-9))) < abs(log(max(of.ratio, 1e-9))) * 1.2

    return [change for change in found if not follows(change)]
