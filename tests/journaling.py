"""What tests of the journal share: a writer that waits for the test, and a process that is as good as killed."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tracing_core as tracing
from tests.surroundings import finished
from tracing_core.clock import SystemClock
from tracing_core.freeze import freeze
from tracing_core.ids import IdSource
from tracing_core.journal import Journal
from tracing_core.journal_files import written_lines
from tracing_core.journal_reader import rebuilt, unsettled
from tracing_core.model import TraceData
from tracing_core.recording import current
from tracing_core.runtime import Runtime, configure
from tracing_core.sink import Receipt
from tracing_core.trace import Trace


class HeldSink:
    """A writer that settles what it was given when the test says so."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self.receipts: list[Receipt] = []
        self.at_once: dict[str, Any] = {}

    def submit(self, trace: Trace) -> Receipt:
        receipt = Receipt(trace.trace_id)
        self.traces.append(trace)
        self.receipts.append(receipt)
        if self.at_once:
            receipt.settle(**self.at_once)
        return receipt


@contextmanager
def journaling(directory: Path, sink: HeldSink, clock: Any = None, limit: int = 64_000_000) -> Iterator[Journal]:
    """Recording with a journal; at the end the process is as good as killed."""
    clock = clock or SystemClock()
    journal = Journal(directory, clock, IdSource(), limit_bytes=limit)
    restore = configure(Runtime(clock=clock, sink=sink))
    restore_journaling = configure(Runtime(clock=clock, sink=sink, journal=journal))
    try:
        yield journal
    finally:
        journal._segments.release()
        journal._segments._folder = None
        restore_journaling()
        restore()
        current.set(None)


def start(**facts: Any) -> Trace:
    return finished(tracing.TraceContext.start(**facts))


def lost(directory: Path) -> list[TraceData]:
    """What the journals below `directory` tell of that is not settled."""
    traces = []
    for folder in sorted(path for path in directory.iterdir() if path.is_dir()):
        for run, lines in unsettled(written_lines(folder)).items():
            if (trace := rebuilt(run, lines)) is not None:
                traces.append(freeze(trace))
    return traces


def size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*.jsonl"))


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process can grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
