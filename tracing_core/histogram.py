"""A logarithmic histogram: quantiles with a relative error of at most 1 %, merged by adding counts.

A duration falls into the bin `ceil(log_g(duration))`, where g is chosen so that the middle of every bin is within 1 % of
each duration in it (the DDSketch of Masson, Rim and Lee, 2019). A histogram is a mapping of bin number to count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

RELATIVE_ERROR = 0.01
_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(_GAMMA)
_SHORTEST_MS = 0.001


def bin_of(milliseconds: float) -> int:
    """The number of the bin that a duration falls into; everything up to a microsecond shares the lowest."""
    return math.ceil(math.log(max(milliseconds, _SHORTEST_MS)) / _LOG_GAMMA)


def bin_value(number: int) -> float:
    """The duration in milliseconds that stands for a bin."""
    return 2 * _GAMMA**number / (_GAMMA + 1)


def quantile_bin(histogram: Mapping[int, float], q: float) -> int | None:
    """The number of the bin in which the quantile `q` (0 to 1) lies; None for an empty histogram. Counts may be weights.

    The nearest rank, which is PostgreSQL's discrete percentile: of two durations the longer is the 95th percentile.
    """
    total = sum(histogram.values())
    if total == 0:
        return None
    rank = q * total if total % 1 else math.ceil(q * total)
    seen = 0.0
    for number in sorted(histogram):
        seen += histogram[number]
        if seen > 0 and seen >= rank - 1e-9:
            return number
    return max(histogram)


def quantile(histogram: Mapping[int, float], q: float) -> float | None:
    """The duration in milliseconds that the share `q` (0 to 1) of all does not exceed; None for an empty histogram."""
    number = quantile_bin(histogram, q)
    return None if number is None else bin_value(number)
