"""How things are timed: many short rounds, of which the quickest counts, since these machines are noisy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One line of the results: what was measured, the value with its unit, what it is held against."""

    what: str
    value: float
    unit: str
    target: str = ""

    @property
    def shown(self) -> str:
        """The value as people read it."""
        digits = 0 if self.value >= 100 else 1 if self.value >= 10 else 2
        return f"{self.value:,.{digits}f} {self.unit}"


def microseconds_each(action: Callable[[int], None], times: int) -> float:
    """Microseconds of one repetition, where `action(n)` repeats itself n times: the best of some rounds."""
    action(max(times // 10, 1))
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        action(times)
        best = min(best, time.perf_counter_ns() - start)
    return best / times / 1000


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of `values` lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
