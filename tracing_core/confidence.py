"""How well confidence foretells outcome: reliability curves, calibration error and Brier score. Pure.

A pair is how sure a decision was and whether it turned out well; its weight is how many it stands for, those included
that sampling left out. Intervals go by the effective number of pairs (Kish), so that weights do not make them narrower
than what was really seen. Pairs are taken to be independent of one another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tracing_core.errors import InvalidInput

Binning = Literal["width", "count"]
Numbers: TypeAlias = NDArray[np.float64]

BINS = 10
LEVEL = 0.95
FEWEST = 10
"""Pairs, below which nothing is said about over- or under-confidence."""
RESAMPLES = 200
_SEED = 20_261_121
_AT_ONCE = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """From `low` to `high`, both from 0 to 1."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pairs:
    """Confidences from 0 to 1, whether each turned out well (1 or 0), and how many each stands for; one place each.

    Raises:
        InvalidInput: the three differ in length, or one holds a value that cannot be.
    """

    confidences: Numbers
    outcomes: Numbers
    weights: Numbers

    def __post_init__(self) -> None:
        if not self.confidences.shape == self.outcomes.shape == self.weights.shape or self.confidences.ndim != 1:
            raise InvalidInput("pairs", "need as many outcomes and weights as confidences")
        if not np.all((self.confidences >= 0) & (self.confidences <= 1)):
            raise InvalidInput("confidences", "must be numbers from 0 to 1; leave out what is none")
        if not np.all((self.outcomes == 0) | (self.outcomes == 1)):
            raise InvalidInput("outcomes", "must be 1 (good) or 0 (bad); leave out what is not known")
        if not np.all((self.weights > 0) & np.isfinite(self.weights)):
            raise InvalidInput("weights", "must be above 0")

    @classmethod
    def of(cls, rows: Iterable[tuple[float, bool, float]]) -> Pairs:
        """The pairs of (confidence, outcome, weight).

        Raises:
            InvalidInput: as the constructor.
        """
        table = np.array([*rows], dtype=np.float64).reshape(-1, 3)
        return cls(confidences=table[:, 0], outcomes=table[:, 1], weights=table[:, 2])

    @classmethod
    def joined(cls, several: Iterable[Pairs]) -> Pairs:
        """The pairs of several sets as one."""
        sets = [*several, cls.of(())]
        return cls(
            confidences=np.concatenate([each.confidences for each in sets]),
            outcomes=np.concatenate([each.outcomes for each in sets]),
            weights=np.concatenate([each.weights for each in sets]),
        )

    def __len__(self) -> int:
        return len(self.confidences)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """The pairs whose confidence is above `low` and up to `high`; the first bin has its `low`, too.

    Args:
        count: how many they are.
        weight: how many they stand for.
        confidence: their mean, 0 to 1.
        good: the share that turned out well, 0 to 1.
        interval: of `good` (Wilson).
    """

    low: float
    high: float
    count: int
    weight: float
    confidence: float
    good: float
    interval: Interval

    @property
    def gap(self) -> float:
        """How much the confidence is above what came true; negative where it is below."""
        return self.confidence - self.good

    @property
    def is_off(self) -> bool:
        """Whether the confidence lies outside of what chance explains."""
        return not self.interval.low <= self.confidence <= self.interval.high


@dataclass(frozen=True, kw_only=True, slots=True)
class Brier:
    """The mean squared distance of confidence from outcome, 0 (perfect) to 1, and what it is made of.

    `score` = `reliability` - `resolution` + `uncertainty` + `within`, exactly. Murphy's three terms know a bin by its
    means alone; `within` is the variance of confidence inside the bins, less twice its covariance with the outcome
    (Stephenson, Coelho and Jolliffe, 2008). It is zero where all pairs of a bin have one confidence.

    Args:
        reliability: how far confidence is from what came true; less is better.
        resolution: how well confidence tells good from bad; more is better.
        uncertainty: how mixed the outcomes are, whatever was said about them.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """What a set of pairs says about confidence.

    Args:
        count: pairs; `weight` is how many they stand for.
        confidence: the mean, 0 to 1; `good` is the share that turned out well, `interval` its Wilson interval.
        expected_error: the mean distance of a bin's confidence from what came true (ECE), `largest_error` the largest.
        expected_error_interval: by bootstrap; None with fewer than two pairs, or where nobody asked.
    """

    bins: tuple[Bin, ...]
    count: int
    weight: float
    confidence: float
    good: float
    interval: Interval
    expected_error: float
    largest_error: float
    expected_error_interval: Interval | None
    brier: Brier

    @property
    def gap(self) -> float:
        """Mean confidence less the share of good outcomes: above 0 is over-confident, below 0 under-confident."""
        return self.confidence - self.good

    @property
    def verdict(self) -> Literal["over", "under", "fits", "unknown"]:
        """Whether the mean confidence is outside of what chance explains, and on which side; unknown of too few."""
        if self.count < FEWEST:
            return "unknown"
        if self.interval.low <= self.confidence <= self.interval.high:
            return "fits"
        return "over" if self.gap > 0 else "under"


def wilson(share: float, effective: float, level: float = LEVEL) -> Interval:
    """Wilson's interval of a share.

    Args:
        share: what was seen, 0 to 1.
        effective: how many independent ones it was seen of; may be a fraction, which `scipy.stats` has no interval for.
        level: how often such an interval holds the true share, 0 to 1.
    """
    if effective <= 0:
        return Interval(low=0.0, high=1.0)
    z = NormalDist().inv_cdf((1 + level) / 2)
    part = z * z / effective
    middle = (share + part / 2) / (1 + part)
    reach = z / (1 + part) * ((share * (1 - share) + part / 4) / effective) ** 0.5
    low, high = max(middle - reach, 0.0), min(middle + reach, 1.0)
    return Interval(low=0.0 if share <= 0 else low, high=1.0 if share >= 1 else high)


def effective_count(weights: Numbers) -> float:
    """How many independent ones as many with these weights are worth (Kish): all of them when the weights are equal."""
    squares = float(np.sum(weights * weights))
    return float(np.sum(weights)) ** 2 / squares if squares else 0.0


def calibration(
    pairs: Pairs, *, bins: int = BINS, by: Binning = "width", resamples: int = RESAMPLES, seed: int = _SEED
) -> Calibration | None:
    """What the pairs say; None of no pairs.

    Args:
        bins: at most how many; bins without pairs are left out.
        by: `width` for bins of one width, `count` for bins of about as many pairs.
        resamples: for the interval of the expected error; 0 for none.
        seed: of the resampling, so that the same pairs give the same interval.

    Raises:
        InvalidInput: there is to be no bin at all.
    """
    if bins < 1:
        raise InvalidInput("bins", "must be 1 or more")
    if not len(pairs):
        return None
    _, places = _binned(pairs.confidences, bins, by)
    found = reliability_curve(pairs, bins=bins, by=by)
    total = float(np.sum(pairs.weights))
    good = float(np.average(pairs.outcomes, weights=pairs.weights))
    expected = sum(each.weight * abs(each.gap) for each in found) / total
    return Calibration(
        bins=found, count=len(pairs), weight=total,
        confidence=float(np.average(pairs.confidences, weights=pairs.weights)), good=good,
        interval=wilson(good, effective_count(pairs.weights)),
        expected_error=expected, largest_error=max(abs(each.gap) for each in found),
        expected_error_interval=_error_interval(pairs, places, resamples, seed) if resamples else None,
        brier=_brier(pairs, places, found, good, total),
    )  # fmt: skip


def reliability_curve(pairs: Pairs, *, bins: int = BINS, by: Binning = "width") -> tuple[Bin, ...]:
    """The bins that hold pairs, the least confident first. Arguments as of `calibration`."""
    if not len(pairs):
        return ()
    edges, places = _binned(pairs.confidences, bins, by)
    return tuple(_bin(pairs, places == at, edges[at], edges[at + 1]) for at in np.unique(places))


def _binned(confidences: Numbers, bins: int, by: Binning) -> tuple[Numbers, NDArray[np.int64]]:
    """The edges of the bins, and the bin of each confidence."""
    shares = np.linspace(0, 1, bins + 1)
    edges = shares if by == "width" else np.percentile(confidences, shares * 100)
    return edges, np.searchsorted(edges[1:-1], confidences)


def _bin(pairs: Pairs, inside: NDArray[np.bool_], low: float, high: float) -> Bin:
    weights = pairs.weights[inside]
    good = float(np.average(pairs.outcomes[inside], weights=weights))
    return Bin(
        low=float(low), high=float(high), count=int(np.sum(inside)), weight=float(np.sum(weights)),
        confidence=float(np.average(pairs.confidences[inside], weights=weights)), good=good,
        interval=wilson(good, effective_count(weights)),
    )  # fmt: skip


def _brier(pairs: Pairs, places: NDArray[np.int64], bins: tuple[Bin, ...], good: float, total: float) -> Brier:
    squares = (pairs.confidences - pairs.outcomes) ** 2
    own = {int(at): each for at, each in zip(np.unique(places), bins, strict=True)}
    confidence = np.array([own[int(at)].confidence for at in places])
    came_true = np.array([own[int(at)].good for at in places])
    off = pairs.confidences - confidence
    return Brier(
        score=float(np.average(squares, weights=pairs.weights)),
        reliability=sum(each.weight * each.gap**2 for each in bins) / total,
        resolution=sum(each.weight * (each.good - good) ** 2 for each in bins) / total,
        uncertainty=good * (1 - good),
        within=float(np.average(off**2 - 2 * off * (pairs.outcomes - came_true), weights=pairs.weights)),
    )


def _error_interval(pairs: Pairs, places: NDArray[np.int64], resamples: int, seed: int) -> Interval | None:
    """The expected error's interval, the bins held still.

    Chance makes an error larger, never smaller, and more so in a resample: the basic bootstrap takes that away again,
    where percentiles would add it twice.
    """
    if len(pairs) < 2:
        return None
    from scipy.stats import bootstrap  # takes a second and 50 MB, which those who want no interval need not spend

    bins = int(places.max()) + 1
    distances = pairs.weights * (pairs.confidences - pairs.outcomes)

    def expected_error(numbers: NDArray[np.int64]) -> float:
        sums = np.bincount(places[numbers], weights=distances[numbers], minlength=bins)
        return float(np.sum(np.abs(sums)) / np.sum(pairs.weights[numbers]))

    found = bootstrap(
        (np.arange(len(pairs)),), expected_error, n_resamples=resamples, batch=_AT_ONCE, vectorized=False,
        method="basic", confidence_level=LEVEL, rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return Interval(low=min(max(float(found.low), 0.0), 1.0), high=min(max(float(found.high), 0.0), 1.0))
