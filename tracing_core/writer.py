"""The background writer: takes finished traces, writes them in batches, loses none without saying so (A4, B5).

`submit` appends to a bounded queue and returns. One thread empties it whenever `batch_size` traces wait, `flush_seconds`
have passed, or somebody waits for a receipt.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tracing_core.clock import Clock
from tracing_core.delivery import Delivery
from tracing_core.freeze import freeze
from tracing_core.journal import Journal
from tracing_core.ledger import Outcome
from tracing_core.model import TraceData
from tracing_core.preparing import Prepared
from tracing_core.sink import CLOSED, OUT_OF_TIME, Receipt
from tracing_core.trace import Trace

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_COMPLAINTS = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class WriterStats:
    """The writer's state: traces in the queue, dropped so far, waiting on disk, buried; and what is wrong, if anything."""

    queued: int
    dropped: int
    waiting: int
    dead: int
    problem: str | None
    journal_problem: str | None = None
    """Why the journal is off, when it is."""


class TraceWriter:
    """A sink that stores traces from a thread of its own. `submit` never blocks and never raises.

    Args:
        delivery: makes traces ready and stores them.
        clock: for the pauses between complaints.
        queue_size: traces that may wait; one more is dropped and counted.
        batch_size: traces in one transaction at most.
        flush_seconds: the longest that a trace waits for others, in seconds.
        look_at: may note something on each trace before it is made ready.
    """

    def __init__(
        self,
        delivery: Delivery,
        clock: Clock,
        *,
        queue_size: int = 10_000,
        batch_size: int = 100,
        flush_seconds: float = 5.0,
        look_at: Callable[[TraceData], TraceData] | None = None,
    ) -> None:
        self._delivery = delivery
        self._clock = clock
        self._queue_size = queue_size
        self._batch_size = batch_size
        self._flush_seconds = flush_seconds
        self._look_at = look_at
        self._complained_at = float("-inf")
        self.journal: Journal | None = None  # noted in the statistics
        self.start_anew()
        atexit.register(self.close)
        this = weakref.ref(self)

        def start_anew_in_child() -> None:
            if (writer := this()) is not None:
                writer.start_anew()

        os.register_at_fork(after_in_child=start_anew_in_child)

    def start_anew(self) -> None:
        """Begin with an empty queue; also in a forked child, where the thread and what it will write are the parent's."""
        self._queue: deque[tuple[Trace, Receipt]] = deque()
        self._dropped = 0
        self._wake = threading.Event()
        self._flushes: deque[threading.Event] = deque()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._delivery.start_anew()

    def submit(self, trace: Trace) -> Receipt:
        """Take over `trace`; when the queue is full or the writer closed it is dropped, and the receipt says so."""
        receipt = Receipt(trace.trace_id, self._wake.set, trace.scorecard)
        if self._closed or len(self._queue) >= self._queue_size:
            self._drop(trace, receipt, CLOSED if self._closed else "queue full")
            return receipt
        self._queue.append((trace, receipt))
        if self._thread is None:
            self._begin()
        if len(self._queue) >= self._batch_size:
            self._wake.set()
        return receipt

    def _begin(self) -> None:
        with self._starting:
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._run, name="tracewhy-writer", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the machine has no thread to spare now; the next trace tries again
                logger.error("traces wait in memory, the writer cannot start: %s", error)
            else:
                self._thread = thread

    def flush(self, timeout: float = 10.0) -> bool:
        """Write what is queued now.

        Args:
            timeout: seconds to wait at most.

        Returns:
            Whether all of it was dealt with in time.
        """
        if self._thread is None or self._closed:
            return not self._queue
        done = threading.Event()
        self._flushes.append(done)
        self._wake.set()
        return done.wait(timeout)

    def replay(self) -> None:
        """Start the thread, which first stores what an earlier process left on disk."""
        self._begin()
        self._wake.set()

    def close(self, timeout: float = 10.0) -> None:
        """Write what is queued, within `timeout` seconds, and stop. What comes later is dropped and counted."""
        self._closed = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        while self._queue:
            self._drop(*self._queue.popleft(), OUT_OF_TIME)
        atexit.unregister(self.close)

    def stats(self) -> WriterStats:
        """The state of now."""
        return WriterStats(
            queued=len(self._queue),
            dropped=self._dropped,
            waiting=self._delivery.spool.waiting_count(),
            dead=self._delivery.spool.dead_count(),
            problem=self._delivery.problem,
            journal_problem=self.journal.problem if self.journal is not None else None,
        )

    def _run(self) -> None:
        while True:
            self._wake.wait(self._flush_seconds)
            self._wake.clear()
            closing = self._closed
            flushes = [self._flushes.popleft() for _ in range(len(self._flushes))]
            self._empty_queue()
            self._replay()
            self._delivery.settle_ledger()
            for done in flushes:
                done.set()
            if closing and not self._queue:
                return

    def _empty_queue(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._batch_size))]
            ready = [pair for trace, receipt in batch if (pair := self._prepare(trace, receipt))]
            kept = self._without_left_out(ready)
            if kept:
                self._deliver(kept)

    def _without_left_out(self, batch: list[tuple[Prepared, Receipt]]) -> list[tuple[Prepared, Receipt]]:
        """`batch` without those that sampling leaves out, unless somebody rated them before they came."""
        left_out = [prepared.data.trace_id for prepared, _ in batch if not prepared.kept]
        if not left_out:
            return batch
        rated = self._delivery.rated_before(left_out)
        kept = []
        for prepared, receipt in batch:
            data = prepared.data
            if not prepared.kept and data.trace_id in rated:
                prepared = self._delivery.preparation.ready(data, rating=rated[data.trace_id])  # noqa: PLW2901
            if prepared.kept:
                kept.append((prepared, receipt))
                continue
            self._delivery.note(data.source, Outcome.SAMPLED_OUT, spans=prepared.received)
            receipt.settle(database="sampled_out")
        return kept

    def _deliver(self, ready: list[tuple[Prepared, Receipt]]) -> None:
        try:
            self._delivery.deliver(ready)
        except Exception as error:
            logger.exception("traces could not be delivered")
            reason = f"not delivered: {type(error).__name__}"
            for prepared, receipt in ready:
                if receipt.settle(database="dropped", database_error=reason):
                    self._delivery.note(prepared.data.source, Outcome.DROPPED, reason, spans=prepared.received)

    def _prepare(self, trace: Trace, receipt: Receipt) -> tuple[Prepared, Receipt] | None:
        try:
            data = freeze(trace)
            prepared = self._delivery.preparation.ready(data if self._look_at is None else self._look_at(data))
        except Exception as error:
            logger.exception("trace %s could not be prepared", trace.trace_id)
            self._drop(trace, receipt, f"unreadable: {type(error).__name__}")
            return None
        return prepared, receipt

    def _replay(self) -> None:
        try:
            self._delivery.replay()
        except Exception:
            logger.exception("spooled traces could not be replayed")

    def _drop(self, trace: Trace, receipt: Receipt, reason: str) -> None:
        self._dropped += 1
        self._delivery.note(trace.source, Outcome.DROPPED, reason, spans=len(trace.spans))
        receipt.settle(database="dropped", database_error=reason)
        now = self._clock.monotonic_ns() / 1e9
        if now - self._complained_at >= _SECONDS_BETWEEN_COMPLAINTS:
            self._complained_at = now
            logger.error("a trace was dropped (%s); %d so far", reason, self._dropped)
