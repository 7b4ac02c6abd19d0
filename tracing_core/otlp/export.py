"""Send stored traces on to another OTLP endpoint, in the background or at once, and count what became of each."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from tracing_core.ledger import Outcome
from tracing_core.model import TraceData
from tracing_core.otlp.sending import Endpoint, Fate

logger = logging.getLogger(__name__)

SOURCE = "export"
"""The ledger's lines of this source are about traces sent on: received = stored (at the other end) + dropped."""

_SPANS_IN_A_REQUEST = 2000


class Note(Protocol):
    """Enters the fate of traces into the ledger; `Delivery.note` is one."""

    def __call__(self, source: str, outcome: Outcome, reason: str = "", count: int = 1, spans: int = 0) -> None:
        """Enter the fate of `count` traces with `spans` spans."""
        ...


class Count(Protocol):
    """Counts what an exporter does; `Tally.exported` is one."""

    def __call__(self, submitted: int, sent: int, failed: int, retries: int) -> None:
        """Count traces, and requests that were sent again."""
        ...


def uncounted(submitted: int, sent: int, failed: int, retries: int) -> None:
    """Count nothing."""


class Exporter:
    """Sends traces to one endpoint. `submit` never blocks and never raises: when too many wait, the trace is dropped and counted.

    Args:
        endpoint: where they go.
        note: where their fate is entered.
        settle: called when fates were entered, so that they are written.
        count: told of what is submitted, and of what became of it.
        queue_size: traces that may wait.
        batch_size: traces in one request at most.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        note: Note,
        *,
        settle: Callable[[], None] = lambda: None,
        count: Count = uncounted,
        queue_size: int = 1000,
        batch_size: int = 100,
    ) -> None:
        self._endpoint = endpoint
        self._note = note
        self._settle = settle
        self._tell = count
        endpoint.on_retry = lambda: count(0, 0, 0, 1)
        self._queue_size = queue_size
        self._batch_size = batch_size
        self.start_anew()
        this = weakref.ref(self)

        def start_anew_in_child() -> None:
            if (exporter := this()) is not None:
                exporter.start_anew()

        os.register_at_fork(after_in_child=start_anew_in_child)

    def start_anew(self) -> None:
        """Begin with an empty queue; also in a forked child, where the thread and what it will send are the parent's."""
        self._endpoint.start_anew()
        self._queue: deque[TraceData] = deque()
        self._changed = threading.Condition()
        self._busy = False
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """Traces that wait to be sent."""
        return len(self._queue)

    def submit(self, trace: TraceData) -> None:
        """Send `trace` soon."""
        self._tell(1, 0, 0, 0)
        with self._changed:
            problem = "export closed" if self._closed else "export queue full"
            if not self._closed and len(self._queue) < self._queue_size:
                self._queue.append(trace)
                self._changed.notify_all()
                problem = "" if self._thread or self._started() else "no thread for the export"
        if problem:
            self._drop([trace], problem)

    def send(self, traces: Sequence[TraceData]) -> int:
        """Send `traces` now.

        Returns:
            How many were taken at the other end; the others are counted as dropped.
        """
        fates = [fate for batch in self._batches(traces) for fate in self._endpoint.send(batch)]
        for fate in fates:
            self._count(fate)
        return sum(len(fate.traces) for fate in fates if fate.problem is None)

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until everything that was submitted is dealt with, for `timeout` seconds at most; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._busy, timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Send what waits, within `timeout` seconds; what is left is dropped and counted."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
        self._endpoint.stop()
        with self._changed:
            left = list(self._queue)
            self._queue.clear()
        if left:
            self._drop(left, "not exported in time at exit")
        if self._thread is not None:
            self._thread.join(timeout)
        self._endpoint.close()
        self._settle()

    def _started(self) -> bool:
        thread = threading.Thread(target=self._run, name="tracewhy-export", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the machine has no thread to spare now; the next trace tries again
            logger.error("a trace cannot be exported: %s", error)
            self._queue.pop()
            return False
        self._thread = thread
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._queue or self._closed)
                if not self._queue:
                    return
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._batch_size))]
                self._busy = True
            self._send_or_drop(batch)

    def _send_or_drop(self, batch: list[TraceData]) -> None:
        try:
            self.send(batch)
        except Exception as error:
            logger.exception("traces could not be exported")
            self._drop(batch, f"not exported: {type(error).__name__}")
        self._settle()

    def _batches(self, traces: Sequence[TraceData]) -> list[list[TraceData]]:
        """Traces in portions that a receiver takes, by their spans too."""
        batches: list[list[TraceData]] = [[]]
        spans = 0
        for trace in traces:
            if batches[-1] and (len(batches[-1]) >= self._batch_size or spans + len(trace.spans) > _SPANS_IN_A_REQUEST):
                batches.append([])
                spans = 0
            batches[-1].append(trace)
            spans += len(trace.spans)
        return [batch for batch in batches if batch]

    def _count(self, fate: Fate) -> None:
        if fate.problem is not None:
            self._drop(fate.traces, fate.problem)
            return
        reason = f"{fate.refused_spans} spans not taken" if fate.refused_spans else ""
        self._tell(0, len(fate.traces), 0, 0)
        self._note(SOURCE, Outcome.STORED, reason, len(fate.traces), _spans(fate.traces))

    def _drop(self, traces: Sequence[TraceData], reason: str) -> None:
        logger.warning("%d traces were not exported: %s", len(traces), reason)
        self._tell(0, 0, len(traces), 0)
        self._note(SOURCE, Outcome.DROPPED, reason, len(traces), _spans(traces))


def _spans(traces: Sequence[TraceData]) -> int:
    return sum(len(trace.spans) for trace in traces)
