"""Several senders on kept-open connections, that post requests and note how long each acknowledgement took."""

from __future__ import annotations

import http.client
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from bench.otlp_bodies import Body

_TIMEOUT_SECONDS = 60.0
_MOST_TRIES = 20
_LONGEST_PAUSE_SECONDS = 5.0
_OK, _BUSY = 200, (429, 503)


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """How much to send.

    Args:
        senders: requests under way at once, at most.
        seconds: how long requests are begun.
        spans_per_second: open loop at this rate; 0 for a closed loop.
    """

    senders: int
    seconds: float
    spans_per_second: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Ack:
    """An acknowledged request; `latency_ms` from when it was due (open loop) or begun (closed loop)."""

    latency_ms: float
    spans: int


@dataclass(kw_only=True, slots=True)
class Sent:
    """What the senders saw, added up; `taken` is how many requests were begun, `cpu_seconds` what sending took."""

    acks: list[Ack] = field(default_factory=list)
    tries_again: int = 0
    rejected_spans: int = 0
    failures: tuple[str, ...] = ()
    seconds: float = 0.0
    taken: int = 0
    cpu_seconds: float = 0.0


class Unacknowledged(Exception):
    """A request that the receiver did not take, with the reason."""


def send(url: str, bodies: Sequence[Body], load: Load, offset: int = 0, end_ns: int = 0) -> Sent:
    """Send `bodies` under new trace ids each time round, until the time is over.

    Each sender's are a stretch of them, in order, as an application has one request under way: a trace that is cut between two
    requests arrives in two, and not at once in both. Their times move along, so that a long load is not all of one minute.

    Args:
        url: where to post them.
        bodies: at least one.
        load: how much.
        offset: how many were sent before, so that none is sent again.
        end_ns: when the last of the spans ended as they were made, nanoseconds since 1970; 0 to leave their times alone.
    """
    sent, lock, numbers = Sent(), threading.Lock(), count()
    start, cpu = time.perf_counter(), time.process_time()
    spans_each = sum(body.spans for body in bodies) / len(bodies)
    interval = spans_each / load.spans_per_second if load.spans_per_second else 0.0

    def work() -> None:
        with_line = _Line(url)
        while True:
            with lock:
                number = next(numbers)
                due = start + number * interval if interval else time.perf_counter()
                if due >= start + load.seconds:
                    break
                sent.taken += 1
            turn, place = _place(number, load.senders, len(bodies))
            content = bodies[place].in_round(offset + turn, max(time.time_ns() - end_ns, 0) if end_ns else 0)
            time.sleep(max(due - time.perf_counter(), 0.0))
            _post(with_line, content, bodies[place].spans, due, sent, lock)
        with_line.close()

    threads = [threading.Thread(target=work) for _ in range(load.senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.seconds, sent.cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    return sent


def _place(number: int, senders: int, bodies: int) -> tuple[int, int]:
    """In which round, and at which place among the bodies, a request is: senders take turns, each goes round in its own stretch."""
    stretches = min(senders, bodies)
    index, stretch = divmod(number, stretches)
    first, after = stretch * bodies // stretches, (stretch + 1) * bodies // stretches
    turn, place = divmod(index, after - first)
    return turn, first + place


def _post(line: _Line, content: bytes, spans: int, due: float, sent: Sent, lock: threading.Lock) -> None:
    try:
        tries, rejected = line.post(content)
    except Unacknowledged as error:
        with lock:
            sent.failures = (*sent.failures, str(error))
        return
    latency_ms = (time.perf_counter() - due) * 1000
    with lock:
        sent.acks.append(Ack(latency_ms=latency_ms, spans=spans - rejected))
        sent.tries_again += tries - 1
        sent.rejected_spans += rejected


class _Line:
    """A connection to the receiver, opened anew when it breaks."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._path = parts.path or "/"
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_SECONDS)

    def post(self, content: bytes) -> tuple[int, int]:
        """Post until it is acknowledged; gives the number of tries, and the spans that were refused.

        Raises:
            Unacknowledged: the receiver refused it, or was too busy each time.
        """
        for tries in range(1, _MOST_TRIES + 1):
            try:
                status, wait, answer = self._once(content)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                status, wait, answer = 0, 0.2, repr(error).encode()
            if status == _OK:
                return tries, _rejected(answer)
            if status and status not in _BUSY:
                break
            time.sleep(wait)
        said = answer[:200].decode(errors="replace")
        raise Unacknowledged(f"{status or 'no answer'} after {tries} tries: {said}")

    def _once(self, content: bytes) -> tuple[int, float, bytes]:
        self._connection.request("POST", self._path, content, {"Content-Type": "application/x-protobuf"})
        response = self._connection.getresponse()
        return response.status, pause_seconds(response.getheader("Retry-After")), response.read()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def pause_seconds(retry_after: str | None) -> float:
    """How long to wait before trying again: what the receiver said, within bounds; a tenth of a second otherwise."""
    try:
        seconds = float(retry_after or "nan")
    except ValueError:
        seconds = math.nan
    return min(max(seconds, 0.0), _LONGEST_PAUSE_SECONDS) if math.isfinite(seconds) else 0.1


def _rejected(answer: bytes) -> int:
    return int(ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans)
