"""Which traces are slow: longer than the P95 of their operation in the last half hour (A10). Watched as they come in.

The operation of a trace is its project and its name. The window slides in steps of three minutes, so that what is judged
slow follows change, and nothing is judged before enough traces were seen. Of very many operations the least used are
forgotten.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from functools import lru_cache

from tracing_core.histogram import bin_of, quantile_bin
from tracing_core.rollups import operation_name

_SHARE = 0.95
_SLOT_NS = 180 * 10**9
_SLOTS = 10
_BEFORE_JUDGING = 50
_MOST_OPERATIONS = 1000
_LEAST_BETWEEN_RECKONINGS = 16
"""Traces after which the P95 is reckoned anew at the earliest; it is a sixteenth of what the window holds, if that is more."""

_name = lru_cache(maxsize=4096)(operation_name)


class LatencyWatch:
    """The durations of the last half hour. Safe to share between threads; about a microsecond a trace.

    Args:
        monotonic_ns: a clock that never goes back.
        most_operations: that are watched at a time.
    """

    def __init__(self, monotonic_ns: Callable[[], int], most_operations: int = _MOST_OPERATIONS) -> None:
        self._monotonic_ns = monotonic_ns
        self._most = most_operations
        self._operations: dict[tuple[str, str], _Operation] = {}
        self.unlock()
        this = weakref.ref(self)

        def unlock_in_child() -> None:
            if (watch := this()) is not None:
                watch.unlock()

        os.register_at_fork(after_in_child=unlock_in_child)

    def unlock(self) -> None:
        """Begin with an open lock; in a forked child it may be held by a thread that is only in the parent."""
        self._lock = threading.Lock()

    def is_slow(self, project: str, name: str, duration_ms: float) -> bool:
        """Whether a trace that took `duration_ms` milliseconds is slow beside those before it; it is one of them from here on."""
        key, number = (project, _name(name)), bin_of(duration_ms)
        slot = self._monotonic_ns() // _SLOT_NS
        with self._lock:
            operation = self._operations.get(key)
            if operation is None or operation.slot != slot:
                operation = self._turn(key, operation, slot)
            return operation.take(number)

    def __len__(self) -> int:
        """How many operations are watched now."""
        return len(self._operations)

    def _turn(self, key: tuple[str, str], operation: _Operation | None, slot: int) -> _Operation:
        """An operation in a new slot; the dictionary has those first that were in use longest ago."""
        if operation is None:
            operation = _Operation(slot)
            while len(self._operations) >= self._most:
                del self._operations[next(iter(self._operations))]
        else:
            operation.turn(slot)
            del self._operations[key]
        self._operations[key] = operation
        return operation


class _Operation:
    """The histograms of one operation, one for each slot of the window, and the bin of its P95."""

    __slots__ = ("_current", "_limit", "_slots", "_until_reckoned", "slot")

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self._current: dict[int, float] = {}
        self._slots: list[tuple[int, dict[int, float]]] = [(slot, self._current)]
        self._limit: int | None = None
        self._until_reckoned = _BEFORE_JUDGING

    def take(self, number: int) -> bool:
        """Add a duration by its bin; whether it lies above the P95 of those before it."""
        if self._until_reckoned <= 0:
            self._reckon()
        self._until_reckoned -= 1
        self._current[number] = self._current.get(number, 0) + 1
        return self._limit is not None and number > self._limit

    def turn(self, slot: int) -> None:
        """Go on in another slot, and forget those that left the window."""
        self.slot = slot
        self._current = {}
        self._slots = [(at, counts) for at, counts in self._slots if at > slot - _SLOTS]
        self._slots.append((slot, self._current))
        self._until_reckoned = 0

    def _reckon(self) -> None:
        whole: dict[int, float] = {}
        for _, counts in self._slots:
            for number, count in counts.items():
                whole[number] = whole.get(number, 0) + count
        seen = int(sum(whole.values()))
        enough = seen >= _BEFORE_JUDGING
        self._limit = quantile_bin(whole, _SHARE) if enough else None
        self._until_reckoned = max(seen // 16, _LEAST_BETWEEN_RECKONINGS) if enough else _BEFORE_JUDGING - seen
