"""What else differs between two groups of runs, and what is left of a difference among runs that are alike in it. Pure.

A model that mostly got the easy questions looks better than it is (Simpson's paradox). So the runs are taken apart by
library, intent, user and model, and compared within each part; the differences of the parts are put together again, each
counting as much as its two sides tell together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from scipy.special import chdtrc

from tracing_core.cohort import CohortSample
from tracing_core.confidence import LEVEL, Numbers, effective_count
from tracing_core.differences import ALPHA, corrected
from tracing_core.intervals import Estimate
from tracing_core.mean_difference import FEWEST, Moments, welch

_STRONG = 0.1
"""Cramér's V from which on a mix is worth a word; below, it moves a difference by little."""
_MOST_PARTS = 50
_BY = ("library", "intent", "user_id", "model")
_COMPARED = ("duration_ms", "cost_usd", "flagged", "failed", "rating", "quality_gate_passed", "confidence")
_LOGARITHMS = frozenset({"duration_ms"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Within:
    """A difference of B to A among runs that are alike.

    Args:
        difference: as it is on the whole, and `within` among runs that are alike, both of the mean (of times, of the mean
            logarithm, and then a ratio), with their intervals.
        covered: the share of the runs that there are alike ones of on both sides.
    """

    key: str
    difference: Estimate
    within: Estimate
    covered: float

    @property
    def is_ratio(self) -> bool:
        """Whether both are ratios, where 1 is no difference; else 0 is."""
        return self.key in _LOGARITHMS

    @property
    def none(self) -> float:
        """What both are where there is no difference."""
        return 1.0 if self.is_ratio else 0.0

    @property
    def turns(self) -> bool:
        """Whether the difference is gone or turned round among runs that are alike, though there is one on the whole."""
        none = self.none
        return self.difference.excludes(none) and not (
            self.within.excludes(none) and (self.within.value > none) == (self.difference.value > none)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Mix:
    """A column that the two groups have in other shares.

    Args:
        by: the column.
        strength: Cramér's V, 0 (the same shares) to 1 (nothing in common).
        value: the one whose share differs most, with its share of A and of B.
        within: what is left of differences among runs that are alike in it.
    """

    by: str
    strength: float
    value: str
    share_a: float
    share_b: float
    within: tuple[Within, ...]


def mixes(a: CohortSample, b: CohortSample, apart_by: str | None) -> tuple[Mix, ...]:
    """What the groups have in other shares, by more than chance explains, the strongest first.

    Args:
        apart_by: what they are told apart by, and so is left aside.
    """
    asked = [by for by in _BY if by != apart_by]
    found = {by: _association(_shares(a, by), _shares(b, by)) for by in asked if len(a) and len(b)}
    raised = corrected([p for _, p in found.values()])
    strong = [
        (by, strength)
        for (by, (strength, _)), p in zip(found.items(), raised, strict=True)
        if p < ALPHA and strength >= _STRONG
    ]
    return tuple(_mix(a, b, by, strength) for by, strength in sorted(strong, key=lambda each: -each[1]))


def _shares(sample: CohortSample, by: str) -> dict[str, float]:
    """How many effective runs have each value."""
    found: defaultdict[str, float] = defaultdict(float)
    for value, weight in zip(sample.labels[by], sample.weights, strict=True):
        found[value] += float(weight)
    scale = effective_count(sample.weights) / sum(found.values())
    return {value: weight * scale for value, weight in found.items()}


def _association(a: Mapping[str, float], b: Mapping[str, float]) -> tuple[float, float]:
    """Cramér's V of two rows of counts, without what chance alone makes of it, and the chi-square p value.

    Values that few have are one.
    """
    names = sorted({*a, *b}, key=lambda name: -(a.get(name, 0) + b.get(name, 0)))
    table = np.array([[each.get(name, 0.0) for name in names] for each in (a, b)])
    rare = table.sum(axis=0) < 10  # too few for the chi-square distribution
    table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)]) if rare.any() else table
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 0.0, 1.0
    total = table.sum()
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    freedom = table.shape[1] - 1
    square = float(np.sum((table - expected) ** 2 / expected))
    return sqrt(max(square - freedom, 0.0) / total), float(chdtrc(freedom, square))


def _mix(a: CohortSample, b: CohortSample, by: str, strength: float) -> Mix:
    of_a, of_b = (
        {value: count / sum(each.values()) for value, count in each.items()}
        for each in (_shares(a, by), _shares(b, by))
    )
    value = max({*of_a, *of_b}, key=lambda name: (abs(of_a.get(name, 0) - of_b.get(name, 0)), name))
    compared = (_within(a, b, by, key) for key in _COMPARED)
    return Mix(
        by=by, strength=strength, value=value, share_a=of_a.get(value, 0.0), share_b=of_b.get(value, 0.0),
        within=tuple(each for each in compared if each is not None),
    )  # fmt: skip


def _within(a: CohortSample, b: CohortSample, by: str, key: str) -> Within | None:
    of_a, of_b = _moments(a, by, key), _moments(b, by, key)
    alike = [name for name in of_a if name in of_b and min(of_a[name].effective, of_b[name].effective) >= FEWEST]
    alike = sorted(alike, key=lambda name: -of_a[name].count - of_b[name].count)[:_MOST_PARTS]
    whole_a, whole_b = _added(of_a), _added(of_b)
    if not alike or whole_a is None or whole_b is None or min(whole_a.effective, whole_b.effective) < FEWEST:
        return None
    whole = welch(whole_b, whole_a)
    parts = [welch(of_b[name], of_a[name]) for name in alike]
    # As Mantel and Haenszel weigh parts: by how much both of their sides tell.
    sizes = np.array([1 / (1 / of_a[name].effective + 1 / of_b[name].effective) for name in alike])
    sizes = sizes / sizes.sum()
    middle = float(sum(size * part.difference for size, part in zip(sizes, parts, strict=True)))
    error = sqrt(sum(float(size) ** 2 * part.error**2 for size, part in zip(sizes, parts, strict=True)))
    covered = [
        sum(each[name].count for name in alike) / whole_of.count
        for each, whole_of in ((of_a, whole_a), (of_b, whole_b))
    ]
    return Within(
        key=key, covered=min(covered),
        difference=_estimate(key, whole.difference, whole.reach()),
        within=_estimate(key, middle, NormalDist().inv_cdf((1 + LEVEL) / 2) * error),
    )  # fmt: skip


def _estimate(key: str, middle: float, reach: float) -> Estimate:
    low, high = middle - reach, middle + reach
    if key not in _LOGARITHMS:
        return Estimate(value=middle, low=low, high=high)
    value, low, high = (float(np.exp(min(each, 700.0))) for each in (middle, low, high))
    return Estimate(value=value, low=low, high=high)


def _moments(sample: CohortSample, by: str, key: str) -> dict[str, Moments]:
    numbers = sample.numbers[key]
    there = np.isfinite(numbers) & (numbers > 0) if key in _LOGARITHMS else np.isfinite(numbers)
    taken: Numbers = np.log(np.where(there, numbers, 1.0)) if key in _LOGARITHMS else numbers
    labels = np.array(sample.labels[by], dtype=object)
    return {
        str(name): Moments.of(taken[inside], sample.weights[inside])
        for name in dict.fromkeys(labels[there])
        if (inside := there & (labels == name)).any()
    }


def _added(parts: Mapping[str, Moments]) -> Moments | None:
    if not parts:
        return None
    each = parts.values()
    return Moments(
        count=sum(one.count for one in each), squares=sum(one.squares for one in each),
        total=sum(one.total for one in each), total_squares=sum(one.total_squares for one in each),
    )  # fmt: skip
