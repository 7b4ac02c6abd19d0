"""Requests with spans share commits, and each is answered by what became of its own (E1, E2, E15)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from tests.factories import NOON, make_span
from tests.postgres.tables import assert_balanced, ledger_of, rows
from tests.surroundings import PATIENCE_SECONDS, HeldStore, make_preparation
from tracing_core.clock import ManualClock
from tracing_core.delivery import Delivery
from tracing_core.errors import DatabaseUnavailable, DataRejected, InvalidInput, Overloaded
from tracing_core.ids import IdSource
from tracing_core.ingest import Accepted, Ingest
from tracing_core.ledger import Ledger
from tracing_core.model import SpanData
from tracing_core.otlp.spans import Received, Rejection
from tracing_core.spool import Spool
from tracing_core.storage.database import Database
from tracing_core.storage.tables import trace_spans, traces
from tracing_core.storage.write import TraceTable
from tracing_core.written import Written

_SIZE = 1_000


def span(number: int, parent: int | None = None) -> SpanData:
    parent_id = None if parent is None else f"{parent:016x}"
    return make_span(span_id=f"{number:016x}", parent_id=parent_id, otel={"start_ns": number})


def request(*numbers: int, trace: int = 1) -> Callable[[], Received]:
    """A request with these spans of a trace; the first is the root when it is 1."""
    spans = tuple(span(number, None if number == 1 else 1) for number in numbers)
    return lambda: Received(traces={f"{trace:032x}": spans})


class Gate:
    """Writes into a database, when `open` is set; counts transactions and can be in trouble.

    Args:
        table: what writes.
    """

    def __init__(self, table: TraceTable) -> None:
        self._table = table
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Semaphore(0)
        self.batches: list[list[str]] = []
        self.trouble: Callable[[], None] = lambda: None

    def write(self, batch: Any, ledger: Ledger) -> dict[str, Written]:
        self.reached.release()
        assert self.open.wait(PATIENCE_SECONDS)
        self.trouble()
        if batch:
            self.batches.append([prepared.data.trace_id for prepared in batch])
        return self._table.write(batch, ledger)


class Place:
    """An ingest into a database, with a spool, and a gate before it."""

    def __init__(self, database: Database, data_dir: Path) -> None:
        self.clock = ManualClock(NOON)
        self.preparation = make_preparation(data_dir)
        self.gate = Gate(TraceTable(database, self.preparation))
        self.spool = Spool(data_dir / "spool", self.clock, IdSource(), most_bytes=20_000)
        self.ingest = Ingest(self.delivery, most_bytes=10 * _SIZE, clock=self.clock)

    def delivery(self) -> Delivery:
        return Delivery(self.gate, self.spool, self.clock, self.preparation, count_refused=False)

    def offer(self, read: Callable[[], Received], **given: Any) -> Future[Accepted]:
        return self.ingest.offer(read, _SIZE, **given)

    def hold(self) -> None:
        """Keep both lanes busy at the closed gate, so that what is offered from now on waits."""
        self.gate.open.clear()
        for lane in (101, 102):
            self.offer(request(1, trace=lane))
            assert self.gate.reached.acquire(timeout=PATIENCE_SECONDS)


@pytest.fixture
def place(database: Database, data_dir: Path) -> Iterator[Place]:
    made = Place(database, data_dir)
    yield made
    made.gate.open.set()
    made.ingest.close()


def test_requests_that_wait_share_a_commit(place: Place, database: Database) -> None:
    """Five requests, two of them with the same trace: one transaction, and each is told its own number of spans."""
    place.hold()
    waiting = [place.offer(request(*range(1, n + 2), trace=max(n, 2))) for n in range(1, 6)]
    place.gate.open.set()
    assert [one.result(PATIENCE_SECONDS).spans for one in waiting] == [2, 3, 4, 5, 6]
    place.ingest.close()
    assert [len(batch) for batch in place.gate.batches] == [1, 1, 4]
    assert len(rows(database, trace_spans)) == 2 + 3 + 4 + 5 + 6
    assert_balanced(database)
    assert place.ingest.waiting_bytes == 0


def test_many_senders_at_once_are_all_answered(place: Place, database: Database) -> None:
    """Pieces of ten traces from forty threads: every span is there once."""
    answers: list[Accepted] = []

    def send(number: int) -> None:
        while True:
            try:
                answers.append(place.offer(request(number // 10 + 1, trace=number % 10 + 1)).result(PATIENCE_SECONDS))
            except Overloaded:
                continue
            return

    threads = [threading.Thread(target=send, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert sum(answer.spans for answer in answers) == 40
    assert len(rows(database, trace_spans)) == 40
    assert_balanced(database)


def test_what_cannot_be_read_costs_only_itself(place: Place, database: Database) -> None:
    """InvalidInput goes to its sender, and so does whatever else reading it may raise; the others are stored."""

    def bad() -> Received:
        raise InvalidInput("body", "is no request")

    def worse() -> Received:
        raise RecursionError("too deep")

    place.hold()
    good, refused, unforeseen = place.offer(request(1)), place.offer(bad), place.offer(worse)
    also_good = place.offer(request(1, trace=2))
    place.gate.open.set()
    assert good.result(PATIENCE_SECONDS).spans == also_good.result(PATIENCE_SECONDS).spans == 1
    with pytest.raises(InvalidInput):
        refused.result(PATIENCE_SECONDS)
    with pytest.raises(InvalidInput):
        unforeseen.result(PATIENCE_SECONDS)
    place.ingest.close()
    assert len(rows(database, traces)) == 4
    assert_balanced(database)


def test_refused_spans_are_told_and_counted(place: Place, database: Database) -> None:
    """The good ones of the same request are stored."""
    one = Received(traces={f"{7:032x}": (span(1),)}, rejected=(Rejection(reason="it has no start time", span="'x'"),))
    answer = place.offer(lambda: one).result(PATIENCE_SECONDS)
    assert answer == Accepted(spans=1, rejected=((1, "it has no start time (span 'x')"),))
    assert_balanced(database)


def test_a_project_said_beside_the_spans_counts(place: Place, database: Database) -> None:
    """For this request alone."""
    place.offer(request(1), project="shop").result(PATIENCE_SECONDS)
    place.offer(request(1, trace=2)).result(PATIENCE_SECONDS)
    assert {row["trace_id"][-1]: row["project"] for row in rows(database, traces)} == {"1": "shop", "2": "default"}


def test_too_much_is_refused_before_it_is_taken(place: Place) -> None:
    """By bytes; but one request alone always goes, however large it is."""
    place.hold()
    for number in range(8):
        place.offer(request(1, trace=number + 10))
    with pytest.raises(Overloaded):
        place.offer(request(1, trace=99))
    assert (place.ingest.waiting_bytes, place.ingest.waiting_requests) == (10 * _SIZE, 8)
    place.gate.open.set()


def test_a_request_larger_than_the_queue_goes_alone(place: Place) -> None:
    """Otherwise its sender would try for ever."""
    assert place.ingest.offer(request(1), 10**9).result(PATIENCE_SECONDS).spans == 1


def away() -> None:
    raise DatabaseUnavailable("the server does not answer")


def test_while_the_database_is_away_requests_are_answered_from_the_disk(
    place: Place, database: Database, data_dir: Path
) -> None:
    """What waits there is stored once the database is back, once."""
    place.gate.trouble = away
    assert place.offer(request(1, 2)).result(PATIENCE_SECONDS).spans == 2
    assert place.offer(request(3)).result(PATIENCE_SECONDS).spans == 1
    assert place.spool.waiting_count() == 2
    assert rows(database, traces) == []
    place.gate.trouble = lambda: None
    place.clock.advance(60)
    delivery = place.delivery()
    delivery.replay()
    assert place.spool.waiting_count() == 0
    assert [row["span_count"] for row in rows(database, traces)] == [3]
    assert_balanced(database)


def test_when_the_disk_is_full_too_the_sender_keeps_its_spans(place: Place, database: Database) -> None:
    """It is told to try again, so nothing counts as dropped; later the same request goes through."""
    place.gate.trouble = away
    large = Received(traces={f"{5:032x}": (make_span(attributes={"text": "x" * 30_000}),)})
    with pytest.raises(DatabaseUnavailable):
        place.offer(lambda: large).result(PATIENCE_SECONDS)
    place.gate.trouble = lambda: None
    place.clock.advance(60)
    assert place.offer(lambda: large).result(PATIENCE_SECONDS).spans == 1
    assert ledger_of(database) == {"received": 1, "stored": 1}


def test_what_the_database_refuses_is_told(place: Place, database: Database) -> None:
    """A trace that cannot be stored is set aside, and its sender knows why; those of others go in."""
    refusing = HeldStore()

    def refuse(batch: Any) -> None:
        if any(prepared.data.trace_id.endswith("1") for prepared in batch):
            raise DataRejected("no such number")

    refusing.trouble = refuse
    ingest = Ingest(lambda: Delivery(refusing, place.spool, place.clock, place.preparation, count_refused=False))
    both = Received(traces={f"{1:032x}": (span(1), span(2, 1)), f"{2:032x}": (span(1),)})
    answer = ingest.offer(lambda: both, _SIZE).result(PATIENCE_SECONDS)
    ingest.close()
    assert answer.spans == 1
    ((count, reason),) = answer.rejected
    assert count == 2
    assert "no such number" in reason
    assert place.spool.dead_count() == 1


def test_closing_answers_what_waits(place: Place, database: Database) -> None:
    """And takes nothing more."""
    place.hold()
    waiting = [place.offer(request(1, trace=number)) for number in range(1, 5)]
    closing = threading.Thread(target=place.ingest.close)
    closing.start()
    place.gate.open.set()
    closing.join(PATIENCE_SECONDS)
    assert [one.done() and one.result().spans for one in waiting] == [1, 1, 1, 1]
    with pytest.raises(Overloaded):
        place.offer(request(1))
    assert len(rows(database, traces)) == 6


def test_lanes_go_on_after_anything(place: Place, database: Database) -> None:
    """Whatever a store raises costs the requests of that moment, and no lane."""

    def broken() -> None:
        raise RuntimeError("nobody foresaw this")

    place.gate.trouble = broken
    for _ in range(6):
        ((count, reason),) = place.offer(request(1)).result(PATIENCE_SECONDS).rejected
        assert (count, reason) == (1, "nobody foresaw this")
    place.gate.trouble = lambda: None
    assert place.offer(request(1, trace=3)).result(PATIENCE_SECONDS).spans == 1


def test_a_lane_that_cannot_begin_tries_again(place: Place) -> None:
    """Requests do not wait for ever for a lane that never came up."""
    failures = iter([OSError("too many open files"), OSError("too many open files")])

    def delivery() -> Delivery:
        for failure in failures:
            raise failure
        return place.delivery()

    ingest = Ingest(delivery)
    for number in (1, 2):
        with pytest.raises(DatabaseUnavailable, match="OSError"):
            ingest.offer(request(1, trace=number), _SIZE).result(PATIENCE_SECONDS)
    assert ingest.offer(request(1, trace=3), _SIZE).result(PATIENCE_SECONDS).spans == 1
    ingest.close()
    assert ingest.waiting_bytes == 0


def test_one_who_has_gone_does_not_stop_the_others(place: Place, database: Database) -> None:
    """A sender that gave up waiting: its spans are stored all the same."""
    place.hold()
    gone, other = place.offer(request(1)), place.offer(request(1, trace=2))
    assert gone.cancel()
    place.gate.open.set()
    assert other.result(PATIENCE_SECONDS).spans == 1
    place.ingest.close()
    assert len(rows(database, traces)) == 4


def test_who_hears_that_a_request_is_done_may_send_a_large_one(place: Place) -> None:
    """What is answered takes no room any more: a body that turns out larger than it said is offered again at once."""

    def unreadable() -> Received:
        raise InvalidInput("body", "is larger than it said")

    again: Future[Future[Accepted]] = Future()

    def once_more(_answered: Future[Accepted]) -> None:
        try:
            again.set_result(place.ingest.offer(request(1), 10**9))
        except Overloaded as error:
            again.set_exception(error)

    place.ingest.offer(unreadable, _SIZE).add_done_callback(once_more)
    assert again.result(PATIENCE_SECONDS).result(PATIENCE_SECONDS).spans == 1
