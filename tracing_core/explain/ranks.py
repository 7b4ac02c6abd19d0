"""How one group lies to another, over many columns at once, and with other facts held fixed. Pure.

The effect is the same for numbers and for flags: Cliff's delta, which of a flag is the difference of the shares. Ones that
stand for several (sampling) count by their weight; tests go by the effective count (Kish).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtr
from scipy.stats import hypergeom

from tracing_core.confidence import effective_count
from tracing_core.explain.facts import Candidate, Mask, Numbers

_FEW = 10
_MOSTLY = 0.5
_SURELY_CHANCE = 0.05
"""Where the chi-square test says at least this, the exact one need not be asked."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Groups:
    """The traces looked at, in two groups.

    Args:
        these: which are of the cohort.
        weights: how many each stands for within its group.
    """

    these: Mask
    weights: Numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """The effect, -1 to 1; its variance if there were no difference; and how likely chance alone makes as large a one."""

    effect: float
    variance: float
    p: float


Strata = NDArray[np.intp]
NONE = Difference(effect=0.0, variance=0.0, p=1.0)


def difference(values: Numbers, groups: Groups) -> Difference:
    """How the numbers of these lie to those of the others (Mann and Whitney, ties counted); NaN is left out."""
    known = ~np.isnan(values)
    return _difference(values[known], groups.these[known], groups.weights[known])


def _difference(values: Numbers, these: Mask, weights: Numbers) -> Difference:
    if these.all() or not these.any():
        return NONE
    codes = np.unique(values, return_inverse=True)[1]
    ours, theirs = (np.bincount(codes[side], weights[side], int(codes.max()) + 1) for side in (these, ~these))
    count, other_count = effective_count(weights[these]), effective_count(weights[~these])
    ours, theirs = ours / ours.sum(), theirs / theirs.sum()
    effect = 2 * float(ours @ (np.cumsum(theirs) - theirs / 2)) - 1
    both = count + other_count
    ties = ours * count + theirs * other_count
    lost = float(np.sum(np.maximum(ties**3 - ties, 0))) / max(both * (both - 1), 1.0)
    variance = max(both + 1 - lost, 0.0) / (3 * count * other_count)
    return Difference(effect=effect, variance=variance, p=_p(effect, variance))


def number_difference(values: Numbers, groups: Groups) -> Difference:
    """The same of a number that may be one value in most traces: then no more sure than Fisher's test of having another.

    The normal approximation promises too much there: of few traces, one or two other values are not far out by chance.
    """
    found = difference(values, groups)
    known = ~np.isnan(values)
    distinct, counts = np.unique(values[known], return_counts=True)
    if not len(distinct) or counts.max() <= _MOSTLY * counts.sum():
        return found
    other = np.where(known, values != distinct[counts.argmax()], np.nan)
    flag = Candidate(parts=(), flag=True, values=other)
    return replace(found, p=max(found.p, flag_differences([flag], groups)[0].p))


def _p(effect: float, variance: float) -> float:
    if variance <= 1e-15:
        return 1.0
    return float(min(2 * ndtr(-abs(effect) / sqrt(variance)), 1.0))


def flag_differences(flags: Sequence[Candidate], groups: Groups) -> list[Difference]:
    """The same of flags, all at once: by Fisher's exact test, one side of it doubled."""
    if not flags:
        return []
    matrix = np.stack([each.values for each in flags])
    known = ~np.isnan(matrix)
    hits = np.where(known, matrix, 0.0)
    sides = [_share(hits[:, side], known[:, side], groups.weights[side]) for side in (groups.these, ~groups.these)]
    (share, count), (other_share, other_count) = sides
    effects = share - other_share
    ps = share_p_values(share, count, other_share, other_count)
    both = (share * count + other_share * other_count) / np.maximum(count + other_count, 1e-9)
    variances = both * (1 - both) * (1 / np.maximum(count, 1e-9) + 1 / np.maximum(other_count, 1e-9))
    return [
        Difference(effect=float(effect), variance=float(variance), p=float(p))
        for effect, variance, p in zip(effects, variances, ps, strict=True)
    ]


def _share(hits: Numbers, known: Mask, weights: Numbers) -> tuple[Numbers, Numbers]:
    """The share of each row's hits, and how many equally weighted ones it was seen of."""
    totals = known @ weights
    counts = totals**2 / np.maximum(known @ weights**2, 1e-300)
    return (hits @ weights) / np.maximum(totals, 1e-300), counts


def share_p_values(share: Numbers, count: Numbers, other_share: Numbers, other_count: Numbers) -> Numbers:
    """How likely chance alone makes shares differ as much: exact, where it is not plain that it does."""
    total, other_total = np.rint(count), np.rint(other_count)
    hits, other_hits = np.rint(share * total), np.rint(other_share * other_total)
    everything, both = total + other_total, hits + other_hits
    there = (total > 0) & (other_total > 0) & (both > 0) & (both < everything)
    ps = np.ones(len(total))
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = both / everything
        error = middle * (1 - middle) * (1 / total + 1 / other_total)
        square = (hits / total - other_hits / other_total) ** 2 / error
    ps[there] = chdtrc(1, square[there])
    few = there & (ps < _SURELY_CHANCE)
    if few.any():
        given = (everything[few], both[few], total[few])
        more, less = hypergeom.sf(hits[few] - 1, *given), hypergeom.cdf(hits[few], *given)
        ps[few] = np.minimum(2 * np.minimum(more, less), 1.0)
    return ps


def held_fixed(values: Numbers, groups: Groups, strata: Strata) -> Difference:
    """The difference that is left within strata: the mean of theirs, weighted by how much each can tell (van Elteren).

    Args:
        strata: the number of the stratum of each trace; traces below 0 are left out.
    """
    known = ~np.isnan(values) & (strata >= 0)
    effect = weight = variance = 0.0
    for stratum in np.unique(strata[known]):
        inside = known & (strata == stratum)
        these, weights = groups.these[inside], groups.weights[inside]
        if these.all() or not these.any():
            continue
        found = _difference(values[inside], these, weights)
        count, other_count = effective_count(weights[these]), effective_count(weights[~these])
        tells = count * other_count / (count + other_count)
        effect, weight = effect + tells * found.effect, weight + tells
        variance += tells**2 * found.variance
    if not weight:
        return NONE
    return Difference(
        effect=effect / weight, variance=variance / weight**2, p=_p(effect / weight, variance / weight**2)
    )


def rank_correlation(one: Numbers, other: Numbers) -> float:
    """Spearman's, of those of which both are known; 0 where these are few, or all equal."""
    known = ~np.isnan(one) & ~np.isnan(other)
    if np.count_nonzero(known) < _FEW:
        return 0.0
    first, second = (_ranked(each[known]) for each in (one, other))
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _ranked(values: Numbers) -> Numbers:
    """The mean rank of each."""
    codes = np.unique(values, return_inverse=True)[1]
    counts = np.bincount(codes)
    ranks: Numbers = (np.cumsum(counts) - counts / 2)[codes]
    return ranks
