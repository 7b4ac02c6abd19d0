"""Takes what a process found out about its sources to the database: every few seconds, and when one is new at once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from tracing_core.clock import Clock
from tracing_core.errors import StorageError
from tracing_core.ids import IdSource
from tracing_core.ingest import Receiver
from tracing_core.source_report import ProcessReport, SourceReport
from tracing_core.storage.database import Database
from tracing_core.storage.diagnostics_write import PROCESS, REFUSALS, SOURCE, Note, forget_notes, keep_notes
from tracing_core.writer import TraceWriter, WriterStats

logger = logging.getLogger(__name__)

SECONDS = 5.0
KEPT = timedelta(days=30)
MOST_QUESTIONS = 15
"""That are told, of those that a process asks its database."""
_SECONDS_TO_CLOSE = 5.0
_LEAST_SECONDS = 0.5
"""Between two times, however much is new: refusals may come by the thousand."""


class DiagnosticsKeeper:
    """A thread that writes, from `start` to `close`. While the database is away it waits; nothing is lost but time.

    Args:
        database: where to.
        ingest: whose diagnostics.
        writer: of the same process; None in one that only stores for another, which says what waits in both.
        clock, ids: for the name of the process.
        seconds: between two times when nothing is new.
    """

    def __init__(
        self,
        database: Database,
        ingest: Receiver,
        writer: TraceWriter | None,
        clock: Clock,
        ids: IdSource,
        seconds: float = SECONDS,
    ) -> None:
        self._database = database
        self._ingest = ingest
        self._writer = writer
        self._clock = clock
        self._seconds = seconds
        self._started_at = clock.now()
        self._name = f"{self._started_at:%Y%m%d_%H%M%S}_{ids.span_id()}"
        self._written: dict[str, SourceReport] = {}
        self._refused = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tracewhy-diagnostics", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Write once more, and end."""
        self._stopping.set()
        self._ingest.diagnostics.news.set()
        if self._thread.ident is not None:
            self._thread.join(_SECONDS_TO_CLOSE)

    def keep(self) -> None:
        """Write what changed since the last time.

        Raises:
            StorageError: it could not be written; the next time has it all.
        """
        _, refused = self._ingest.diagnostics.changes
        sources = {f"{each.source}\n{each.scope}": each for each in self._ingest.diagnostics.sources()}
        changed = {name: each for name, each in sources.items() if self._written.get(name) != each}
        notes = [
            Note(kind=SOURCE, name=name, seen_at=each.last_seen, document=each.document())
            for name, each in changed.items()
        ]
        if refused != self._refused:
            last = self._ingest.diagnostics.refusals()
            document = {"refusals": [each.document() for each in last]}
            notes.append(Note(kind=REFUSALS, name="", seen_at=last[-1].at, document=document))
        if self._writer is not None:
            state = self._state(self._writer.stats())
            notes.append(Note(kind=PROCESS, name="", seen_at=state.seen_at, document=state.document()))
        keep_notes(self._database, self._name, notes)
        self._written, self._refused = sources, refused

    def _state(self, writer: WriterStats) -> ProcessReport:
        """What waits in this process now."""
        return ProcessReport(
            started_at=self._started_at,
            seen_at=self._clock.now(),
            queue_bytes=self._ingest.waiting_bytes,
            queue_requests=self._ingest.waiting_requests,
            queue_limit=self._ingest.most_bytes,
            writer_queued=writer.queued,
            writer_dropped=writer.dropped,
            problem=writer.problem,
            journal_problem=writer.journal_problem,
            slowest=self._database.times.report()[:MOST_QUESTIONS],
        )

    def _run(self) -> None:
        self._try(lambda: forget_notes(self._database, self._clock.now() - KEPT))
        self._ingest.diagnostics.news.clear()
        self._try(self.keep)
        while not self._stopping.wait(_LEAST_SECONDS):
            self._ingest.diagnostics.news.wait(self._seconds)
            self._ingest.diagnostics.news.clear()
            self._try(self.keep)
        self._try(self.keep)

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except StorageError as error:
            logger.debug("the diagnostics wait in memory: %s", error)
