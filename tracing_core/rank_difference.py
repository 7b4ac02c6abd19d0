"""How the ranks of some numbers lie to those of others, and how much of that may be chance. Pure."""

from __future__ import annotations

from math import sqrt

import numpy as np
from scipy.special import ndtr

from tracing_core.confidence import Numbers, effective_count, wilson
from tracing_core.intervals import Estimate
from tracing_core.mean_difference import Moments, welch


def ranks(
    these: Numbers, weights: Numbers, others: Numbers, other_weights: Numbers, level: float
) -> tuple[Estimate, float]:
    """How likely one of `these` is above one of the `others` (a tie counts half), and Mann's and Whitney's p value.

    Args:
        weights: how many each of `these` stands for; each side has more than one effective.
        level: how often the interval of the probability holds the true one (Brunner and Munzel), 0 to 1.
    """
    below = _placements(these, others, other_weights)
    above = 1 - _placements(others, these, weights)
    some, rest = Moments.of(below, weights), Moments.of(above, other_weights)
    value = min(max(some.mean, 0.0), 1.0)
    reach = welch(some, rest).reach(level)
    low, high = (
        (value - reach, value + reach) if reach > 1e-9 else _separated(value, some.effective, rest.effective, level)
    )
    superiority = Estimate(value=value, low=min(max(low, 0.0), value), high=max(min(high, 1.0), value))
    if np.ptp(weights) == 0 and np.ptp(other_weights) == 0:
        from scipy.stats import mannwhitneyu  # takes a second and 50 MB, once

        return superiority, float(mannwhitneyu(these, others).pvalue)
    return superiority, _weighted_rank_p(value, these, weights, others, other_weights)


def _placements(numbers: Numbers, among: Numbers, weights: Numbers) -> Numbers:
    """What share of the weight of `among` is below each of the numbers, a tie counting half."""
    order = np.argsort(among, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(weights[order])]) / np.sum(weights)
    left, right = (np.searchsorted(among[order], numbers, side=side) for side in ("left", "right"))
    return (sums[left] + sums[right]) / 2


def _separated(value: float, count: float, other_count: float, level: float) -> tuple[float, float]:
    """The interval where all of one side are above all of the other, or all are equal, and no spread tells of chance.

    As of a share that as few were seen of as the smaller side has: wider than it need be.
    """
    interval = wilson(value, min(count, other_count), level)
    return interval.low, interval.high


def _weighted_rank_p(
    superiority: float, these: Numbers, weights: Numbers, others: Numbers, other_weights: Numbers
) -> float:
    """As the normal approximation of Mann's and Whitney's test, with the effective counts; ties and continuity counted."""
    count, other_count = effective_count(weights), effective_count(other_weights)
    both, everything = count + other_count, np.concatenate([these, others])
    scaled = np.concatenate([weights * count / weights.sum(), other_weights * other_count / other_weights.sum()])
    ties = np.bincount(np.unique(everything, return_inverse=True)[1], weights=scaled)
    spread = (both + 1 - float(np.sum(np.maximum(ties**3 - ties, 0))) / (both * (both - 1))) / (
        12 * count * other_count
    )
    if spread <= 0:
        return 1.0  # all are equal
    off = max(abs(superiority - 0.5) - 0.5 / (count * other_count), 0.0)
    return float(min(2 * ndtr(-off / sqrt(spread)), 1.0))
