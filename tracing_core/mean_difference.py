"""How far the mean of some lies from the mean of all, and how much of that may be chance. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from scipy.special import stdtrit

from tracing_core.confidence import LEVEL

_FEWEST = 3
"""Seen ones, below which a spread says nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moments:
    """Sums over weighted numbers: of the weights, of their squares, of weight times number, of weight times its square."""

    count: float
    squares: float
    total: float
    total_squares: float

    @property
    def mean(self) -> float:
        """The weighted mean."""
        return self.total / self.count

    @property
    def effective(self) -> float:
        """How many numbers of equal weight tell as much (Kish)."""
        return self.count**2 / self.squares

    @property
    def variance(self) -> float:
        """Of one number; as if seen from a sample."""
        spread = max(self.total_squares / self.count - self.mean**2, 0.0)
        return spread * self.effective / (self.effective - 1)

    def without(self, some: Moments) -> Moments:
        """Those that are not among `some`."""
        return Moments(
            count=self.count - some.count,
            squares=self.squares - some.squares,
            total=self.total - some.total,
            total_squares=self.total_squares - some.total_squares,
        )


def difference(some: Moments, everything: Moments, level: float = LEVEL) -> tuple[float, float] | None:
    """The interval of how much the mean of `some` is above that of `everything`, which they are part of.

    The difference is that to the others, made smaller by the share that `some` have of all; so the two samples whose
    spread counts are independent of one another.

    Returns:
        None where one of the two has fewer than three.
    """
    others = everything.without(some)
    if others.count <= 0 or others.squares <= 0 or min(some.effective, others.effective) < _FEWEST:
        return None
    part = others.count / everything.count
    middle = part * (some.mean - others.mean)
    errors = [each.variance / each.effective for each in (some, others)]
    if not sum(errors):
        return middle, middle
    # Welch's degrees of freedom: the two may differ in size and spread.
    freedom = sum(errors) ** 2 / sum(
        error**2 / (each.effective - 1) for error, each in zip(errors, (some, others), strict=True)
    )
    width = float(stdtrit(freedom, (1 + level) / 2)) * part * sqrt(sum(errors))
    return middle - width, middle + width
