"""Requests are stored by processes beside the one that took them; whichever of these ends, nobody is told a lie (E1, E2)."""

from __future__ import annotations

import os
import pickle
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.otlp_messages import otlp_request, otlp_span
from tests.postgres.tables import assert_balanced, rows
from tests.service.serving import eventually
from tests.surroundings import PATIENCE_SECONDS
from tracing_core import ingest_worker
from tracing_core.errors import BodyTooLarge, DatabaseUnavailable, InvalidInput, Overloaded, TracewhyError
from tracing_core.fork_server import ForkServer
from tracing_core.ingest import Read
from tracing_core.ingest_pool import IngestPool
from tracing_core.otlp.decode import PROTOBUF
from tracing_core.otlp.reading import read_traces
from tracing_core.settings import Settings, read_settings
from tracing_core.storage.database import Database
from tracing_core.storage.tables import trace_spans, traces

SIZE = 1_000
PARENT = """
import os, signal
from tracing_core.fork_server import ForkServer

def work(pipe):
    print(os.getpid(), flush=True)
    pipe.receive()

server = ForkServer(work)
started = server.start()
signal.pause()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    made = ForkServer(ingest_worker.work)
    yield made
    made.close()


@pytest.fixture
def settings(database_url: str, data_dir: Path) -> Settings:
    return read_settings(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=str(data_dir), TRACEWHY_INGEST_PROCESSES="2")


@pytest.fixture
def pool(server: ForkServer, settings: Settings) -> Iterator[IngestPool]:
    with closing(IngestPool(server, settings)) as made:
        yield made


def request(trace: int, *spans: int) -> Read:
    """A request with these spans of a trace; the first is the root when it is 1."""
    made = [
        otlp_span(
            {},
            trace_id=trace.to_bytes(16),
            span_id=number.to_bytes(8),
            parent_span_id=b"" if number == 1 else b"\1" * 8,
        )
        for number in spans
    ]
    return partial(read_traces, otlp_request(*made), PROTOBUF, None, 10**6)


def pids_of(pool: IngestPool) -> list[int]:
    return [member.pid for member in pool.members]


def test_what_is_answered_is_stored(pool: IngestPool, database: Database) -> None:
    """Sixty requests, also two with pieces of one trace: each is told its number of spans, and they are there, once."""
    offered = [pool.offer(request(number // 2 + 1, *((1, 2) if number % 2 else (3,))), SIZE) for number in range(60)]
    assert [one.result(PATIENCE_SECONDS).spans for one in offered] == [1, 2] * 30
    assert len(rows(database, trace_spans)) == 90
    assert len(rows(database, traces)) == 30
    assert pool.waiting_bytes == pool.waiting_requests == 0
    assert_balanced(database)


def test_what_they_count_is_counted_here(pool: IngestPool) -> None:
    """The counts of both processes add up, so that one look at /metrics shows them."""
    for number in range(10):
        pool.offer(request(number + 1, 1, 2), SIZE).result(PATIENCE_SECONDS)
    assert pool.tally.spans() == {"received": 20, "taken": 20, "refused": 0}
    assert pool.tally.commits()["spans"].total == 20


def test_what_they_send_on_is_counted_here(server: ForkServer, settings: Settings) -> None:
    """As soon as it is known, without waiting for another request: here that nobody is at the other end."""
    with closing(IngestPool(server, settings.model_copy(update={"export_endpoint": "http://127.0.0.1:9"}))) as pool:
        pool.offer(request(1, 1), SIZE).result(PATIENCE_SECONDS)
        eventually(lambda: pool.tally.exports()["retries"])
        assert pool.tally.exports()["waiting"] == 1


def test_a_request_that_cannot_be_read_is_refused_alone(pool: IngestPool) -> None:
    """Its sender hears which field is wrong, as it would without processes; the others are stored."""
    bad = pool.offer(partial(read_traces, b"\xff\xff", PROTOBUF, None, 10**6), SIZE)
    large = pool.offer(partial(read_traces, b"x" * 100, PROTOBUF, None, 10), SIZE)
    good = pool.offer(request(1, 1), SIZE)
    with pytest.raises(InvalidInput, match="body: is not a protobuf"):
        bad.result(PATIENCE_SECONDS)
    with pytest.raises(BodyTooLarge) as refused:
        large.result(PATIENCE_SECONDS)
    assert refused.value.most_bytes == 10
    assert good.result(PATIENCE_SECONDS).spans == 1


def test_no_more_waits_than_may(server: ForkServer, settings: Settings) -> None:
    """What would be too much together is refused at once; a large one that comes alone is taken."""
    with closing(IngestPool(server, settings.model_copy(update={"ingest_bytes": 100}))) as pool:
        for pid in pids_of(pool):
            os.kill(pid, signal.SIGSTOP)
        first = pool.offer(request(1, 1), SIZE)
        with pytest.raises(Overloaded):
            pool.offer(request(2, 1), SIZE)
        for pid in pids_of(pool):
            os.kill(pid, signal.SIGCONT)
        assert first.result(PATIENCE_SECONDS).spans == 1


def test_a_process_that_is_killed_is_replaced(pool: IngestPool, database: Database) -> None:
    """Whoever had given it a request is told to try again, the other process goes on, and soon there are two again."""
    victims = pids_of(pool)
    for pid in victims:
        os.kill(pid, signal.SIGSTOP)
    offered = [pool.offer(request(number + 1, 1), SIZE) for number in range(2)]
    os.kill(victims[0], signal.SIGKILL)
    os.kill(victims[1], signal.SIGCONT)
    outcomes = [one.exception(PATIENCE_SECONDS) for one in offered]
    assert sorted(map(type, outcomes), key=str) == sorted((DatabaseUnavailable, type(None)), key=str)
    eventually(lambda: len(set(pids_of(pool)) - set(victims)) == 1)
    again = [pool.offer(request(number + 1, 1), SIZE) for number in range(2)]
    assert [one.result(PATIENCE_SECONDS).spans for one in again] == [1, 1]
    assert len(rows(database, trace_spans)) == 2


def test_close_answers_what_waits(server: ForkServer, settings: Settings, database: Database) -> None:
    """Everything that was taken is answered before the processes end; after that nothing is taken."""
    pool = IngestPool(server, settings)
    offered = [pool.offer(request(number + 1, 1), SIZE) for number in range(20)]
    pool.close()
    assert sum(one.result(0).spans for one in offered) == 20
    assert len(rows(database, traces)) == 20
    with pytest.raises(Overloaded):
        pool.offer(request(99, 1), SIZE)


def test_they_end_with_their_parent() -> None:
    """However it ends: a process whose parent was killed holds neither memory nor connections."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        handle = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
        ended, _, _ = select.select((handle,), (), (), PATIENCE_SECONDS)
        os.close(handle)
    assert ended


@pytest.mark.parametrize(
    "error",
    [InvalidInput("body", "is bad"), BodyTooLarge(7), Overloaded(3.0), DatabaseUnavailable("away"), TracewhyError()],
)
def test_errors_say_the_same_in_another_process(error: TracewhyError) -> None:
    """The message and what it is made of."""
    told = pickle.loads(pickle.dumps(error))
    assert (type(told), str(told), vars(told)) == (type(error), str(error), vars(error))
