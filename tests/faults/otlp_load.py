"""Senders that do what exporters do: they send a request again until it is acknowledged, and remember what was."""

from __future__ import annotations

import http.client
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.postgres.tables import assert_balanced, rows
from tracing_core.ids import native_trace_id
from tracing_core.storage.database import Database
from tracing_core.storage.tables import trace_spans, traces

SpanKey = tuple[str, str]
_START = 1_790_000_000_000_000_000
_REQUESTS_OF_A_TRACE = 3
_ANSWER_SECONDS = 30
_BUSY = (429, 503)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A body, and the trace and span ids in it as they are stored."""

    body: bytes
    spans: frozenset[SpanKey]


def make_request(number: int, padding: int = 0) -> Request:
    """A whole trace of two spans, and two spans of a trace of which other requests bring the rest.

    Args:
        number: of the request; no two have a span in common.
        padding: characters in each span.
    """
    message = ExportTraceServiceRequest()
    spans = message.resource_spans.add().scope_spans.add().spans
    keys = []
    shared = 2**100 + number // _REQUESTS_OF_A_TRACE
    for place, trace in enumerate((2**101 + number, 2**101 + number, shared, shared)):
        trace_id, span_id = trace.to_bytes(16, "big"), (number * 4 + place + 1).to_bytes(8, "big")
        start = _START + number * 1_000_000 + place
        made = spans.add(name=f"step {place}", trace_id=trace_id, span_id=span_id)
        made.start_time_unix_nano, made.end_time_unix_nano = start, start + 5_000_000
        if place % 2:
            made.parent_span_id = (int.from_bytes(span_id, "big") - 1).to_bytes(8, "big")
        made.attributes.add(key="gen_ai.usage.input_tokens").value.int_value = 7
        made.attributes.add(key="text").value.string_value = "x" * padding
        keys.append((native_trace_id(trace_id.hex()), span_id.hex()))
    return Request(body=message.SerializeToString(), spans=frozenset(keys))


@dataclass
class Seen:
    """What the senders saw."""

    sent: set[SpanKey] = field(default_factory=set)
    acknowledged: set[SpanKey] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class Load:
    """Sends from several threads for as long as the block lasts.

    Args:
        addresses: whom to send to, anew for each try; one of them is taken.
        senders: threads.
        padding: characters in each span.
        first: number of the first request.
        pause: seconds from an acknowledgement to the next request of the same thread.
    """

    def __init__(
        self,
        addresses: Callable[[], Sequence[str]],
        senders: int = 4,
        padding: int = 0,
        first: int = 0,
        pause: float = 0.0,
    ) -> None:
        self.seen = Seen()
        self._addresses = addresses
        self._padding = padding
        self._pause = pause
        self._numbers = count(first)
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(seed,)) for seed in range(senders)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for_answers(self, status: int, more: int, seconds: float = 60.0) -> None:
        """Wait until so many requests more than now were answered so."""
        with self._changed:
            enough = self.seen.statuses[status] + more
            assert self._changed.wait_for(lambda: self.seen.statuses[status] >= enough, seconds), self.seen.statuses

    def _work(self, seed: int) -> None:
        chance = random.Random(seed)
        while not self._stop.is_set():
            with self._changed:
                request = make_request(next(self._numbers), self._padding)
                self.seen.sent |= request.spans
            while not self._stop.is_set() and not self._try(chance.choice(self._addresses()), request):
                self._stop.wait(0.02)
            self._stop.wait(self._pause)

    def _try(self, address: str, request: Request) -> bool:
        status, retry_after, said = post(address, request.body)
        with self._changed:
            self.seen.statuses[status] += 1
            if status == 200:
                self.seen.acknowledged |= request.spans
            if status not in (0, 200, *_BUSY) or (status in _BUSY and not retry_after) or (status == 200 and said):
                self.seen.problems.append(f"{status} {said!r}")
            self._changed.notify_all()
        return status == 200


def post(address: str, body: bytes) -> tuple[int, str | None, bytes]:
    """Post a request; gives the status (0 when the connection broke), Retry-After and the body of the answer."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=_ANSWER_SECONDS)
    try:
        connection.request("POST", "/v1/traces", body, {"content-type": "application/x-protobuf"})
        answer = connection.getresponse()
        return answer.status, answer.getheader("retry-after"), answer.read()
    except (OSError, http.client.HTTPException):
        return 0, None, b""
    finally:
        connection.close()


def assert_all_there(database: Database, *seen: Seen) -> int:
    """Every acknowledged span is stored, once; nothing is that nobody sent; the ledger balances.

    Returns:
        How many spans are stored.
    """
    assert [problem for each in seen for problem in each.problems] == []
    acknowledged = set().union(*(each.acknowledged for each in seen))
    sent = set().union(*(each.sent for each in seen))
    stored = Counter((row["trace_id"], row["span_id"]) for row in rows(database, trace_spans))
    assert acknowledged - set(stored) == set()
    assert set(stored) <= sent
    assert set(stored.values()) <= {1}
    assert {row["trace_id"]: row["span_count"] for row in rows(database, traces)} == Counter(key[0] for key in stored)
    assert_balanced(database)
    return len(stored)
