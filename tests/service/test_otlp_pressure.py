"""The receivers when more comes than can be stored, and when senders do not wait for their answer."""

from __future__ import annotations

import asyncio
import json
import select
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

import tracing_core as tracing
from service.bodies import ReadingRoom
from tests.service.receiving import PROTOBUF, Receiving, export, receiving, request, span
from tests.service.serving import WAIT, eventually
from tracing_core.query.trace import get_trace

MOST = 1_000_000
ROOM = 300_000
LONG_NAME = "x" * 60_000
PADDING = {"attributes": [{"key": "padding", "value": {"stringValue": "x" * 50_000}}]}


@pytest.fixture
def service(database_url: str, data_dir: Path) -> Iterator[Receiving]:
    """A service with little room for what waits."""
    settings = {"TRACEWHY_INGEST_BYTES": ROOM, "TRACEWHY_MAX_OTLP_BYTES": MOST}
    store = tracing.init(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir, **settings)
    with receiving(store) as service:
        yield service
    store.close()


@contextmanager
def locked(database_url: str) -> Iterator[None]:
    """Nothing can be stored within the block: somebody holds the table."""
    connection = psycopg2.connect(database_url)
    try:
        connection.cursor().execute("LOCK TABLE traces IN EXCLUSIVE MODE")
        yield
        connection.rollback()
    finally:
        connection.close()


def test_too_much_is_refused_and_nothing_acknowledged_is_lost(service: Receiving, database_url: str) -> None:
    """While the database stands still some wait and the others hear 503 with Retry-After; all who hear 200 are stored."""
    refused = threading.Event()

    def send(number: int) -> int:
        with httpx.Client(base_url=service.url, timeout=60) as client:
            answer = client.post("/v1/traces", json=request(span(number, **PADDING)))
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.json()["code"] == 8
            refused.set()
        return answer.status_code

    with ThreadPoolExecutor(20) as senders:
        with locked(database_url):
            answers = {number: senders.submit(send, number) for number in range(1, 21)}
            assert refused.wait(WAIT)
            eventually(lambda: service.store.ingest.waiting_bytes <= ROOM)
        statuses = {number: answer.result(60) for number, answer in answers.items()}
    assert set(statuses.values()) == {200, 503}
    for number, status in statuses.items():
        assert (get_trace(service.store.database, f"{number:032x}") is not None) == (status == 200)
    assert service.store.ingest.waiting_bytes == 0


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_the_exporter_comes_again(
    service: Receiving, database_url: str, caplog: pytest.LogCaptureFixture, protocol: str
) -> None:
    """OpenTelemetry's own exporter, told to come again, does so by itself, and its spans are stored."""
    exporter = HttpExporter(f"{service.url}/v1/traces") if protocol == "http" else GrpcExporter(service.grpc_url)
    many = request(*(span(1, number, **PADDING) for number in range(1, 6)))
    with ThreadPoolExecutor(2) as senders:
        with locked(database_url):
            first = senders.submit(service.client.post, "/v1/traces", json=many)
            eventually(lambda: service.store.ingest.waiting_bytes > ROOM - len(LONG_NAME))
            second = senders.submit(export, exporter, LONG_NAME)
            eventually(lambda: "retrying in" in caplog.text)
        assert first.result(WAIT).status_code == 200
        assert service.names(second.result(WAIT))


def test_a_sender_that_leaves_loses_nothing_that_was_taken(service: Receiving, database_url: str) -> None:
    """A client that hangs up while its request waits for the database finds its spans there all the same."""
    body = json.dumps(request(span(30))).encode()
    with locked(database_url), connected(service) as sender:
        sender.sendall(head(len(body)) + body)
        eventually(lambda: service.store.ingest.waiting_bytes > 0)
    eventually(lambda: get_trace(service.store.database, f"{30:032x}") is not None)


def test_a_sender_that_breaks_off_leaves_nothing_behind(service: Receiving) -> None:
    """Most of a body is no request, and takes no room from those that follow."""
    for _ in range(4):
        with connected(service) as sender:
            sender.sendall(head(MOST) + b"x" * (MOST - 1))
    nonsense = b"\xff" * MOST
    eventually(lambda: service.client.post("/v1/traces", content=nonsense, headers=PROTOBUF).status_code == 400)


def test_bodies_are_read_within_bounds(service: Receiving) -> None:
    """When senders that never come to an end fill what is set aside for reading, the one too many hears 503."""
    with connected(service) as one, connected(service) as two, connected(service) as three:
        for sender in (one, two, three):
            sender.sendall(head(MOST) + b"x" * (MOST - 1))
        answered, _, _ = select.select((one, two, three), (), (), WAIT)
        assert [sender.recv(1000).split(b"\r\n")[0] for sender in answered] == [b"HTTP/1.1 503 Service Unavailable"]


def test_a_sender_that_stalls_is_let_go() -> None:
    """A body that does not come in time is given up, with all the room that it took."""

    async def read() -> None:
        room, pieces = (
            ReadingRoom(10, 10, seconds=0.01),
            [{"type": "http.request", "body": b"123456789", "more_body": True}],
        )

        async def stalling() -> Any:
            return pieces.pop() if pieces else await asyncio.Event().wait()

        async def whole() -> Any:
            return {"type": "http.request", "body": b"1234567890"}

        with pytest.raises(TimeoutError):
            await room.read({"headers": []}, stalling)
        assert await room.read({"headers": []}, whole) == b"1234567890"

    asyncio.run(read())


def connected(service: Receiving) -> socket.socket:
    """A bare connection."""
    host, port = service.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), WAIT)


def head(length: int) -> bytes:
    """The head of a request with a body of so many bytes."""
    lines = (
        "POST /v1/traces HTTP/1.1",
        "host: x",
        "content-type: application/json",
        f"content-length: {length}",
        "",
        "",
    )
    return "\r\n".join(lines).encode()
