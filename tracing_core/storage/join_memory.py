"""What a process remembers of large traces that it joined pieces to, so that the next piece need not read all of them again.

It is only a memory: what the database says counts, and what is not remembered is read.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tracing_core.model import SpanData
from tracing_core.normal_form import SpanFacts
from tracing_core.projection import Row

_MOST_BYTES = 32_000_000
_FEWEST_SPANS = 500
"""Smaller traces are read as quickly as they are looked up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """A stored trace, as it was after a piece was joined to it.

    Args:
        created_at: of its row; another one's trace was removed and came again.
        version: of its row; with another, somebody else wrote to it since.
        spans: all of them, whole.
        facts: what they say of themselves.
        span_rows, decisions: as they are stored; None where that was not read.
        last_part: what comes after it in `span_payloads` is not known here.
        parts_started_at: what the parts have as their time.
        size: bytes of its contents.
        in_file: spans that its file had when it was last written whole.
    """

    created_at: datetime
    version: str
    spans: Mapping[str, SpanData]
    facts: Mapping[str, SpanFacts]
    span_rows: Mapping[str, Row]
    decisions: tuple[Row, ...] | None
    last_part: int
    parts_started_at: datetime
    size: int
    in_file: int


class JoinMemory:
    """The traces joined last. Safe to share between threads.

    Args:
        most_bytes: of contents, which take twice as much as objects; a larger trace is not remembered.
        fewest_spans: a smaller trace is not remembered.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES, fewest_spans: int = _FEWEST_SPANS) -> None:
        self._most_bytes = most_bytes
        self._fewest_spans = fewest_spans
        self.start_anew()
        this = weakref.ref(self)

        def start_anew_in_child() -> None:
            if (memory := this()) is not None:
                memory.start_anew()

        os.register_at_fork(after_in_child=start_anew_in_child)

    def start_anew(self) -> None:
        """Begin with nothing; in a forked child a thread that is only in the parent may have held it."""
        self._lock = threading.Lock()
        self._traces: OrderedDict[str, Remembered] = OrderedDict()
        self._size = 0

    def take(self, trace_id: str) -> Remembered | None:
        """What is remembered of a trace; it is forgotten with that, until it is kept again."""
        with self._lock:
            found = self._traces.pop(trace_id, None)
            self._size -= found.size if found is not None else 0
            return found

    def keep(self, trace_id: str, trace: Remembered) -> None:
        """Remember a trace once it is committed; the one that was joined longest ago is forgotten for it."""
        self.take(trace_id)
        if trace.size > self._most_bytes or len(trace.spans) < self._fewest_spans:
            return
        with self._lock:
            self._traces[trace_id] = trace
            self._size += trace.size
            while self._size > self._most_bytes:
                _, forgotten = self._traces.popitem(last=False)
                self._size -= forgotten.size
