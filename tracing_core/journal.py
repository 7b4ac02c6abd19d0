"""The journal: what an instrumented program has recorded, where `kill -9` of the program cannot reach it.

A line is written when a span opens and when it ends, when a run starts, changes, is marked and is handed over. Lines go into a file
that is mapped into memory: a copy of some hundred bytes, no system call, no letting go of the interpreter's lock. The
next start of a program with the same data directory reads what is left (`journal_recovery.py`). A run that is stored, or
otherwise settled, is noted as such, and segments that hold nothing else are deleted.
"""

from __future__ import annotations

import atexit
import logging
import os
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracing_core.clock import Clock
from tracing_core.ids import IdSource
from tracing_core.journal_lines import are_same, careful_line, ended_line, facts_of, open_line, run_line
from tracing_core.journal_segments import Segments
from tracing_core.sink import UNWRITTEN_AT_EXIT, Receipt, Sink

if TYPE_CHECKING:
    from tracing_core.recording import Span
    from tracing_core.trace import Trace

logger = logging.getLogger(__name__)

_LARGEST_SHARE = 8
"""A line longer than this part of the whole journal is written without its content."""
_BETWEEN_LOOKS_NS = 1_000_000
"""Between two looks whether the facts of a run changed, which costs as much as a span."""


class Journal:
    """The journal of this process. Its methods never raise and never wait for the disk; after a failure they do nothing.

    Args:
        directory: `{data}/journal`, which has a folder for each process.
        clock: for the name of the folder.
        ids: keeps the names of two processes apart.
        limit_bytes: its size at most; of more, the oldest part is given up.
    """

    def __init__(self, directory: Path, clock: Clock, ids: IdSource, *, limit_bytes: int) -> None:
        self.problem: str | None = None
        """Why it is off."""
        self.closing = False
        """Whether it takes up no more runs."""
        self._directory = directory.absolute()
        self._names = iter(lambda: f"{clock.now():%Y%m%d_%H%M%S}_{ids.span_id()}", "")
        self._limit = limit_bytes
        self._complained = False
        self._segments = self._fresh()
        atexit.register(self.close)
        this = weakref.ref(self)

        def start_anew_in_child() -> None:
            if (journal := this()) is not None:
                journal.start_anew_in_child()

        os.register_at_fork(after_in_child=start_anew_in_child)

    def _fresh(self) -> Segments:
        return Segments(self._directory, self._names, self._limit)

    def start_anew_in_child(self) -> None:
        """In a forked child: the files, and the runs that were under way, are its parent's."""
        self._segments.release()
        self._segments = self._fresh()
        self.problem = None

    # --- in the host's threads ---

    def begin(self, trace: Trace) -> None:
        """Take up a run that has just started."""
        if self.closing or self.problem is not None:
            return
        if self._guarded(self._segments.hold, trace.root.number):
            trace.journal = self
            self._guarded(self._put_facts, trace, facts_of(trace))

    def opened(self, span: Span) -> None:
        """Write a span below another that has just been opened."""
        segments = self._segments
        if span.trace.root.number in segments.began:  # else settled, given up, or begun before this process was forked
            try:
                segments.write(open_line(span))
            except (ValueError, TypeError, RecursionError):  # no room, or not JSON as it is
                self.note(span)

    def ended(self, span: Span) -> None:
        """Write a span below another that has just ended; and its run's facts, when they changed, now and then."""
        trace, segments = span.trace, self._segments
        if trace.root.number not in segments.began:
            return
        try:
            segments.write(ended_line(span))
        except (ValueError, TypeError, RecursionError):
            self.note(span)
        if (end := span.end_tick or 0) > trace.look_again_at:
            trace.look_again_at = end + _BETWEEN_LOOKS_NS
            if not are_same(facts := facts_of(trace), trace.journaled):
                self._guarded(self._put_facts, trace, facts)

    def note(self, span: Span) -> None:
        """Write any span as it is now."""
        if span.trace.root.number in self._segments.began:
            self._guarded(self._put_span, span)

    def mark(self, trace: Trace) -> None:
        """Write a run as it is at its end."""
        if trace.root.number in self._segments.began:
            self._guarded(self._put_span, trace.root)
            self._guarded(self._put_facts, trace, facts_of(trace))

    def hand_over(self, trace: Trace, sink: Sink) -> Receipt:
        """Write a run as it is at its end, give it to `sink`, and note when it is settled there."""
        trace.journal = None  # what its spans do from here on is not to bring it back
        run = trace.root.number
        if run not in self._segments.began:
            return sink.submit(trace)
        if not are_same(facts_of(trace), trace.journaled):  # else it was marked a moment ago, and is as it was then
            self.mark(trace)
        receipt = sink.submit(trace)
        receipt.when_settled(partial(self._heard, run))
        return receipt

    def _put_facts(self, trace: Trace, facts: tuple[Any, ...]) -> None:
        trace.journaled = facts
        self._segments.put(run_line(trace, facts, self._limit // _LARGEST_SHARE))

    def _put_span(self, span: Span) -> None:
        self._segments.put(careful_line(span, self._limit // _LARGEST_SHARE))

    def _guarded(self, act: Callable[..., Any], *given: Any) -> bool:
        """Do what must not disturb the host; gives whether it worked."""
        try:
            act(*given)
        except OSError as error:
            self._switch_off(error)
            return False
        except Exception:
            if not self._complained:
                self._complained = True
                logger.exception("something cannot be written into the journal")
            return False
        return True

    def _switch_off(self, error: OSError) -> None:
        """A journal that cannot be written is no reason to disturb anybody."""
        self._segments.turn_off()
        if self.problem is None:
            self.problem = f"{type(error).__name__}: {error}"
            logger.error("the journal is off, what is not stored yet would not survive a kill: %s", error)

    # --- where runs are settled: the writer's thread ---

    def _heard(self, run: int, outcome: dict[str, Any]) -> None:
        if outcome.get("database_error") not in UNWRITTEN_AT_EXIT:
            self._guarded(self._settle, run)

    def _settle(self, run: int) -> None:
        if not self._segments.settle(run):
            return
        if self.closing or self.problem is not None:
            self._segments.remove_unheld()
        else:
            self._segments.tidy()

    def close(self) -> None:
        """Take up no more runs; the files go when the last one is settled. What is not, the next start recovers."""
        self.closing = True
        self._guarded(self._segments.remove_unheld)
        atexit.unregister(self.close)
