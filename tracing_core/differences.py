"""How some differ from others, in shares and in numbers, and how much of that may be chance. Pure.

Each side is seen apart from the other. Ones that stand for several (sampling) count by their weight; intervals and
tests go by the effective count (Kish), so that weights are not taken for evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np
from scipy.special import chdtrc

from tracing_core.confidence import LEVEL, Numbers, effective_count, wilson
from tracing_core.errors import InvalidInput
from tracing_core.intervals import Estimate, difference_of, quantile, ratio_of
from tracing_core.mean_difference import FEWEST, Moments, welch
from tracing_core.rank_difference import ranks

Correction = Literal["holm", "bh"]

POWER = 0.8
ALPHA = 0.05
_FEWEST_EXPECTED = 5
"""Below this many expected in one of the four places, the chi-square distribution does not fit: Fisher's test does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShareDifference:
    """What share of these, and of the others, have something.

    Args:
        share: of these, 0 to 1, with Wilson's interval; `other_share` is that of the others.
        count: how many equally weighted ones these tell as much as; `other_count` is that of the others.
        difference: `share` less `other_share`, with Newcombe's score interval.
        ratio: `share` by `other_share`; None where the latter is 0.
        p: how likely chance alone makes a difference at least as large: by Fisher's exact test of few, by the
            chi-square test (without a correction for continuity) of many.
    """

    share: Estimate
    other_share: Estimate
    count: float
    other_count: float
    difference: Estimate
    ratio: Estimate | None
    p: float


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberDifference:
    """How the numbers of these differ from those of the others.

    Args:
        count: how many equally weighted ones these tell as much as; `other_count` is that of the others.
        median: with its interval by order statistics; `other_median` is that of the others.
        ratio: `median` by `other_median`; None where the latter is not above 0.
        superiority: how likely one of these is above one of the others, a tie counting half; 0 to 1, 0.5 is no
            difference. The interval is Brunner's and Munzel's.
        p: how likely chance alone makes the ranks differ as much (Mann-Whitney).
        mean, other_mean: weighted.
        deviation, other_deviation: standard deviations.
        mean_difference: `mean` less `other_mean`, with Welch's interval; `mean_p` is of Welch's test.
    """

    count: float
    other_count: float
    median: Estimate
    other_median: Estimate
    ratio: Estimate | None
    superiority: Estimate
    p: float
    mean: float
    other_mean: float
    deviation: float
    other_deviation: float
    mean_difference: Estimate
    mean_p: float

    @property
    def delta(self) -> Estimate:
        """Cliff's delta: -1 where all of these are below all others, 1 where all are above."""
        return Estimate(
            value=2 * self.superiority.value - 1, low=2 * self.superiority.low - 1, high=2 * self.superiority.high - 1
        )


def shares(
    hits: float,
    total: float,
    other_hits: float,
    other_total: float,
    *,
    effective: float | None = None,
    other_effective: float | None = None,
    level: float = LEVEL,
) -> ShareDifference | None:
    """How the share of `hits` in `total` differs from that of `other_hits` in `other_total`.

    Args:
        hits: how many of these have it; a sum of weights where they stand for several. `total`: how many these are.
        effective: how many equally weighted ones `total` tells as much as (Kish); None for as many as it says.

    Returns:
        None where there is nothing on one side.

    Raises:
        InvalidInput: more have it than there are, or a count is below 0.
    """
    for name, part, whole in (("hits", hits, total), ("other_hits", other_hits, other_total)):
        if not 0 <= part <= whole * (1 + 1e-9):
            raise InvalidInput(name, "must be 0 or more, and no more than there are in all")
    if not total or not other_total:
        return None
    count = total if effective is None else effective
    other_count = other_total if other_effective is None else other_effective
    share = _share(min(hits / total, 1.0), count, level)
    other_share = _share(min(other_hits / other_total, 1.0), other_count, level)
    return ShareDifference(
        share=share, other_share=other_share, count=count, other_count=other_count,
        difference=difference_of(share, other_share), ratio=ratio_of(share, other_share),
        p=_share_p(share.value * count, count, other_share.value * other_count, other_count),
    )  # fmt: skip


def numbers(
    these: Sequence[float] | Numbers,
    others: Sequence[float] | Numbers,
    *,
    weights: Numbers | None = None,
    other_weights: Numbers | None = None,
    level: float = LEVEL,
) -> NumberDifference | None:
    """How `these` differ from the `others`, with as many `weights` as numbers (None for 1 each).

    Returns:
        None where one side has fewer than three (of weighted ones: than three effective).

    Raises:
        InvalidInput: a number is not finite, or a weight not above 0.
    """
    ours, our_weights = _checked("these", these, weights)
    theirs, their_weights = _checked("others", others, other_weights)
    if min(effective_count(our_weights), effective_count(their_weights)) < FEWEST:
        return None
    median, other_median = (
        quantile(each, 0.5, its, level) for each, its in ((ours, our_weights), (theirs, their_weights))
    )
    # Squares of what is far from 0 would drown the spread.
    some, rest = Moments.of(ours - median.value, our_weights), Moments.of(theirs - median.value, their_weights)
    mean = welch(some, rest)
    reach = mean.reach(level)
    superiority, p = ranks(ours, our_weights, theirs, their_weights, level)
    return NumberDifference(
        count=some.effective, other_count=rest.effective,
        median=median, other_median=other_median, ratio=ratio_of(median, other_median),
        superiority=superiority, p=p,
        mean=some.mean + median.value, other_mean=rest.mean + median.value, deviation=sqrt(some.variance), other_deviation=sqrt(rest.variance),
        mean_difference=Estimate(value=mean.difference, low=mean.difference - reach, high=mean.difference + reach),
        mean_p=mean.p,
    )  # fmt: skip


def corrected(p_values: Sequence[float] | Numbers, method: Correction = "holm") -> Numbers:
    """The p values made larger for how many they are, in their order.

    Args:
        method: `holm` keeps the chance of even one false alarm at the level; `bh` (Benjamini and Hochberg) the share
            of false ones among all alarms.

    Raises:
        InvalidInput: one is not a number from 0 to 1.
    """
    given = np.asarray(p_values, dtype=np.float64)
    if not np.all((given >= 0) & (given <= 1)):
        raise InvalidInput("p_values", "must be numbers from 0 to 1; leave out what is none")
    order, count = np.argsort(given, kind="stable"), len(given)
    if method == "holm":
        raised = np.maximum.accumulate(given[order] * np.arange(count, 0, -1))
    else:
        raised = np.minimum.accumulate((given[order] * count / np.arange(1, count + 1))[::-1])[::-1]
    result = np.empty(count)
    result[order] = np.minimum(raised, 1.0)
    return result


def sample_size_shares(share: float, other_share: float, *, power: float = POWER, alpha: float = ALPHA) -> int:
    """How many a side are needed to see, with `power`, that two shares differ, both sides being of one size.

    Raises:
        InvalidInput: the shares are equal, or one is not from 0 to 1.
    """
    if share == other_share or not 0 <= min(share, other_share) <= max(share, other_share) <= 1:
        raise InvalidInput("share", "must differ from other_share, both from 0 to 1")
    middle = (share + other_share) / 2
    apart = share * (1 - share) + other_share * (1 - other_share)
    reach = _z(1 - alpha / 2) * sqrt(2 * middle * (1 - middle)) + _z(power) * sqrt(apart)
    return ceil((reach / (share - other_share)) ** 2)


def sample_size_means(
    difference: float,
    deviation: float,
    other_deviation: float | None = None,
    *,
    power: float = POWER,
    alpha: float = ALPHA,
) -> int:
    """How many a side are needed to see, with `power`, that two means are `difference` apart.

    Args:
        difference: not 0; in the unit of the deviations.
        deviation: the standard deviation of one side; `other_deviation` that of the other, None for the same.

    Raises:
        InvalidInput: the difference is 0.
    """
    if difference == 0:
        raise InvalidInput("difference", "must not be 0: no number of runs shows that")
    variance = deviation**2 + (deviation if other_deviation is None else other_deviation) ** 2
    normal = (_z(1 - alpha / 2) + _z(power)) ** 2 * variance / difference**2
    return max(ceil(normal + _z(1 - alpha / 2) ** 2 / 4), 2)  # Guenther's addition for Student's distribution


def _z(share: float) -> float:
    return NormalDist().inv_cdf(share)


def _share(value: float, count: float, level: float) -> Estimate:
    interval = wilson(value, count, level)
    return Estimate(value=value, low=min(interval.low, value), high=max(interval.high, value))


def _share_p(hits: float, total: float, other_hits: float, other_total: float) -> float:
    both, everything = hits + other_hits, total + other_total
    expected = min(both, everything - both) * min(total, other_total) / everything
    if expected <= 0:
        return 1.0  # all have it, or none
    if expected < _FEWEST_EXPECTED:
        from scipy.stats import fisher_exact  # takes a second and 50 MB, once

        some, rest = round(hits), round(other_hits)
        table = [[some, max(round(total) - some, 0)], [rest, max(round(other_total) - rest, 0)]]
        return min(float(fisher_exact(table)[1]), 1.0)
    share = both / everything
    error = share * (1 - share) * (1 / total + 1 / other_total)
    return float(chdtrc(1, (hits / total - other_hits / other_total) ** 2 / error))


def _checked(name: str, values: Sequence[float] | Numbers, weights: Numbers | None) -> tuple[Numbers, Numbers]:
    found = np.asarray(values, dtype=np.float64)
    if not np.all(np.isfinite(found)):
        raise InvalidInput(name, "must be finite numbers; leave out what is none")
    if weights is None:
        return found, np.ones(len(found))
    if weights.shape != found.shape or not np.all((weights > 0) & np.isfinite(weights)):
        raise InvalidInput(f"weights of {name}", "must be above 0, one for each number")
    return found, np.asarray(weights, dtype=np.float64)
