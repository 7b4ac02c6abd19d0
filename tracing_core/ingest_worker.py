"""One of the processes of an `IngestPool`: stores the requests that come through its pipe, and ends when that closes."""

from __future__ import annotations

import gc
import logging
import threading
from concurrent.futures import Future
from contextlib import suppress

from tracing_core.clock import SystemClock
from tracing_core.diagnostics_keeping import DiagnosticsKeeper
from tracing_core.errors import Overloaded, TracewhyError
from tracing_core.ids import IdSource
from tracing_core.ingest import Accepted, Receiver
from tracing_core.ingest_jobs import NOBODY, Answer, Job
from tracing_core.logs import log_to_stderr
from tracing_core.pipe import Pipe
from tracing_core.settings import Settings
from tracing_core.storage.embedded import release_embedded
from tracing_core.store import open_store
from tracing_core.tally import NotedTally

logger = logging.getLogger(__name__)

_OBJECTS_BETWEEN_COLLECTIONS = 20_000
"""Spans are many objects and no rings, so that looking for garbage among them finds nothing and costs time."""


def work(pipe: Pipe) -> None:
    """Store what comes until the pipe closes. Its settings come first.

    Raises:
        TracewhyError: it cannot start.
    """
    try:
        settings: Settings = pipe.receive()
    except EOFError:
        return
    log_to_stderr(settings.log_level)
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])
    store = open_store(settings)
    tally = store.ingest.tally = NotedTally()
    keeper = DiagnosticsKeeper(store.database, store.ingest, None, SystemClock(), IdSource())
    try:
        keeper.start()
        _Worker(store.ingest, tally, pipe).run()
    finally:
        store.close()
        keeper.close()
        release_embedded()


class _Worker:
    """Moves jobs from the pipe to ingest, and their answers back."""

    def __init__(self, ingest: Receiver, tally: NotedTally, pipe: Pipe) -> None:
        self._ingest = ingest
        self._tally = tally
        self._pipe = pipe
        self._sending = threading.Lock()
        tally.tell = lambda: self._answer(NOBODY, Accepted(spans=0))

    def run(self) -> None:
        """Until the parent says that it was all, or is gone."""
        with suppress(EOFError, OSError):
            while (job := self._pipe.receive()) is not None:
                self._take(job)
        self._ingest.close()

    def _take(self, job: Job) -> None:
        def answer(done: Future[Accepted]) -> None:
            error = done.exception()
            self._answer(job.number, done.result() if error is None else error)

        try:
            self._ingest.offer(job.read, job.size, project=job.project).add_done_callback(answer)
        except Overloaded as error:
            self._answer(job.number, error)

    def _answer(self, number: int, outcome: Accepted | BaseException) -> None:
        if isinstance(outcome, BaseException) and not isinstance(outcome, TracewhyError):
            raise outcome  # nothing else is given to who waits
        with self._sending, suppress(OSError):  # the parent is gone, and its senders with it
            self._pipe.send(Answer(number=number, outcome=outcome, notes=self._tally.take_notes()))
