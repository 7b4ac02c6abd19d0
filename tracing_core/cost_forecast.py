"""What will be spent, from what was spent each day, with the interval that belongs to it. Pure.

The days are a Gaussian process of five parts: a level, a pattern of the week, a trend, a drift (the level wanders from day
to day), and what each day has for itself. How much of each there is, is not known; a grid of answers is gone through, and
each counts as much as the days make it likely. So a steady series has a narrow interval, one that drifts a wide one, and
a year a wider one than a month. A sum of days is not the sum of their ends: what they have in common is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.special import stdtrit

from tracing_core.confidence import LEVEL

Numbers: TypeAlias = NDArray[np.float64]

FEWEST = 7
"""Whole days, below which nothing is foretold."""
FEWEST_FOR_A_YEAR = 28
LONGEST = 120
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
        together: for each number of days from there on, 1 first, what they cost together.
    """

    seen: int
    first: date
    together: tuple[Band, ...]

    def over(self, days: int) -> Band:
        """What the next `days` cost together; 0 cost nothing."""
        return self.together[days - 1] if days else Band(expected=0.0, low=0.0, high=0.0)


def forecast(daily: Sequence[float], first: date, horizon: int) -> Forecast | None:
    """What the days after these will cost.

    Args:
        daily: dollars of each day, one after the other without gaps; a day without spending is 0.
        first: the first of them.
        horizon: how many days to foretell, at least 1.

    Returns:
        None for fewer than `FEWEST` days.
    """
    if len(daily) < FEWEST:
        return None
    after = first + timedelta(days=len(daily))
    seen = np.asarray(daily[-LONGEST:], dtype=np.float64)
    scale = float(seen.mean())
    if scale < _SMALLEST_USD:
        nothing = Band(expected=0.0, low=0.0, high=0.0)
        return Forecast(seen=len(seen), first=after, together=(nothing,) * horizon)
    expected, errors = _predicted(seen / scale, horizon)
    width = float(stdtrit(len(seen) - 1 + _PRIOR_DAYS, (1 + LEVEL) / 2)) * errors
    middle, low, high = (_spent(each * scale) for each in (expected, expected - width, expected + width))
    bands = [Band(expected=e, low=lo, high=hi) for e, lo, hi in zip(middle, low, high, strict=True)]
    return Forecast(seen=len(seen), first=after, together=tuple(bands))


def _spent(sums: Numbers) -> list[float]:
    """Sums of 1, 2, ... days as they can be: none is below zero, or below the one before."""
    found: list[float] = np.maximum.accumulate(np.maximum(sums, 0.0)).tolist()
    return found


class _Part(NamedTuple):
    """How days are alike by one part: seen ones with one another, and with the sums of 1, 2, ... days after them."""

    seen: Numbers
    ahead: Numbers
    sums: Numbers


def _predicted(seen: Numbers, horizon: int) -> tuple[Numbers, Numbers]:
    """The sums of the next 1, 2, ... days, and their standard errors, over all answers of the grid."""
    parts = [_part(alike, len(seen)) for alike in _alike(np.arange(len(seen) + horizon, dtype=np.float64), len(seen))]
    found = [_answer(seen, parts, *each) for each in product(_NOISES, _DRIFTS, _WEEKS, _TRENDS)]
    likely = np.array([each[0] for each in found])
    weights = np.exp(likely - likely.max())
    weights /= weights.sum()
    means, variances = np.array([each[1] for each in found]), np.array([each[2] for each in found])
    mean = weights @ means
    variance = weights @ (variances + (means - mean) ** 2)
    return mean, np.sqrt(variance)


def _alike(days: Numbers, seen: int) -> tuple[Numbers, ...]:
    """How two days are alike by level, drift, week, trend and by being the same; the level is that of the last day seen."""
    back = seen - 1 - days
    drift = np.where(np.sign(back)[:, None] == np.sign(back), np.minimum(np.abs(back)[:, None], np.abs(back)), 0.0)
    same_weekday = ((days[:, None] - days) % _WEEK == 0).astype(np.float64) - 1 / _WEEK
    return np.full_like(drift, _LEVEL_SD**2), drift, same_weekday, np.outer(back, back), np.eye(len(days))


def _part(alike: Numbers, seen: int) -> _Part:
    sums = np.cumsum(np.cumsum(alike[seen:, seen:], axis=0), axis=1)
    return _Part(alike[:seen, :seen], np.cumsum(alike[:seen, seen:], axis=1), np.diag(sums).copy())


def _answer(
    seen: Numbers, parts: Sequence[_Part], noise: float, drift: float, week: float, trend: float
) -> tuple[float, Numbers, Numbers]:
    """How likely the days are by one answer, and what it foretells: means of the sums, and their variances."""
    sizes = (1.0, (noise * drift) ** 2, week**2, trend**2, noise**2)
    among, ahead, sums = (sum(size * part[at] for size, part in zip(sizes, parts, strict=True)) for at in range(3))
    factor = cholesky(among, lower=True)
    told = solve_triangular(factor, np.column_stack([seen, ahead]), lower=True)
    # How far the guess of the noise is off, from what is left of the days.
    freedom = len(seen) - 1 + _PRIOR_DAYS
    off = (float(told[:, 0] @ told[:, 0]) + _PRIOR_DAYS) / freedom
    likely = -float(np.log(np.diag(factor)).sum()) - freedom / 2 * np.log(off)
    spread = sums - np.einsum("ij,ij->j", told[:, 1:], told[:, 1:])
    return likely, told[:, 0] @ told[:, 1:], np.maximum(spread, 0.0) * off
