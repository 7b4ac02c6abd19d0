"""What the receivers find out about those who send: conventions, names that nobody knows, clocks that are wrong.

All spans are counted; a few of each request are looked at closely, others each time, so that it costs the same however
large a request is. It is kept in memory, bounded, until somebody takes it to the database.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from tracing_core.clock import Clock
from tracing_core.dialects import conventions_of, unmapped_keys
from tracing_core.jsontext import text_of
from tracing_core.model import SpanData, SpanKind, SpanStatus
from tracing_core.source_report import BEFORE_PARENT, CLAMPED, FUTURE, Finding, Refusal, SourceReport

LOOKED_AT = 4
"""Spans of a request that are looked at closely."""
FUTURE_MS = 2_000
"""How far the end of a span may lie ahead of its arrival before a clock is called wrong."""
BEFORE_PARENT_MS = 50
"""How long before its parent a span may begin before clocks are called different."""
MOST_SOURCES = 200
MOST_KEYS = 50
MOST_REFUSALS = 50
OTHER_SOURCES = "(others)"
_LONGEST_NAME = 200
_LONGEST_REASON = 500
_LARGEST_SEARCHED = 1000
"""Spans among which the parent of one is looked for."""


class Diagnostics:
    """What is known of the sources of this process. Safe to share between threads.

    `news` is set when there is a source or a refusal that was not there before; who takes them away clears it.

    Args:
        clock: for when things arrived.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.news = threading.Event()
        self._sources: dict[tuple[str, str, str], _Source] = {}
        self._refusals: deque[Refusal] = deque(maxlen=MOST_REFUSALS)
        self._refused = 0
        self._requests = 0

    def saw(self, traces: Mapping[str, Sequence[SpanData]]) -> None:
        """Take in the spans of one request, by trace id."""
        now = self._clock.now()
        latest = int((now - _EPOCH) / timedelta(microseconds=1)) * 1000 + FUTURE_MS * 1_000_000
        with self._lock:
            self._requests += 1
            close = _chosen(sum(map(len, traces.values())), self._requests)
            self._count(traces, now, latest, close)

    def refused(self, signal: str, status: int, reason: str, sender: str = "", size: int = 0) -> None:
        """Take in that a request, or spans of one, was refused."""
        refusal = Refusal(
            at=self._clock.now(),
            signal=signal,
            status=status,
            reason=text_of(reason)[:_LONGEST_REASON],
            sender=text_of(sender)[:_LONGEST_NAME],
            size=size,
        )
        with self._lock:
            self._refused += 1
            self._refusals.append(refusal)
            self.news.set()

    @property
    def changes(self) -> tuple[int, int]:
        """Requests taken in and refused so far: as long as these stay, nothing here changes."""
        return self._requests, self._refused

    def sources(self) -> tuple[SourceReport, ...]:
        """What is known of each source."""
        with self._lock:
            return tuple(source.report() for source in self._sources.values())

    def refusals(self) -> tuple[Refusal, ...]:
        """The last ones, oldest first."""
        with self._lock:
            return tuple(self._refusals)

    def _count(self, traces: Mapping[str, Sequence[SpanData]], now: datetime, latest: int, close: set[int]) -> None:
        seen: dict[tuple[int, int], _Source] = {}
        number, around = 0, (0, 0)
        for trace_id, spans in traces.items():
            for span in spans:
                otel = span.otel
                if (key := (id(otel.get("resource")), id(otel.get("scope")))) != around:
                    around = key
                    source = seen.get(key) or seen.setdefault(key, self._source(otel, now))
                source.spans += 1
                if "clamped" in otel:
                    _note(source.problems, CLAMPED, trace_id, span)
                elif (end := otel.get("end_ns", 0)) > latest:
                    _note(source.problems, FUTURE, trace_id, span, (end - latest) / 1e6 + FUTURE_MS)
                if number in close and "fragment" not in otel:
                    source.look_at(trace_id, span, spans)
                number += 1
        for source in set(seen.values()):
            source.requests += 1
            source.last_seen = now

    def _source(self, otel: Mapping[str, Any], now: datetime) -> _Source:
        resource, scope = otel.get("resource") or {}, otel.get("scope") or {}
        key = _name(resource.get("service.name")), _name(scope.get("name")), _name(scope.get("version"))
        source = self._sources.get(key)
        if source is None:
            if len(self._sources) >= MOST_SOURCES:
                key = OTHER_SOURCES, "", ""
            source = self._sources.setdefault(key, _Source(key, now))
            self.news.set()
            source.sdk = " ".join(
                filter(None, (_name(resource.get(f"telemetry.sdk.{part}")) for part in ("name", "language", "version")))
            )
        return source


class _Source:
    """What is known of one source so far."""

    def __init__(self, key: tuple[str, str, str], now: datetime) -> None:
        self.key = key
        self.sdk = ""
        self.first_seen = self.last_seen = now
        self.requests = self.spans = self.looked_at = 0
        self.conventions: Counter[str] = Counter()
        self.unmapped: dict[str, Finding] = {}
        self.problems: dict[str, Finding] = {}

    def look_at(self, trace_id: str, span: SpanData, beside: Sequence[SpanData]) -> None:
        """Look at one span closely."""
        self.looked_at += 1
        conventions, unmapped = _language(tuple(span.attributes))
        for convention in conventions:
            self.conventions[convention] += 1
        for key in unmapped:
            if key in self.unmapped or len(self.unmapped) < MOST_KEYS:
                _note(self.unmapped, key[:_LONGEST_NAME], trace_id, span)
        if span.parent_id is not None and (early := _early_ms(span, beside[:_LARGEST_SEARCHED])) > BEFORE_PARENT_MS:
            _note(self.problems, BEFORE_PARENT, trace_id, span, early)

    def report(self) -> SourceReport:
        """All of it, as it is now."""
        return SourceReport(
            source=self.key[0],
            scope=" ".join(filter(None, self.key[1:])),
            sdk=self.sdk,
            first_seen=self.first_seen,
            last_seen=self.last_seen,
            requests=self.requests,
            spans=self.spans,
            looked_at=self.looked_at,
            conventions=dict(self.conventions),
            unmapped=dict(self.unmapped),
            problems=dict(self.problems),
        )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BARE = SpanData(
    span_id="",
    parent_id=None,
    name="",
    kind=SpanKind.UNKNOWN,
    started_at=_EPOCH,
    duration_ns=None,
    status=SpanStatus.UNSET,
)


def _chosen(count: int, request: int) -> set[int]:
    """Which of `count` spans are looked at: spread over the request, and others in each."""
    return {(request * 7 + number * count // LOOKED_AT) % count for number in range(LOOKED_AT)} if count else set()


@lru_cache(maxsize=2048)
def _language(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The conventions, and the names that no table knows; spans of a kind have the same names again and again."""
    span = replace(_BARE, attributes=dict.fromkeys(names))
    return conventions_of(span), unmapped_keys(span)


def _note(found: dict[str, Finding], name: str, trace_id: str, span: SpanData, worst_ms: float = 0.0) -> None:
    before = found.get(name)
    count, worst = (before.count, before.worst_ms) if before is not None else (0, 0.0)
    found[name] = Finding(
        count=count + 1, trace_id=trace_id, span_id=span.span_id, worst_ms=max(worst, round(worst_ms, 3))
    )


def _early_ms(span: SpanData, beside: Iterable[SpanData]) -> float:
    """Milliseconds by which a span began before its parent, as far as that came with it; 0 when it did not."""
    parent = next((each for each in beside if each.span_id == span.parent_id), None)
    if parent is None:
        return 0.0
    return float(parent.otel.get("start_ns", 0) - span.otel.get("start_ns", 0)) / 1e6


def _name(value: object) -> str:
    if isinstance(value, str):
        return value[:_LONGEST_NAME]  # the receivers read nothing that cannot be stored
    return "" if value is None else text_of(value)[:_LONGEST_NAME]
