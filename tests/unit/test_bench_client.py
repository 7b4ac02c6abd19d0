"""The sender of the measurements: what it counts, when it tries again, and that a stall is not hidden."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from bench.measure import percentile
from bench.otlp_bodies import make_bodies
from bench.otlp_client import Client, report
from bench.otlp_sending import Ack, Load, Sent, _place, pause_seconds, send
from bench.otlp_workload import SHORT, Spread

BODIES = make_bodies(10, Spread(end_ns=1_795_000_000 * 10**9), spans_per_body=6, lengths=SHORT)
STALL_SECONDS = 0.4

Answer = tuple[int, dict[str, str], bytes]


class Receiver:
    """Answers the n-th request (from 0) as it is told to, and keeps what came."""

    def __init__(self, answer: Callable[[int], Answer]) -> None:
        self.answer = answer
        self.bodies: list[bytes] = []
        self.lock = threading.Lock()

    def take(self, content: bytes) -> Answer:
        with self.lock:
            self.bodies.append(content)
            number = len(self.bodies) - 1
        return self.answer(number)


@contextmanager
def listening(answer: Callable[[int], Answer]) -> Iterator[tuple[str, Receiver]]:
    """A receiver at a URL."""
    receiver = Receiver(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, body = receiver.take(content)
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", receiver
        server.shutdown()
        thread.join()


def taken(_: int = 0) -> Answer:
    return 200, {}, b""


def test_percentiles_are_of_the_nearest_rank() -> None:
    """P50 and P99 are values that occurred, whatever order they came in."""
    values = [float(value) for value in range(100, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7.0], 0.99)) == (51.0, 100.0, 7.0)


def test_a_report_adds_up_what_was_acknowledged() -> None:
    """Spans by time are the rate; the latencies are the percentiles of the acknowledgements."""
    acks = [Ack(latency_ms=float(number), spans=6) for number in range(1, 101)]
    said = report(Sent(acks=acks, seconds=2.0, taken=101, failures=("500",)))
    assert (said.spans, said.requests, said.spans_per_second) == (600, 100, 300.0)
    assert (said.ack_p50_ms, said.ack_p99_ms, said.ack_max_ms) == (51.0, 100.0, 100.0)
    assert said.failures == ("500",)


def test_a_closed_loop_sends_every_body_under_ids_of_its_own() -> None:
    """Each request that is sent is acknowledged once, and none repeats another."""
    with listening(taken) as (url, receiver):
        sent = send(url, BODIES, Load(senders=3, seconds=0.3))
    assert len(sent.acks) == len(receiver.bodies) == sent.taken > len(BODIES)
    assert len(set(receiver.bodies)) == len(receiver.bodies)


def test_sending_goes_on_where_it_ended() -> None:
    """A second load starts behind the first one, so that no trace is sent twice."""
    with listening(taken) as (url, receiver):
        first = send(url, BODIES, Load(senders=1, seconds=0.1))
        send(url, BODIES, Load(senders=1, seconds=0.1), offset=first.taken)
    assert len(set(receiver.bodies)) == len(receiver.bodies)


def test_an_open_loop_keeps_its_rate() -> None:
    """At 300 spans a second, 50 requests of six spans are due in a second, neither more nor less."""
    with listening(taken) as (url, _):
        sent = send(url, BODIES, Load(senders=4, seconds=0.5, spans_per_second=300))
    assert len(sent.acks) == 25


def test_a_stall_counts_for_every_request_it_delayed() -> None:
    """Latency counts from when a request was due: while the receiver stalls, those behind wait, and that shows."""

    def stalls_first(number: int) -> Answer:
        if number == 0:
            threading.Event().wait(STALL_SECONDS)
        return taken()

    with listening(stalls_first) as (url, _):
        sent = send(url, BODIES, Load(senders=1, seconds=0.2, spans_per_second=60))
    latencies = [ack.latency_ms for ack in sent.acks]
    assert len(latencies) == 2
    assert latencies[1] > (STALL_SECONDS - 0.1) * 1000 * 0.9


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_receiver_is_asked_again(status: int) -> None:
    """429 and 503 are tried again after the pause that the receiver asked for, with the same body; nothing is lost."""

    def busy_twice(number: int) -> Answer:
        return (status, {"Retry-After": "0"}, b"busy") if number < 2 else taken()

    with listening(busy_twice) as (url, receiver):
        sent = send(url, BODIES, Load(senders=1, seconds=0.05, spans_per_second=60))
    assert (len(sent.acks), sent.tries_again, sent.failures) == (1, 2, ())
    assert len(set(receiver.bodies)) == 1


def test_a_refusal_is_a_failure_with_its_reason() -> None:
    """A 400 is not tried again, and what the receiver said of it is reported."""
    with listening(lambda _: (400, {}, b"bad body")) as (url, receiver):
        sent = send(url, BODIES, Load(senders=1, seconds=0.05, spans_per_second=60))
    assert (sent.acks, len(receiver.bodies)) == ([], 1)
    assert sent.failures == ("400 after 1 tries: bad body",)


def test_partial_success_is_counted() -> None:
    """Spans that the receiver refused within a 200 are no acknowledged spans."""
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 2
    with listening(lambda _: (200, {}, answer.SerializeToString())) as (url, _):
        sent = send(url, BODIES, Load(senders=1, seconds=0.05, spans_per_second=60))
    assert (sent.rejected_spans, sum(ack.spans for ack in sent.acks)) == (2, 4)


@pytest.mark.parametrize(("said", "seconds"), [("2", 2.0), ("600", 5.0), (None, 0.1), ("soon", 0.1), ("-1", 0.0)])
def test_pauses_are_bounded(said: str | None, seconds: float) -> None:
    """The receiver says how long to wait, within bounds; without a word it is a tenth of a second."""
    assert pause_seconds(said) == seconds


def test_the_client_is_a_process_that_reports() -> None:
    """`Client` makes its requests first, sends several loads, and says what came of each."""
    with (
        listening(taken) as (url, receiver),
        Client(url, traces=10, end_ns=1_795_000_000 * 10**9, spans_per_body=30) as client,
    ):
        assert not receiver.bodies
        first = client.send(Load(senders=1, seconds=0.2))
        second = client.send(Load(senders=1, seconds=0.2, spans_per_second=300))
    assert first.requests + second.requests == len(receiver.bodies) == len(set(receiver.bodies))
    assert first.spans == first.requests * 30


def test_a_client_whose_requests_are_all_refused_says_why() -> None:
    """A load without one acknowledgement is no measurement."""
    with (
        listening(lambda _: (404, {}, b"no such path")) as (url, _),
        Client(url, traces=2, end_ns=1_795_000_000 * 10**9) as client,
        pytest.raises(RuntimeError, match="404 after 1 tries: no such path"),
    ):
        client.send(Load(senders=1, seconds=0.05, spans_per_second=1000))


@pytest.mark.parametrize(("senders", "bodies"), [(1, 5), (3, 5), (4, 8), (8, 3)])
def test_no_request_is_sent_twice_whoever_sends_it(senders: int, bodies: int) -> None:
    """All bodies have their turns, each in one round once, and those of a sender come in their order."""
    places = [_place(number, senders, bodies) for number in range(200)]
    assert len(set(places)) == 200
    assert {place for _, place in places} == set(range(bodies))
    of_first = [place for _, place in places[:: min(senders, bodies)]]
    stretch = len(set(of_first))
    assert of_first == [number % stretch for number in range(len(of_first))]
