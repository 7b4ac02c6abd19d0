"""How far two means lie apart, or that of some from that of all, and how much of that may be chance. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from scipy.special import stdtr, stdtrit

from tracing_core.confidence import LEVEL, Numbers

FEWEST = 3
"""Seen ones, below which a spread says nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moments:
    """Sums over weighted numbers: of the weights, of their squares, of weight times number, of weight times its square."""

    count: float
    squares: float
    total: float
    total_squares: float

    @classmethod
    def of(cls, numbers: Numbers, weights: Numbers) -> Moments:
        """The sums over numbers with as many weights."""
        return cls(
            count=float(np.sum(weights)),
            squares=float(np.sum(weights**2)),
            total=float(np.sum(weights * numbers)),
            total_squares=float(np.sum(weights * numbers**2)),
        )

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Welch:
    """How far two means lie apart: the two may differ in size and spread.

    Args:
        difference: the one less the other.
        error: the standard error of it; 0 where neither has any spread.
        freedom: degrees of freedom of Student's distribution.
    """

    difference: float
    error: float
    freedom: float

    def reach(self, level: float = LEVEL) -> float:
        """How far the interval goes to either side."""
        return float(stdtrit(self.freedom, (1 + level) / 2)) * self.error if self.error else 0.0

    @property
    def p(self) -> float:
        """How likely chance alone makes a difference at least as large."""
        if not self.error:
            return 0.0 if self.difference else 1.0
        return float(2 * stdtr(self.freedom, -abs(self.difference) / self.error))


def welch(some: Moments, others: Moments) -> Welch:
    """How far the mean of `some` is above that of `others`, which are not among them; each more than one (effective)."""
    errors = [each.variance / each.effective for each in (some, others)]
    parts = sum(
        (error / sum(errors)) ** 2 / (each.effective - 1) if sum(errors) else 0.0
        for error, each in zip(errors, (some, others), strict=True)
    )
    return Welch(difference=some.mean - others.mean, error=sqrt(sum(errors)), freedom=1 / parts if parts else inf)


def difference(some: Moments, everything: Moments, level: float = LEVEL) -> tuple[float, float] | None:
    """The interval of how much the mean of `some` is above that of `everything`, which they are part of.

    The difference is that to the others, made smaller by the share that `some` have of all; so the two samples whose
    spread counts are independent of one another.

    Returns:
        None where one of the two has fewer than three.
    """
    others = everything.without(some)
    if others.count <= 0 or others.squares <= 0 or min(some.effective, others.effective) < FEWEST:
        return None
    part = others.count / everything.count
    found = welch(some, others)
    return part * (found.difference - found.reach(level)), part * (found.difference + found.reach(level))
