"""What will be spent, from what was spent each day, with the interval that belongs to it. Pure.

The days are a Gaussian process of five parts: a level, a pattern of the week, a trend, a drift (the level wanders from day
to day), and what each day has for itself. How much of each there is, is not known; a grid of answers is gone through, and
each counts as much as the days make it likely. So a steady series has a narrow interval, one that drifts a wide one, and
a year a wider one than a month. A sum of days is not the sum of their ends: what they have in common is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from tracing_core.confidence import LEVEL

Numbers: TypeAlias = NDArray[np.float64]

FEWEST = 7
"""Whole days, below which nothing is foretold."""
FEWEST_FOR_A_YEAR = 28
LONGEST = 84
"""Days, the newest, that are gone by: what is older says little about what comes."""
_WEEK = 7
_LEVEL_SD = 10.0
_NOISES = (0.03, 0.1, 0.3, 1.0)
"""Of what a day has for itself, beside a mean day of 1; their spread is then estimated around it."""
_DRIFTS = (0.0, 0.05, 0.15, 0.4)
"""Of a day's step of the level, as shares of that noise."""
_WEEKS = (0.0, 0.3)
_TRENDS = (0.0, 0.004, 0.015)
"""Of a mean day, by day."""
_SMALLEST_USD = 1e-10
_PRIOR_DAYS = 2.0
"""How many days the guess of the noise weighs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """Dollars: what is expected, and the interval in which it lies 95 times of 100."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What the days after the last one will cost together.

    Args:
        seen: how many whole days it is from.
        first: the first day that is foretold.
        together: by number of days from there on, what they cost together.
    """

    seen: int
    first: date
    together: Mapping[int, Band]

    def over(self, days: int) -> Band:
        """What the next `days` cost together, which are among those asked for; 0 cost nothing."""
        return self.together[days] if days else NOTHING


NOTHING = Band(expected=0.0, low=0.0, high=0.0)


def forecast(daily: Sequence[float], first: date, ends: Collection[int]) -> Forecast | None:
    """What the days after these will cost.

    Args:
        daily: dollars of each day, one after the other without gaps; a day without spending is 0.
        first: the first of them.
        ends: what is asked for: how much the next so many days cost together, each at least 1.

    Returns:
        None for fewer than `FEWEST` days.
    """
    if len(daily) < FEWEST:
        return None
    after = first + timedelta(days=len(daily))
    seen, ordered = np.asarray(daily[-LONGEST:], dtype=np.float64), sorted(set(ends))
    scale = float(seen.mean())
    if scale < _SMALLEST_USD or not ordered:
        return Forecast(seen=len(seen), first=after, together=dict.fromkeys(ordered, NOTHING))
    expected, errors = _predicted(seen / scale, ordered)
    width = float(stdtrit(len(seen) - 1 + _PRIOR_DAYS, (1 + LEVEL) / 2)) * errors
    middle, low, high = (_spent(each * scale) for each in (expected, expected - width, expected + width))
    bands = [Band(expected=e, low=lo, high=hi) for e, lo, hi in zip(middle, low, high, strict=True)]
    return Forecast(seen=len(seen), first=after, together=dict(zip(ordered, bands, strict=True)))


def _spent(sums: Numbers) -> list[float]:
    """Sums of more and more days as they can be: none is below zero, or below the one before."""
    found: list[float] = np.maximum.accumulate(np.maximum(sums, 0.0)).tolist()
    return found


class _Part(NamedTuple):
    """How days are alike by one part: seen ones with one another, and with the sums of the days after them."""

    seen: Numbers
    ahead: Numbers
    sums: Numbers


def _predicted(seen: Numbers, ends: Sequence[int]) -> tuple[Numbers, Numbers]:
    """The sums of the next so many days, and their standard errors, over all answers of the grid.

    One step for all answers: matrices this small are worked through by one thread, where more would wait for each other.
    """
    days = np.arange(len(seen) + max(ends), dtype=np.float64)
    noise, drift, week, trend = np.array([*product(_NOISES, _DRIFTS, _WEEKS, _TRENDS)]).T
    sizes = (np.ones_like(noise), (noise * drift) ** 2, week**2, trend**2, noise**2)
    parts = [_part(alike, len(seen), ends) for alike in _alike(days, len(seen))]
    among = _added(sizes, [part.seen for part in parts])
    ahead = _added(sizes, [part.ahead for part in parts])
    sums = _added(sizes, [part.sums for part in parts])
    told = np.linalg.solve(
        among, np.concatenate([np.broadcast_to(seen[:, None], (*ahead.shape[:2], 1)), ahead], axis=2)
    )
    # How far the guess of the noise is off, from what is left of the days.
    freedom = len(seen) - 1 + _PRIOR_DAYS
    off = (np.maximum(told[:, :, 0] @ seen, 0.0) + _PRIOR_DAYS) / freedom
    halves = np.diagonal(np.linalg.cholesky(among), axis1=1, axis2=2)
    likely = -np.log(halves).sum(axis=1) - freedom / 2 * np.log(off)
    means = np.einsum("gij,gi->gj", ahead, told[:, :, 0])
    variances = np.maximum(sums - np.einsum("gij,gij->gj", ahead, told[:, :, 1:]), 0.0) * off[:, None]
    weights = np.exp(likely - likely.max())
    weights /= weights.sum()
    mean = weights @ means
    return mean, np.sqrt(weights @ (variances + (means - mean) ** 2))


def _alike(days: Numbers, seen: int) -> tuple[Numbers, ...]:
    """How two days are alike by level, drift, week, trend and by being the same; the level is that of the last day seen."""
    back = seen - 1 - days
    drift = np.where(np.sign(back)[:, None] == np.sign(back), np.minimum(np.abs(back)[:, None], np.abs(back)), 0.0)
    same_weekday = ((days[:, None] - days) % _WEEK == 0).astype(np.float64) - 1 / _WEEK
    return np.full_like(drift, _LEVEL_SD**2), drift, same_weekday, np.outer(back, back), np.eye(len(days))


def _part(alike: Numbers, seen: int, ends: Sequence[int]) -> _Part:
    at = np.array(ends) - 1
    sums = np.cumsum(np.cumsum(alike[seen:, seen:], axis=0), axis=1)
    return _Part(alike[:seen, :seen], np.cumsum(alike[:seen, seen:], axis=1)[:, at], np.diag(sums)[at])


def _added(sizes: Sequence[Numbers], parts: Sequence[Numbers]) -> Numbers:
    """The parts, by each answer's size of them; the first axis is that of the answers."""
    added = [size.reshape(-1, *([1] * part.ndim)) * part for size, part in zip(sizes, parts, strict=True)]
    whole: Numbers = np.sum(added, axis=0, dtype=np.float64)
    return whole
