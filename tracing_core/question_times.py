"""How long the questions take that a process asks its database: which ones, how often, how long at most.

A question is a function of `tracing_core.query` or `tracing_core.storage`; there are not very many, so that none is left out.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class QuestionTime:
    """What one question took since the process began.

    Args:
        question: the function that asks, such as `overview.totals`.
        calls: statements it made the database run, those that failed included.
        failed: of these, how many failed; one that was cut off by the time limit did.
        total_ms, max_ms: all of them, and the longest, in milliseconds.
    """

    question: str
    calls: int
    failed: int
    total_ms: float
    max_ms: float

    @property
    def mean_ms(self) -> float:
        """Of a statement, in milliseconds."""
        return self.total_ms / self.calls


class QuestionTimes:
    """Counts for one process. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[str, list[float]] = {}

    def note(self, question: str, milliseconds: float, *, failed: bool = False) -> None:
        """Count one statement."""
        with self._lock:
            entry = self._found.get(question)
            if entry is None:
                entry = self._found[question] = [0, 0, 0.0, 0.0]
            entry[0] += 1
            entry[1] += failed
            entry[2] += milliseconds
            entry[3] = max(entry[3], milliseconds)

    def report(self) -> tuple[QuestionTime, ...]:
        """All questions so far, the one that takes longest on average first."""
        with self._lock:
            found = {question: tuple(entry) for question, entry in self._found.items()}
        return slowest_first(
            QuestionTime(question=question, calls=int(calls), failed=int(failed), total_ms=total, max_ms=longest)
            for question, (calls, failed, total, longest) in found.items()
        )


def slowest_first(times: Iterable[QuestionTime]) -> tuple[QuestionTime, ...]:
    """Those that take longest on average first."""
    return tuple(sorted(times, key=lambda each: (-each.mean_ms, each.question)))
