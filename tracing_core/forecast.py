"""Where something that grows day by day will be, and how sure that is. Pure.

Days differ, and a busy day is seldom alone. So the spread of a sum of days to come is reckoned from that of the days
there are and from how alike neighbouring days are (as in a series in which each day takes after the one before), and the
mean itself is only as sure as the number of days it is of. Of few days the interval is wide, as it must be.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import stdtrit

FEWEST_DAYS = 5
"""Below which nothing is said about the days to come."""
CERTAINTY = 0.8
"""How often what comes lies between low and high."""
MOST_DAYS = 3650
"""Ahead, that anybody asks for."""
_MOST_ALIKE = 0.8


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What is expected, and between which two amounts it will be with a certainty of 80 %."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class DaysLeft:
    """After how many days something is full: as expected, at the soonest and at the latest. None is not in ten years."""

    expected: int | None
    soonest: int | None
    latest: int | None


def forecast(daily: Sequence[float], days: float) -> Forecast | None:
    """What the next days add up to.

    Args:
        daily: the amounts of past days, whole ones, the oldest first.
        days: how many are to come.

    Returns:
        None when there are fewer than FEWEST_DAYS past ones.
    """
    if len(daily) < FEWEST_DAYS:
        return None
    amounts = np.asarray(daily, dtype=float)
    mean, count = float(amounts.mean()), len(amounts)
    spread = sqrt(_long_run_variance(amounts) * days * (1 + days / count))
    reach = float(stdtrit(count - 1, (1 + CERTAINTY) / 2)) * spread
    return Forecast(expected=days * mean, low=days * mean - reach, high=days * mean + reach)


def days_left(daily: Sequence[float], room: float) -> DaysLeft | None:
    """When the next days add up to more than the room there is; None when there are fewer than FEWEST_DAYS past ones."""
    if len(daily) < FEWEST_DAYS:
        return None
    ahead = range(1, MOST_DAYS + 1)

    def first(bound: str) -> int | None:
        # A bound may fall before it rises: the first day on which it is over is looked for from the end of that fall.
        over = [getattr(forecast(daily, day), bound) > room for day in _STEPS]
        if True not in over:
            return None
        at = over.index(True)
        low, high = (_STEPS[at - 1] if at else 0), _STEPS[at]
        return low + 1 + bisect_left(ahead[low:high], True, key=lambda day: getattr(forecast(daily, day), bound) > room)

    return DaysLeft(expected=first("expected"), soonest=first("high"), latest=first("low"))


_STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, MOST_DAYS)


def _long_run_variance(amounts: np.ndarray) -> float:
    """Of the sum of many such days, for each of them: their variance, widened by how alike neighbouring days are."""
    apart = amounts - amounts.mean()
    count = len(apart)
    squares = float(apart @ apart)
    if squares == 0:
        return 0.0
    seen = float(apart[1:] @ apart[:-1]) / squares
    alike = min(max((seen * count + 1) / (count - 3), 0.0), _MOST_ALIKE)  # a short series looks less alike than it is
    return squares / (count - 1) * (1 + alike) / (1 - alike)
