"""A logarithmic histogram: quantiles with a relative error of at most 1 %, merged by adding counts.

A duration falls into the bin `ceil(log_g(duration))`, where g is chosen so that the middle of every bin is within 1 % of
each duration in it (the DDSketch of Masson, Rim and Lee, 2019). A histogram is a mapping of bin number to count.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import accumulate

RELATIVE_ERROR = 0.01
_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(_GAMMA)
_SHORTEST_MS = 0.001
_LEAST = sys.float_info.min


def bin_of(milliseconds: float) -> int:
    """The number of the bin that a duration falls into; everything up to a microsecond shares the lowest."""
    return math.ceil(math.log(max(milliseconds, _SHORTEST_MS)) / _LOG_GAMMA)


def bin_value(number: int) -> float:
    """The duration in milliseconds that stands for a bin."""
    return 2 * _GAMMA**number / (_GAMMA + 1)


def bin_end(number: int) -> float:
    """The longest duration in milliseconds that falls into a bin."""
    return _GAMMA**number


def quantile_bins(histogram: Mapping[int, float], shares: Iterable[float]) -> list[int] | None:
    """The numbers of the bins in which some quantiles (0 to 1) lie; None for an empty histogram. Counts may be weights.

    The nearest rank, which is PostgreSQL's discrete percentile: of two durations the longer is the 95th percentile.
    """
    numbers = sorted(histogram)
    counts = histogram.values() if numbers == list(histogram) else map(histogram.__getitem__, numbers)
    seen = list(accumulate(counts))
    if not seen or seen[-1] == 0:
        return None
    total = seen[-1]
    ranks = [q * total if total % 1 else math.ceil(q * total) for q in shares]
    return [numbers[min(bisect_left(seen, max(rank - 1e-9, _LEAST)), len(seen) - 1)] for rank in ranks]


def quantile_bin(histogram: Mapping[int, float], q: float) -> int | None:
    """The number of the bin in which one quantile lies, as `quantile_bins` finds it."""
    found = quantile_bins(histogram, (q,))
    return None if found is None else found[0]


def quantile(histogram: Mapping[int, float], q: float) -> float | None:
    """The duration in milliseconds that the share `q` (0 to 1) of all does not exceed; None for an empty histogram."""
    number = quantile_bin(histogram, q)
    return None if number is None else bin_value(number)
