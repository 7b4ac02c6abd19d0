"""What is told of a run once it is stored: its summary, its scorecard, and what calibration saw in it. Off the way of the run.

A thread of its own takes runs from a bounded queue; what finds no place there is stored all the same. A run of
OpenTelemetry comes in pieces, to any process: it is looked at again, ever later, until its root is there.
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
from typing import Any

from rich.console import Console

from tracing_core.calibration_flags import CalibrationFlags
from tracing_core.clock import Clock
from tracing_core.errors import InvalidInput, StorageError
from tracing_core.files import TraceFiles
from tracing_core.given import OTLP
from tracing_core.model import TraceData, TraceStatus
from tracing_core.preparing import Prepared
from tracing_core.query.calibration import JudgedRun
from tracing_core.run_files import Alert, write_summary
from tracing_core.sink import Receipt
from tracing_core.spool import UNFORESEEN
from tracing_core.summary import compact, has_stages, markdown, summary_of, verbose

logger = logging.getLogger(__name__)

MOST_WAITING = 1_000
"""Runs that may wait to be told of, and as many that are not whole yet."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 2.0, 2_048.0
_GATE = "quality_gate"
_ENDED = (TraceStatus.COMPLETE, TraceStatus.FAILED)
_PASSING = (StorageError, OSError, InvalidInput, *UNFORESEEN)

Outcome = dict[str, Any]


class Reviewer:
    """Takes stored runs and tells of them.

    Args:
        flags: looks for patterns; None for no calibration.
        files: where summaries go; None for no summaries.
        clock: for when a run that is not whole is looked at again.
        most: runs that may wait.
    """

    def __init__(
        self, flags: CalibrationFlags | None, files: TraceFiles | None, clock: Clock, *, most: int = MOST_WAITING
    ) -> None:
        self._flags = flags
        self._files = files
        self._clock = clock
        self._most = most
        self.start_anew()
        atexit.register(self.close)
        this = weakref.ref(self)

        def start_anew_in_child() -> None:
            if (reviewer := this()) is not None:
                reviewer.start_anew()

        os.register_at_fork(after_in_child=start_anew_in_child)

    def start_anew(self) -> None:
        """Begin with an empty queue; also in a forked child, where what waits is the parent's."""
        self._queue: deque[Callable[[], None]] = deque()
        self._later: dict[str, _Later] = {}
        self._state = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._said_full = False

    def settle(self, prepared: Prepared, receipt: Receipt, outcome: Outcome) -> None:
        """Settle the receipt of a run that was recorded here: at once, or with what is told of it when that is told."""
        data, row = prepared.data, prepared.projection.trace
        if data.source == OTLP:
            receipt.settle(**outcome)
            if outcome["database"] == "saved":
                self.stored(data)
            return
        judged = self._flags is not None and outcome["database"] == "saved" and _is_judged(row)
        summary = self._files is not None and outcome.get("file_path") is not None and has_stages(data)
        work = _Run(data=data, row=row, receipt=receipt, outcome=outcome, judged=judged, summary=summary)
        if not (judged or summary or receipt.scorecard) or not self._put(lambda: self._tell(work)):
            receipt.settle(**outcome)

    def stored(self, data: TraceData) -> None:
        """Look at a trace that came from elsewhere, or a piece of one, when it has a quality gate."""
        if self._flags is None:
            return
        trace_id = data.trace_id
        if data.iterations or trace_id in self._later or any(span.name == _GATE for span in data.spans):
            self._put(lambda: self._look(trace_id))

    def flush(self, timeout: float = 10.0) -> bool:
        """Tell of what waits now, within `timeout` seconds; gives whether that was done. What is not whole yet may wait longer."""
        told = threading.Event()
        with self._state:
            if self._closed:
                return not self._queue
            self._queue.append(told.set)
            self._state.notify()
        self._begin()
        return told.wait(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Tell of what waits, within `timeout` seconds, and stop; what is left is settled without being told of."""
        with self._state:
            self._closed = True
            self._state.notify_all()
        thread = self._thread
        if thread is None:
            self._run()
        elif thread is not threading.current_thread():
            thread.join(timeout)
            if thread.is_alive():
                logger.error("%d runs were stored and not looked through in time", len(self._queue) + 1)
        atexit.unregister(self.close)

    def _put(self, work: Callable[[], None]) -> bool:
        with self._state:
            if self._closed or len(self._queue) >= self._most:
                if not (self._closed or self._said_full):
                    self._said_full = True
                    logger.error("more runs are stored than can be looked through; some get no flags and no summary")
                return False
            self._queue.append(work)
            self._state.notify()
        self._begin()
        return True

    def _begin(self) -> None:
        with self._state:
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._run, name="tracewhy-review", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # no thread to spare now, or the program ends; `close` does what waits
                logger.debug("runs wait to be looked through: %s", error)
            else:
                self._thread = thread

    def _run(self) -> None:
        while (work := self._next()) is not None:
            try:
                work()
            except Exception:
                logger.exception("a run could not be looked through")

    def _next(self) -> Callable[[], None] | None:
        """What is to be done now; None when all is and no more will come."""
        with self._state:
            while True:
                if self._queue:
                    return self._queue.popleft()
                self._said_full = False
                now = self._clock.monotonic_ns() / 1e9
                due = min(self._later.items(), key=lambda each: each[1].due, default=None)
                if due is not None and (self._closed or due[1].due <= now):
                    return lambda trace_id=due[0]: self._look(trace_id)  # type: ignore[misc]
                if self._closed:
                    return None
                self._state.wait(None if due is None else due[1].due - now)

    def _look(self, trace_id: str) -> None:
        """Look for patterns in a trace, or again later when it has not ended."""
        assert self._flags is not None
        before = self._later.pop(trace_id, None)
        try:
            run = self._flags.run(trace_id)
            if run is None:
                return
            if run.status in _ENDED:
                self._flags.act(run, self._flags.check(run))
                return
        except _PASSING as error:
            logger.error("trace %s could not be looked through for patterns: %s", trace_id, error)
            return
        pause = _FIRST_PAUSE_SECONDS if before is None else before.pause * 2
        if self._closed or pause > _LONGEST_PAUSE_SECONDS or len(self._later) >= self._most:
            return
        self._later[trace_id] = _Later(due=self._clock.monotonic_ns() / 1e9 + pause, pause=pause)

    def _tell(self, run: _Run) -> None:
        """Tell of a run that was recorded here, and settle its receipt; what fails keeps nothing else from being told."""
        added: Outcome = {}
        try:
            for step in (self._check, self._write, self._print, self._act):
                try:
                    step(run, added)
                except _PASSING as error:
                    logger.error("of run %s not all could be told: %s", run.data.trace_id, error)
                    if step in (self._check, self._act):
                        added["calibration_error"] = str(error)
        finally:
            run.receipt.settle(**run.outcome, **added)

    def _check(self, run: _Run, added: Outcome) -> None:
        if self._flags is None or not run.judged:
            return
        added["calibration_flags"] = []
        run.stored = self._flags.run(run.data.trace_id)
        run.seen = () if run.stored is None else self._flags.check(run.stored)
        added["calibration_flags"] = [alert.message for alert in run.seen]

    def _write(self, run: _Run, added: Outcome) -> None:
        if self._files is None or not run.summary:
            return
        text = markdown(summary_of(run.data.spans, run.row), [alert.message for alert in run.seen])
        added["summary_file"] = write_summary(self._files, run.data.project, run.data.trace_id, text)

    def _print(self, run: _Run, _added: Outcome) -> None:
        if run.receipt.scorecard is not None:
            layout = verbose if run.receipt.scorecard == "verbose" else compact
            console = Console(stderr=True, soft_wrap=True, highlight=False)
            console.print(layout(summary_of(run.data.spans, run.row)))

    def _act(self, run: _Run, _added: Outcome) -> None:
        if self._flags is not None and run.stored is not None:
            self._flags.act(run.stored, run.seen)


@dataclass(kw_only=True, slots=True)
class _Run:
    """A run that waits to be told of, and what was found out about it meanwhile."""

    data: TraceData
    row: dict[str, Any]
    receipt: Receipt
    outcome: Outcome
    judged: bool
    summary: bool
    stored: JudgedRun | None = None
    seen: tuple[Alert, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Later:
    """When to look again, in seconds of the clock, and how long the pause before that is."""

    due: float
    pause: float


def _is_judged(row: dict[str, Any]) -> bool:
    """Whether the quality gate of a run said anything."""
    said = (row["quality_gate_passed"], row["overall_quality_score"], row["gap_principles"])
    return any(each is not None for each in said)
