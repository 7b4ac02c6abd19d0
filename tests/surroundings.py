"""What stands around recording in tests: ids that repeat, spans found by name, and a batch store that can be held up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from itertools import count
from pathlib import Path

from tests.factories import NOON
from tracing_core.clock import Clock, ManualClock
from tracing_core.cost import CostTracker
from tracing_core.delivery import Delivery
from tracing_core.files import TraceFiles
from tracing_core.ids import IdSource
from tracing_core.latency_watch import LatencyWatch
from tracing_core.ledger import Ledger, Outcome
from tracing_core.model import SpanData, TraceData
from tracing_core.preparing import Preparation, Prepared
from tracing_core.projection import Projector
from tracing_core.quality import QualityRules
from tracing_core.sampling import Sampler, keep_all
from tracing_core.spool import Spool
from tracing_core.trace import Trace
from tracing_core.writer import TraceWriter
from tracing_core.written import Written

PATIENCE_SECONDS = 20.0
"""How long a test waits for what must happen, before it says that it did not."""


def repeatable_ids() -> IdSource:
    """Ids that count: 1, 2, 3."""
    numbers = count(1)
    return IdSource(lambda _bits: next(numbers))


def by_name(trace: TraceData) -> dict[str, SpanData]:
    """The spans of a trace whose spans all have names of their own."""
    assert len({span.name for span in trace.spans}) == len(trace.spans)
    return {span.name: span for span in trace.spans}


def tree(trace: TraceData) -> dict[str, str | None]:
    """The name of each span, and that of its parent."""
    names = {span.span_id: span.name for span in trace.spans}
    return {span.name: names[span.parent_id] if span.parent_id else None for span in trace.spans}


class HeldStore:
    """A database that keeps batches in a list, each after `gate` opens."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.called = threading.Event()
        self.batches: list[list[str]] = []
        self.ledger = Ledger()
        self.trouble: Callable[[Sequence[Prepared]], None] = lambda _batch: None
        self.preparation = make_preparation()

    def rated_before(self, _ids: Collection[str]) -> dict[str, int]:
        return {}

    def write(self, batch: Sequence[Prepared], ledger: Ledger) -> dict[str, Written]:
        self.called.set()
        assert self.gate.wait(PATIENCE_SECONDS)
        self.trouble(batch)
        self.batches.append([prepared.data.trace_id for prepared in batch])
        self.ledger.update(ledger)
        for prepared in batch:
            self.ledger.note(NOON.date(), prepared.data.source, Outcome.STORED)
        return {prepared.data.trace_id: self._written(prepared) for prepared in batch}

    def _written(self, prepared: Prepared) -> Written:
        error = self.preparation.write_file(prepared.data)
        path = None if error else self.preparation.path(prepared.data)
        return Written(outcome="new", new_spans=prepared.received, file_path=path, file_error=error)

    @property
    def stored(self) -> list[str]:
        """The ids of all traces that were stored, in order."""
        return [trace_id for batch in self.batches for trace_id in batch]


def make_writer(
    store: HeldStore,
    data_dir: Path,
    *,
    clock: Clock | None = None,
    sampler: Sampler = keep_all,
    queue_size: int = 10_000,
    batch_size: int = 100,
    flush_seconds: float = 3600.0,
) -> TraceWriter:
    """A writer into `store`, with files and spool below `data_dir`."""
    clock, ids = clock or ManualClock(NOON), IdSource()
    store.preparation = make_preparation(data_dir, sampler)
    delivery = Delivery(store, Spool(data_dir / "spool", clock, ids), clock, store.preparation)
    return TraceWriter(delivery, clock, queue_size=queue_size, batch_size=batch_size, flush_seconds=flush_seconds)


def make_preparation(
    data_dir: Path | None = None, sampler: Sampler = keep_all, watch: LatencyWatch | None = None
) -> Preparation:
    """The default rules and prices, with files below `data_dir` when there is one."""
    return Preparation(
        projector=Projector(rules=QualityRules(), prices=CostTracker()),
        sampler=sampler,
        files=None if data_dir is None else TraceFiles(data_dir / "projects"),
        watch=watch,
    )


def totals(ledger: Ledger) -> dict[str, int]:
    """What the ledger counts by outcome, whatever day, source and reason."""
    sums: dict[str, int] = {}
    for key, number in ledger.items():
        sums[key.outcome] = sums.get(key.outcome, 0) + number
    return {str(outcome): number for outcome, number in sorted(sums.items()) if number}


def finished(trace: object) -> Trace:
    """`trace`, known to be one that records."""
    assert isinstance(trace, Trace)
    return trace
