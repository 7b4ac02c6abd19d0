"""Into the database, or onto the disk until it is back. One batch is one transaction; a poisoned one is halved."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

from tracing_core.clock import Clock
from tracing_core.errors import DataRejected, StorageError
from tracing_core.ledger import Ledger, Outcome
from tracing_core.model import TraceData
from tracing_core.preparing import Preparation, Prepared
from tracing_core.projection import Projection
from tracing_core.sink import Receipt
from tracing_core.spool import Spool

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0


class BatchStore(Protocol):
    """Stores a batch at once or not at all; `tracing_core.storage.write.TraceTable` is the one."""

    def write(self, batch: Sequence[Projection], ledger: Ledger) -> frozenset[str]:
        """Write the batch and add `ledger`; gives the ids that were new."""
        ...


class Delivery:
    """Stores batches; while the database is away, on disk, trying again after growing pauses.

    Args:
        store: the database.
        spool: the disk.
        clock: for the pauses.
    """

    def __init__(self, store: BatchStore, spool: Spool, clock: Clock) -> None:
        self.spool = spool
        self.problem: str | None = None
        self._store = store
        self._clock = clock
        self._pause = _FIRST_PAUSE_SECONDS
        self._try_again_at = float("-inf")
        self._ledger = Ledger()
        self._ledger_lock = threading.Lock()

    def note(self, source: str, outcome: Outcome, reason: str = "", count: int = 1) -> None:
        """Enter into the ledger; it is written with the next batch."""
        with self._ledger_lock:
            self._ledger.note(self._clock.now().date(), source, outcome, reason, count)

    def deliver(self, batch: Sequence[tuple[Prepared, Receipt]]) -> None:
        """Store `batch` and settle its receipts."""
        if self._pausing() or not self._taken(batch):
            self._set_aside(batch)

    def replay(self, preparation: Preparation) -> None:
        """Store what waits on disk, oldest first, unless the database was away a moment ago."""
        for path in self.spool.waiting():
            if self._pausing():
                return
            waiting = preparation.prepare_again(self.spool.read(path))
            self._taken([(prepared, Receipt(prepared.data.trace_id)) for prepared in waiting])
            if self._pausing():
                return
            self.spool.remove(path)

    def settle_ledger(self) -> None:
        """Write the lines of the ledger that no batch took along."""
        if any(self._ledger.values()) and not self._pausing():
            self._taken([])

    def start_anew(self) -> None:
        """Forget what the ledger has yet to write; in a forked child that is its parent's."""
        self._ledger = Ledger()
        self._ledger_lock = threading.Lock()

    def _taken(self, batch: Sequence[tuple[Prepared, Receipt]]) -> bool:
        """Give `batch` to the database, which may refuse traces in it; False when it is away."""
        try:
            self._write([prepared.projection for prepared, _ in batch])
        except DataRejected as error:
            self._halve(batch, error)
        except StorageError as error:
            self._start_pause(error)
            return False
        except Exception as error:  # a trace of a kind that nobody foresaw must not stop the writer
            logger.exception("storing failed")
            self._halve(batch, error)
        else:
            for prepared, receipt in batch:
                receipt.settle(database="saved", **prepared.file_outcome)
        return True

    def _write(self, batch: Sequence[Projection]) -> None:
        with self._ledger_lock:
            ledger = Ledger(self._ledger)
        self._store.write(batch, ledger)
        with self._ledger_lock:
            self._ledger.subtract(ledger)
        if self.problem is not None:
            logger.info("the database is back")
        self.problem, self._pause = None, _FIRST_PAUSE_SECONDS

    def _halve(self, batch: Sequence[tuple[Prepared, Receipt]], error: Exception) -> None:
        if not batch:
            logger.error("the ledger cannot be written: %s", error)
            return
        if len(batch) == 1:
            self._bury(*batch[0], error)
            return
        middle = len(batch) // 2
        self.deliver(batch[:middle])
        self.deliver(batch[middle:])

    def _bury(self, prepared: Prepared, receipt: Receipt, error: Exception) -> None:
        logger.error("trace %s cannot be stored: %s", prepared.data.trace_id, error)
        self._keep_or_count([prepared.data], Outcome.DEAD_LETTERED, str(error))
        receipt.settle(database="rejected", database_error=str(error), **prepared.file_outcome)

    def _set_aside(self, batch: Sequence[tuple[Prepared, Receipt]]) -> None:
        kept = self._keep_or_count([prepared.data for prepared, _ in batch])
        for prepared, receipt in batch:
            receipt.settle(
                database="spooled" if kept else "dropped", database_error=self.problem, **prepared.file_outcome
            )

    def _keep_or_count(self, traces: Sequence[TraceData], outcome: Outcome | None = None, reason: str = "") -> bool:
        """Put traces on disk, for good with an `outcome`; where the disk refuses too, they are lost, and counted so."""
        try:
            if outcome is None:
                self.spool.keep(traces)
            else:
                self.spool.bury(traces[0], reason)
                self.note(traces[0].source, outcome, reason)
        except OSError as error:
            logger.error("%d traces are lost, the spool cannot be written: %s", len(traces), error)
            for trace in traces:
                self.note(trace.source, Outcome.DROPPED, "database away and spool not writable")
            return False
        return True

    def _pausing(self) -> bool:
        return self._clock.monotonic_ns() / 1e9 < self._try_again_at

    def _start_pause(self, error: StorageError) -> None:
        if self.problem is None:
            logger.error("traces wait on disk until the database is back: %s", error)
        self.problem = str(error)
        self._try_again_at = self._clock.monotonic_ns() / 1e9 + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)
