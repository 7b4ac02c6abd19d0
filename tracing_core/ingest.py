"""Takes spans from other processes: several requests share a commit, and each is answered when that is done.

Requests wait in a queue that is bounded by their bytes. Lanes empty it: one makes the next batch ready while the database
works on what another wrote. Of several processes each has one, so that more requests share a commit.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from tracing_core.clock import Clock, SystemClock
from tracing_core.delivery import Delivery
from tracing_core.diagnostics import Diagnostics
from tracing_core.errors import DatabaseUnavailable, InvalidInput, Overloaded
from tracing_core.given import OTLP
from tracing_core.ledger import Outcome
from tracing_core.model import SpanData
from tracing_core.preparing import Prepared
from tracing_core.sink import Receipt
from tracing_core.spool import UNFORESEEN
from tracing_core.tally import Tally

if TYPE_CHECKING:
    from tracing_core.otlp.spans import Received

logger = logging.getLogger(__name__)

Read = Callable[[], "Received"]
"""Gives the spans of a request."""
LANES = 2
_BYTES_IN_A_COMMIT = 8_000_000
_SECONDS_TO_CLOSE = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """What became of a request.

    Args:
        spans: how many were taken: stored, or left out by sampling.
        rejected: how many were not, each time with the reason.
    """

    spans: int
    rejected: tuple[tuple[int, str], ...] = ()


@dataclass(kw_only=True, slots=True)
class _Work:
    """A request: how to read it, the bytes it holds, and who waits for it."""

    read: Read
    size: int
    project: str | None
    future: Future[Accepted] = field(default_factory=Future)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    receipts: list[tuple[int, Receipt]] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class _Pieces:
    """The spans of one trace in a batch, and the requests that brought them, each with how many."""

    spans: list[SpanData] = field(default_factory=list)
    brought: list[tuple[_Work, int]] = field(default_factory=list)


class Receiver(Protocol):
    """Takes requests over and has them stored: `Ingest` in this process, `IngestPool` in others."""

    most_bytes: int
    diagnostics: Diagnostics
    tally: Tally

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the requests that are not answered yet."""
        ...

    @property
    def waiting_requests(self) -> int:
        """Requests that wait."""
        ...

    def offer(self, read: Read, size: int, *, project: str | None = None) -> Future[Accepted]:
        """Take a request over."""
        ...

    def close(self) -> None:
        """Answer what waits, and stop."""


class Ingest:
    """The queue of requests and the lanes that empty it.

    Args:
        make_delivery: a delivery for each lane; what they cannot keep is refused, so that the sender tries again.
        most_bytes: that may wait; one request more is refused.
        clock: for how long storing takes, and for what the diagnostics say of times.
        lanes: how many batches are under way at once.
    """

    def __init__(
        self,
        make_delivery: Callable[[], Delivery],
        most_bytes: int = 64_000_000,
        clock: Clock | None = None,
        lanes: int = LANES,
    ) -> None:
        self._make_delivery = make_delivery
        self._most_lanes = lanes
        self.most_bytes = most_bytes
        self._clock = clock or SystemClock()
        self.diagnostics = Diagnostics(self._clock)
        self.tally = Tally()
        self._queue: deque[_Work] = deque()
        self._bytes = 0
        self._state = threading.Condition()
        self._closed = False
        self._lanes: list[threading.Thread] = []

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the requests that are not answered yet."""
        return self._bytes

    @property
    def waiting_requests(self) -> int:
        """Requests that no lane has taken yet."""
        return len(self._queue)

    def offer(self, read: Read, size: int, *, project: str | None = None) -> Future[Accepted]:
        """Take a request over.

        Args:
            read: gives its spans; called in a lane.
            size: bytes that it holds in memory until it is answered.
            project: of its traces, when the sender says so beside the spans.

        Returns:
            Resolved when the spans are safe: committed, or on the disk while the database is away. Raises InvalidInput
            when the request cannot be read, DatabaseUnavailable when nothing was kept and trying again may help.

        Raises:
            Overloaded: too much waits already; nothing was taken.
        """
        work = _Work(read=read, size=size, project=project)
        with self._state:
            if self._closed or (self._bytes and self._bytes + size > self.most_bytes):
                raise Overloaded
            self._bytes += size
            self._queue.append(work)
            if len(self._lanes) < self._most_lanes:
                self._open_lane()
            self._state.notify()
        return work.future

    def close(self) -> None:
        """Answer what waits, and stop."""
        with self._state:
            self._closed = True
            self._state.notify_all()
        for lane in self._lanes:
            lane.join(_SECONDS_TO_CLOSE)

    def _open_lane(self) -> None:
        name = f"tracewhy-ingest-{len(self._lanes)}"
        self._lanes.append(threading.Thread(target=self._run, name=name, daemon=True))
        self._lanes[-1].start()

    def _run(self) -> None:
        delivery: Delivery | None = None
        while batch := self._next():
            try:
                delivery = delivery or self._make_delivery()
                self._store(delivery, batch)
            except Exception as error:  # the lane must go on for the others
                logger.exception("requests could not be stored")
                for work in batch:
                    self._answer(work, DatabaseUnavailable(f"storing failed ({type(error).__name__}); try again"))

    def _next(self) -> list[_Work]:
        """What waits, as much as one commit takes; nothing when all is done and the queue is closed."""
        with self._state:
            self._state.wait_for(lambda: self._queue or self._closed)
            batch: list[_Work] = []
            size = 0
            while self._queue and (not batch or size + self._queue[0].size <= _BYTES_IN_A_COMMIT):
                work = self._queue.popleft()
                size += work.size
                batch.append(work)
            return batch

    def _store(self, delivery: Delivery, batch: Sequence[_Work]) -> None:
        readable = [(work, received) for work in batch if (received := self._read(delivery, work)) is not None]
        ready = []
        for trace_id, pieces in _by_trace(readable).items():
            receipt = Receipt(trace_id)
            for work, count in pieces.brought:
                work.receipts.append((count, receipt))
            prepared = _prepare(delivery, trace_id, pieces, receipt)
            if prepared is not None:
                ready.append((prepared, receipt))
        if ready:
            start = self._clock.monotonic_ns()
            delivery.deliver(ready)
            seconds = (self._clock.monotonic_ns() - start) / 1e9
            self.tally.committed(seconds, len(readable), sum(prepared.received for prepared, _ in ready))
        delivery.settle_ledger()
        for work, _ in readable:
            self._answer(work, self._outcome(work))

    def _read(self, delivery: Delivery, work: _Work) -> Received | None:
        try:
            received = work.read()
        except InvalidInput as error:
            self._answer(work, error)
            return None
        except MemoryError:
            self._answer(work, Overloaded())
            return None
        except UNFORESEEN as error:  # a request of such a kind must not cost those beside it
            logger.exception("a request cannot be read")
            self._answer(work, InvalidInput("body", f"cannot be read ({type(error).__name__})"))
            return None
        work.rejected.extend((1, f"{refused.reason} (span {refused.span})") for refused in received.rejected)
        for refused in received.rejected:
            delivery.note(OTLP, Outcome.DROPPED, f"refused: {refused.reason}", count=0, spans=1)
        self.tally.read(sum(map(len, received.traces.values())), len(received.rejected))
        self.diagnostics.saw(received.traces)
        if work.rejected:
            count = (
                f"{len(work.rejected)} of the request's spans" if len(work.rejected) > 1 else "a span of the request"
            )
            self.diagnostics.refused("traces", 200, f"{count}: {work.rejected[0][1]}")
        return received

    def _outcome(self, work: _Work) -> Accepted | Exception:
        outcomes = [(count, receipt.result(0)) for count, receipt in work.receipts]
        if any(outcome["database"] == "dropped" for _, outcome in outcomes):
            return DatabaseUnavailable("neither the database nor the disk takes spans at the moment; try again")
        refused = [
            (count, outcome["database_error"]) for count, outcome in outcomes if outcome["database"] == "rejected"
        ]
        taken = sum(count for count, outcome in outcomes if outcome["database"] != "rejected")
        self.tally.taken(taken, sum(count for count, _ in refused))
        return Accepted(spans=taken, rejected=(*work.rejected, *refused))

    def _answer(self, work: _Work, outcome: Accepted | Exception) -> None:
        """Tell who waits, who may offer another request at once: what this one held is free by then."""
        with self._state:
            self._bytes -= work.size
            work.size = 0
        with suppress(InvalidStateError):  # it was answered before, or whoever asked has gone
            if isinstance(outcome, Exception):
                work.future.set_exception(outcome)
            else:
                work.future.set_result(outcome)


def _by_trace(requests: Iterable[tuple[_Work, Received]]) -> dict[str, _Pieces]:
    found: dict[str, _Pieces] = {}
    for work, received in requests:
        for trace_id, spans in received.traces.items():
            pieces = found.setdefault(trace_id, _Pieces())
            pieces.spans.extend(spans if work.project is None else _of_project(spans, work.project))
            pieces.brought.append((work, len(spans)))
    return found


def _of_project(spans: Iterable[SpanData], project: str) -> list[SpanData]:
    return [replace(span, otel={**span.otel, "project": project}) for span in spans]


def _prepare(delivery: Delivery, trace_id: str, pieces: _Pieces, receipt: Receipt) -> Prepared | None:
    """The trace, ready; None when it goes no further, and the receipt says why."""
    preparation, received = delivery.preparation, len(pieces.spans)
    try:
        data = preparation.assemble(trace_id, pieces.spans)
        prepared = preparation.prepare(data, pieces=len(pieces.brought), received=received)
    except Exception as error:  # spans of a kind that nobody foresaw must not cost those of others
        logger.exception("the spans of trace %s cannot be put together", trace_id)
        reason = f"unreadable: {type(error).__name__}"
        delivery.note(OTLP, Outcome.DROPPED, reason, len(pieces.brought), received)
        receipt.settle(database="rejected", database_error=reason)
        return None
    if prepared is None:
        delivery.note(OTLP, Outcome.SAMPLED_OUT, "", len(pieces.brought), received)
        receipt.settle(database="sampled_out")
    return prepared
