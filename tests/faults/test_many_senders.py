"""A thousand senders at once, and a load that goes on: files that are open and memory stay within bounds."""

from __future__ import annotations

import asyncio
import resource
import statistics
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.faults.nursery import Nursery, Service
from tests.faults.otlp_load import Load, Request, Seen, assert_all_there, make_request
from tests.service.serving import eventually
from tracing_core.storage.database import Database

pytestmark = pytest.mark.faults

SENDERS = 1000
WARM_SECONDS, LOAD_SECONDS = 10, 20
_MOMENT = threading.Event()


@contextmanager
def many_files() -> Iterator[None]:
    """A connection for each sender may be held within the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < SENDERS + 200:
        pytest.skip(f"only {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, SENDERS + 200), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def send_at_once(service: Service, requests: list[Request], watch: list[int]) -> list[int]:
    """The statuses of so many requests, none of which is sent before all are connected."""
    host, port = str(urlsplit(service.url).hostname), urlsplit(service.url).port
    connected = asyncio.Barrier(len(requests))

    async def send(request: Request) -> int:
        reader, writer = await asyncio.open_connection(host, port)
        await connected.wait()
        if not watch:
            watch.append(open_files(service))
        head = f"POST /v1/traces HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-protobuf\r\n"
        writer.write(f"{head}content-length: {len(request.body)}\r\nconnection: close\r\n\r\n".encode() + request.body)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return int(answer.split()[1])

    return await asyncio.gather(*map(send, requests))


def open_files(service: Service) -> int:
    """How many files and connections it holds."""
    return int(psutil.Process(service.pid).num_fds())


def test_a_thousand_senders_at_once_are_all_served(
    services: Nursery, database: Database, database_url: str, data_dir: Path
) -> None:
    """Each hears 200 and is stored, three times over; when they are gone the service holds as few files as before."""
    service, seen = services.ready(data_dir, DATABASE_URL=database_url), Seen()
    idle, watch = open_files(service), list[int]()
    with many_files():
        for turn in range(3):
            requests = [make_request(turn * SENDERS + number) for number in range(SENDERS)]
            statuses = asyncio.run(send_at_once(service, requests, watch))
            assert Counter(statuses) == {200: SENDERS}
            for request in requests:
                seen.sent |= request.spans
                seen.acknowledged |= request.spans
    assert watch[0] <= idle + SENDERS + 50
    eventually(lambda: open_files(service) <= idle + 20)
    assert_all_there(database, seen)
    service.kill()


def test_a_load_that_goes_on_leaves_memory_as_it_was(
    services: Nursery, database: Database, database_url: str, data_dir: Path
) -> None:
    """After the first seconds, in which what is made once is made, resident memory changes by less than a tenth."""
    service = services.ready(data_dir, DATABASE_URL=database_url)
    with Load(lambda: [service.url], padding=2_000) as load:
        _MOMENT.wait(WARM_SECONDS)
        before = resident(service)
        _MOMENT.wait(LOAD_SECONDS)
        after = resident(service)
    assert after < before * 1.1, (before, after)
    assert_all_there(database, load.seen)
    service.kill()


def resident(service: Service) -> float:
    """Its resident memory in bytes: the median of some looks."""
    looks = []
    for _ in range(9):
        looks.append(psutil.Process(service.pid).memory_info().rss)
        _MOMENT.wait(0.1)
    return float(statistics.median(looks))
