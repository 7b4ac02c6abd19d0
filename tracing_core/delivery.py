"""Into the database, or onto the disk until it is back. One batch is one transaction; a poisoned one is halved."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Protocol

from tracing_core.clock import Clock
from tracing_core.errors import DataRejected, StorageError
from tracing_core.ledger import Ledger, Outcome
from tracing_core.model import TraceData
from tracing_core.preparing import Preparation, Prepared
from tracing_core.sink import Receipt
from tracing_core.spool import NOBODY, UNFORESEEN, UNREADABLE, Spool, claimed
from tracing_core.written import Written

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0


Settle = Callable[[Prepared, Receipt, dict[str, Any]], None]
"""Settles the receipt of a trace with what became of it, or has it settled."""


def settle_now(_prepared: Prepared, receipt: Receipt, outcome: dict[str, Any]) -> None:
    """Settle the receipt of a trace with what became of it."""
    receipt.settle(**outcome)


class BatchStore(Protocol):
    """Stores a batch at once or not at all; `tracing_core.storage.write.TraceTable` is the one."""

    def rated_before(self, ids: Collection[str]) -> dict[str, int]:
        """The lowest rating of those traces that somebody rated before they came."""
        ...

    def write(self, batch: Sequence[Prepared], ledger: Ledger) -> dict[str, Written]:
        """Write the batch and add `ledger`; gives what became of each trace."""
        ...


class Delivery:
    """Stores batches; while the database is away, on disk, trying again after growing pauses.

    Args:
        store: the database.
        spool: the disk.
        clock: for the pauses.
        preparation: keeps the files while the database is away.
        stored: is told of each trace, or piece of one, that the database did not have before.
        settle: settles receipts; may do so later.
        count_refused: whether what can be kept nowhere is lost, and counted so; not where a sender is told to try again.
    """

    def __init__(
        self,
        store: BatchStore,
        spool: Spool,
        clock: Clock,
        preparation: Preparation,
        *,
        stored: Callable[[TraceData], None] = lambda _data: None,
        settle: Settle = settle_now,
        count_refused: bool = True,
    ) -> None:
        self.spool = spool
        self.preparation = preparation
        self._stored = stored
        self._settle = settle
        self._count_refused = count_refused
        self.problem: str | None = None
        self._store = store
        self._clock = clock
        self._pause = _FIRST_PAUSE_SECONDS
        self._try_again_at = float("-inf")
        self._ledger = Ledger()
        self._ledger_lock = threading.Lock()

    def note(self, source: str, outcome: Outcome, reason: str = "", count: int = 1, spans: int = 0) -> None:
        """Enter into the ledger; it is written with the next batch."""
        with self._ledger_lock:
            self._ledger.note(self._clock.now().date(), source, outcome, reason, count, spans)

    def rated_before(self, ids: Collection[str]) -> dict[str, int]:
        """The lowest rating of those traces that somebody rated before they came, which are not to be left out.

        While the database is away nothing is known of that.
        """
        if not ids or self._pausing():
            return {}
        try:
            return self._store.rated_before(ids)
        except StorageError as error:
            self._start_pause(error)
            return {}

    def deliver(self, batch: Sequence[tuple[Prepared, Receipt]]) -> None:
        """Store `batch` and settle its receipts."""
        if self._pausing() or not self._taken(batch):
            self._set_aside(batch)

    def replay(self, batches: Sequence[Path] | None = None) -> None:
        """Store what waits on disk, oldest first, unless the database was away a moment ago.

        Args:
            batches: which; all unless given. One that another process has in hand is left to it, and one that cannot be
                read or taken apart now is left for later: those behind it do not wait for it.
        """
        for path in self.spool.waiting() if batches is None else batches:
            if self._pausing():
                return
            try:
                with claimed(path) as mine:
                    if mine and not self._replayed(path):
                        return
            except OSError as error:
                logger.error("the spooled batch %s is left for later: %s", path.name, error)

    def _replayed(self, path: Path) -> bool:
        """Store a batch; False when the database is away. Nothing is noted twice when it is tried again."""
        waiting: list[tuple[Prepared, Receipt]] = []
        sampled_out: list[TraceData] = []
        unreadable: list[tuple[bytes, str]] = []
        for line in self.spool.read(path):
            if line.trace is None:
                unreadable.append((line.content, line.reason))
                continue
            try:
                prepared = self.preparation.prepare(line.trace)
            except UNFORESEEN as error:
                unreadable.append((line.content, repr(error)))
                continue
            if prepared is None:
                sampled_out.append(line.trace)
            else:
                waiting.append((prepared, Receipt(line.trace.trace_id)))
        if not self._taken(waiting):
            return False
        for data in sampled_out:
            self.note(data.source, Outcome.SAMPLED_OUT, spans=len(data.spans))
        for content, reason in unreadable:
            logger.error("a line of the spooled batch %s cannot be read: %s", path.name, reason)
            self.spool.bury_line(content, reason)
            self.note(NOBODY, Outcome.DEAD_LETTERED, UNREADABLE)
        self.spool.remove(path)
        return True

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
            fates = self._write([prepared for prepared, _ in batch])
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
                fate = fates[prepared.data.trace_id]
                self._settle(prepared, receipt, outcome_of(fate))
                if fate.outcome in ("new", "piece"):
                    self._stored(prepared.data)
        return True

    def _write(self, batch: Sequence[Prepared]) -> dict[str, Written]:
        with self._ledger_lock:
            ledger = Ledger(self._ledger)
        fates = self._store.write(batch, ledger)
        with self._ledger_lock:
            self._ledger.take_away(ledger)
        if self.problem is not None:
            logger.info("the database is back")
        self.problem, self._pause = None, _FIRST_PAUSE_SECONDS
        return fates

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
        data = prepared.data
        logger.error("trace %s cannot be stored: %s", data.trace_id, error)
        file_error = self.preparation.add_to_file(data)
        try:
            self.spool.bury(data, str(error), spans=prepared.received)
        except OSError as full:
            kept = self._lost([prepared], full)
        else:
            kept = True
            self.note(data.source, Outcome.DEAD_LETTERED, str(error), spans=prepared.received)
        database = "rejected" if kept else "dropped"
        outcome = {"database": database, "database_error": str(error), **_file(prepared, file_error)}
        self._settle(prepared, receipt, outcome)

    def _set_aside(self, batch: Sequence[tuple[Prepared, Receipt]]) -> None:
        kept_ones = [prepared.data for prepared, _ in batch if prepared.kept]
        errors = iter(self.preparation.each(self.preparation.add_to_file, kept_ones))
        files = [next(errors) if prepared.kept else None for prepared, _ in batch]
        try:
            self.spool.keep([prepared.data for prepared, _ in batch])
        except OSError as error:
            kept = self._lost([prepared for prepared, _ in batch], error)
        else:
            kept = True
        for (prepared, receipt), file_error in zip(batch, files, strict=True):
            outcome = {"database": "spooled" if kept else "dropped", "database_error": self.problem}
            self._settle(prepared, receipt, outcome | _file(prepared, file_error))

    def _lost(self, batch: Sequence[Prepared], error: OSError) -> bool:
        logger.error("%d traces cannot be kept, the spool cannot be written: %s", len(batch), error)
        if self._count_refused:
            for prepared in batch:
                reason = "database away and spool not writable"
                self.note(prepared.data.source, Outcome.DROPPED, reason, spans=prepared.received)
        return False

    def _pausing(self) -> bool:
        return self._clock.monotonic_ns() / 1e9 < self._try_again_at

    def _start_pause(self, error: StorageError) -> None:
        if self.problem is None:
            logger.error("traces wait on disk until the database is back: %s", error)
        self.problem = str(error)
        self._try_again_at = self._clock.monotonic_ns() / 1e9 + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)


def outcome_of(fate: Written) -> dict[str, str | None]:
    """What a receipt says of a trace that the database took."""
    database = "sampled_out" if fate.outcome == "sampled_out" else "saved"
    error = {"file_error": fate.file_error} if fate.file_error is not None else {}
    return {"database": database, "file_path": fate.file_path, **error}


def _file(prepared: Prepared, error: str | None) -> dict[str, str | None]:
    if error is not None:
        return {"file_path": None, "file_error": error}
    return {"file_path": prepared.projection.trace["trace_file_path"]}
