"""Counts of what a process received and stored since it started; for `/metrics`, which turns them into its own form."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

COMMIT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BATCH_SPANS = (1, 10, 100, 500, 1000, 2000, 5000, 10_000, 20_000)
BATCH_REQUESTS = (1, 2, 5, 10, 20, 50, 100, 500)


Note = tuple[Literal["read", "taken", "committed", "exported"], tuple[float, ...]]
"""Something that was counted: the method of `Tally` that does, and what it was given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """How values are spread: how many are at most each bound, how many there are, and their sum."""

    bounds: Sequence[float]
    at_most: Sequence[int]
    count: int
    total: float


class Spread:
    """Values counted by size.

    Args:
        bounds: rising.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def add(self, value: float) -> None:
        """Count `value`."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def distribution(self) -> Distribution:
        """What was counted so far."""
        sums, running = [], 0
        for count in self._counts:
            running += count
            sums.append(running)
        return Distribution(bounds=self._bounds, at_most=sums[:-1], count=running, total=self._total)


class Tally:
    """What ingest counts. Safe to share between threads; a few locked additions a request and a commit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._bytes: Counter[str] = Counter()
        self._spans: Counter[str] = Counter()
        self._exports: Counter[str] = Counter()
        self._commit_seconds = Spread(COMMIT_SECONDS)
        self._batch_spans = Spread(BATCH_SPANS)
        self._batch_requests = Spread(BATCH_REQUESTS)

    def arrived(self, signal: str, size: int) -> None:
        """A body of `size` bytes."""
        with self._lock:
            self._bytes[signal] += size

    def answered(self, signal: str, status: int) -> None:
        """A request, with its status in HTTP."""
        with self._lock:
            self._requests[signal, str(status)] += 1

    def read(self, spans: int, refused: int) -> None:
        """A request was read: `spans` of it can be taken, and `refused` cannot."""
        with self._lock:
            self._spans["received"] += spans + refused
            self._spans["refused"] += refused

    def taken(self, spans: int, refused: int) -> None:
        """Of spans that could be taken, those that are stored or left out by sampling, and those that the database refused."""
        with self._lock:
            self._spans["taken"] += spans
            self._spans["refused"] += refused

    def committed(self, seconds: float, requests: int, spans: int) -> None:
        """A batch was stored."""
        with self._lock:
            self._commit_seconds.add(seconds)
            self._batch_requests.add(requests)
            self._batch_spans.add(spans)

    def exported(self, submitted: int, sent: int, failed: int, retries: int) -> None:
        """Traces that are to be sent on, that were and that will not be, and requests that were sent again."""
        with self._lock:
            self._exports.update(submitted=submitted, sent=sent, failed=failed, retries=retries)

    def add(self, note: Note) -> None:
        """What another process counted."""
        name, values = note
        count: Any = getattr(self, name)
        count(*values)

    def requests(self) -> dict[tuple[str, str], int]:
        """Requests by signal and status."""
        with self._lock:
            return dict(self._requests)

    def bytes(self) -> dict[str, int]:
        """Bytes of bodies, as they came, by signal."""
        with self._lock:
            return dict(self._bytes)

    def spans(self) -> dict[str, int]:
        """Spans received, taken (stored, or left out by sampling) and refused."""
        with self._lock:
            return {name: self._spans[name] for name in ("received", "taken", "refused")}

    def exports(self) -> dict[str, int]:
        """Traces sent on, those that failed for good and those that wait, and requests that were sent again."""
        with self._lock:
            counts = self._exports
            waiting = counts["submitted"] - counts["sent"] - counts["failed"]
            return {
                "sent": counts["sent"],
                "failed": counts["failed"],
                "waiting": waiting,
                "retries": counts["retries"],
            }

    def commits(self) -> dict[str, Distribution]:
        """Batches: `seconds` that storing took, and how many `requests` and `spans` each had."""
        with self._lock:
            spreads = {
                "seconds": self._commit_seconds,
                "requests": self._batch_requests,
                "spans": self._batch_spans,
            }
            return {name: spread.distribution() for name, spread in spreads.items()}


class NotedTally(Tally):
    """Also notes what ingest counts, for another process to add to its own.

    `tell` is called when something was noted that comes after a request was answered, and would wait for the next one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tell: Callable[[], None] = lambda: None
        self._notes: deque[Note] = deque()

    def read(self, spans: int, refused: int) -> None:
        super().read(spans, refused)
        self._notes.append(("read", (spans, refused)))

    def taken(self, spans: int, refused: int) -> None:
        super().taken(spans, refused)
        self._notes.append(("taken", (spans, refused)))

    def committed(self, seconds: float, requests: int, spans: int) -> None:
        super().committed(seconds, requests, spans)
        self._notes.append(("committed", (seconds, requests, spans)))

    def exported(self, submitted: int, sent: int, failed: int, retries: int) -> None:
        super().exported(submitted, sent, failed, retries)
        self._notes.append(("exported", (submitted, sent, failed, retries)))
        if not submitted:
            self.tell()

    def take_notes(self) -> tuple[Note, ...]:
        """What was noted since the last time."""
        return tuple(self._notes.popleft() for _ in range(len(self._notes)))
