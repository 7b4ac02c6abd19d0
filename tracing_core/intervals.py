"""Numbers with the interval that chance leaves them, and how two of them differ. Pure.

Where numbers stand for several (sampling), shares and ranks are weighted, and intervals go by the effective count
(Kish), so that weights are not taken for evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, floor, hypot, inf, log

import numpy as np

from tracing_core.confidence import LEVEL, Numbers, effective_count


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A number from what was seen, and its interval; `low` or `high` is infinite where nothing bounds it."""

    value: float
    low: float
    high: float

    def excludes(self, value: float) -> bool:
        """Whether `value` lies outside of the interval."""
        return not self.low <= value <= self.high


def difference_of(this: Estimate, other: Estimate) -> Estimate:
    """How much `this` is above `other`, both seen apart from one another.

    The two intervals are combined by what each reaches towards the other (MOVER; Zou and Donner, 2008). Of two Wilson
    intervals it is Newcombe's of the difference of shares.
    """
    value = this.value - other.value
    return Estimate(
        value=value,
        low=value - hypot(this.value - this.low, other.high - other.value),
        high=value + hypot(this.high - this.value, other.value - other.low),
    )


def ratio_of(this: Estimate, other: Estimate) -> Estimate | None:
    """How many times `other` fits into `this`; combined as differences are, of the logarithms.

    Returns:
        None where `other` is 0 or one of them is below 0.
    """
    if other.value <= 0 or this.value < 0:
        return None
    if this.value == 0:  # has no logarithm: the ends that lie farthest apart bound the ratio, and then some
        return Estimate(value=0.0, low=0.0, high=this.high / other.low if other.low > 0 else inf)
    found = difference_of(_logarithm(this), _logarithm(other))
    return Estimate(value=exp(found.value), low=exp(found.low), high=_exponential(found.high))


def quantile(numbers: Numbers, share: float, weights: Numbers | None = None, level: float = LEVEL) -> Estimate:
    """The number that `share` of all are at or below, with its interval by order statistics.

    Which rank the true quantile has among the seen is binomial, whatever the numbers are distributed like; of weighted
    numbers, ranks are shares of the weight (Woodruff, 1952).

    Args:
        numbers: one or more, finite.
        share: above 0 and below 1.
        weights: how many each stands for; None for 1 each.
        level: how often such an interval holds the true quantile, at least.
    """
    from scipy.stats import binom  # takes a second and 50 MB, which those who want no interval need not spend

    order = np.argsort(numbers, kind="stable")
    sorted_numbers = numbers[order]
    sorted_weights = np.ones(len(numbers)) if weights is None else weights[order]
    count = floor(effective_count(sorted_weights) + 1e-9)
    below = np.cumsum(sorted_weights) / np.sum(sorted_weights)
    tail = (1 - level) / 2
    low, high = int(binom.ppf(tail, count, share)), int(binom.ppf(1 - tail, count, share)) + 1
    return Estimate(
        value=_ranked(sorted_numbers, below, share),
        low=-inf if low < 1 else _ranked(sorted_numbers, below, low / count),
        high=inf if high > count else _ranked(sorted_numbers, below, high / count),
    )


def _ranked(numbers: Numbers, below: Numbers, share: float) -> float:
    """The first of the sorted numbers at which `share` of the weight is reached."""
    return float(numbers[min(int(np.searchsorted(below, share - 1e-12)), len(numbers) - 1)])


def _logarithm(of: Estimate) -> Estimate:
    return Estimate(value=log(of.value), low=log(of.low) if of.low > 0 else -inf, high=log(of.high))


def _exponential(number: float) -> float:
    return inf if number > 700 else exp(number)
