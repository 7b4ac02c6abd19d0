"""`GET /metrics`: what goes through the service and what waits in it, for Prometheus.

Everything is read when it is asked for. What the database has to be asked is kept for some seconds, so that scraping
costs it next to nothing; while it is away those lines are left out, and `tracewhy_database_up` is 0.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from service import alert_metrics
from service.watch_metrics import question_metrics, watch_metrics
from tracing_core.alerts.watch import AlertWatch
from tracing_core.clock import Clock
from tracing_core.errors import StorageError
from tracing_core.ids import IdSource
from tracing_core.query.alert_counts import AlertCounts, alert_counts
from tracing_core.query.ledger import LedgerLine, ledger
from tracing_core.query.system import Storage, storage, stored_traces
from tracing_core.query.watching import Watching, watching
from tracing_core.spool import Spool
from tracing_core.store import Store
from tracing_core.tally import Distribution

router = APIRouter()
DATABASE_SECONDS = 10.0
"""For how long what the database said is good."""
_A_DAY = timedelta(days=1)
_BEGINNING = datetime.fromtimestamp(0, UTC).date()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stored:
    """What the database has to be asked."""

    ledger: tuple[LedgerLine, ...]
    traces: int
    storage: Storage
    alerts: AlertCounts
    watching: Watching


class _Recently:
    """What the database said, asked again when that is old. Whoever asks meanwhile gets the older answer.

    Args:
        ask: the database.
        clock: for the age.
    """

    def __init__(self, ask: Callable[[], _Stored], clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._said: _Stored | None = None

    def said(self) -> _Stored | None:
        """The answer; None while the database is away."""
        with self._lock:
            if self._clock.monotonic_ns() / 1e9 - self._asked_at >= DATABASE_SECONDS:
                try:
                    self._said = self._ask()
                except StorageError:
                    self._said = None
                self._asked_at = self._clock.monotonic_ns() / 1e9
            return self._said


class ServiceMetrics(Collector):
    """All metrics of one service.

    Args:
        store: what they are read from.
        clock: for how long what the database said is kept.
        watch: what looks at the alert rules in this process.
    """

    def __init__(self, store: Store, clock: Clock, watch: AlertWatch) -> None:
        self._store = store
        self._watch = watch
        self._clock = clock
        self._recently = _Recently(self._ask, clock)
        self._spool = Spool(store.settings.data_dir / "spool", clock, IdSource())
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> bytes:
        """In Prometheus's form."""
        return generate_latest(self._registry)

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that registering asks for nothing."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Everything, as it is now."""
        yield from self._received()
        yield from self._waiting()
        yield from self._exported()
        yield from alert_metrics.of_process(self._watch.tally)
        yield from question_metrics(self._store.database.times.report())
        yield from self._kept()

    def _ask(self) -> _Stored:
        database = self._store.database
        return _Stored(
            ledger=ledger(database, _BEGINNING),
            traces=stored_traces(database),
            storage=storage(database),
            alerts=alert_counts(database),
            watching=watching(database, self._clock.now() - _A_DAY),
        )

    def _received(self) -> Iterator[Metric]:
        tally = self._store.ingest.tally
        yield _counter(
            "tracewhy_ingest_requests", "OTLP requests answered, by signal and HTTP status", tally.requests(),
            ("signal", "status"),
        )  # fmt: skip
        yield _counter(
            "tracewhy_ingest_bytes", "Bytes of OTLP bodies as they came, by signal", tally.bytes(), ("signal",)
        )
        yield _counter(
            "tracewhy_ingest_spans",
            "Spans received, taken (stored, or left out by sampling) and refused; the rest was answered to come again",
            tally.spans(),
            ("outcome",),
        )
        commits = tally.commits()
        yield _histogram("tracewhy_ingest_commit_seconds", "Seconds that storing a batch took", commits["seconds"])
        yield _histogram("tracewhy_ingest_batch_requests", "Requests that shared a batch", commits["requests"])
        yield _histogram("tracewhy_ingest_batch_spans", "Spans in a batch", commits["spans"])

    def _waiting(self) -> Iterator[Metric]:
        ingest, stats = self._store.ingest, self._store.writer.stats()
        yield _gauge("tracewhy_ingest_queue_bytes", "Bytes of OTLP requests not answered yet", ingest.waiting_bytes)
        yield _gauge("tracewhy_ingest_queue_limit_bytes", "Most bytes that may wait", ingest.most_bytes)
        yield _gauge("tracewhy_ingest_queue_requests", "OTLP requests that wait to be read", ingest.waiting_requests)
        yield _gauge("tracewhy_writer_queue_traces", "The service's own traces that wait for the writer", stats.queued)
        yield CounterMetricFamily(
            "tracewhy_writer_dropped_traces", "The service's own traces that were dropped", stats.dropped
        )
        yield _gauge("tracewhy_spool_waiting_traces", "Traces on disk until the database takes them", stats.waiting)
        yield _gauge("tracewhy_spool_dead_traces", "Traces on disk that the database refused", stats.dead)
        yield _gauge("tracewhy_spool_bytes", "Bytes of both", self._spool.size())

    def _exported(self) -> Iterator[Metric]:
        counts = self._store.ingest.tally.exports()
        outcomes = {name: counts[name] for name in ("sent", "failed")}
        yield _counter(
            "tracewhy_export_traces",
            "Traces sent on to another receiver, or given up, by outcome",
            outcomes,
            ("outcome",),
        )
        yield _gauge("tracewhy_export_waiting_traces", "Traces that wait to be sent on", counts["waiting"])
        yield CounterMetricFamily(
            "tracewhy_export_retries", "Requests of these that were sent again", counts["retries"]
        )

    def _kept(self) -> Iterator[Metric]:
        said = self._recently.said()
        yield _gauge("tracewhy_database_up", "Whether the database answered, 1 or 0", int(said is not None))
        if said is None:
            return
        traces: Counter[tuple[str, str]] = Counter()
        spans: Counter[tuple[str, str]] = Counter()
        for line in said.ledger:
            traces[line.source, line.outcome] += line.count
            spans[line.source, line.outcome] += line.spans
        labels = ("source", "outcome")
        yield _gauges("tracewhy_ledger_traces", "What became of all traces, by source and outcome", traces, labels)
        yield _gauges("tracewhy_ledger_spans", "What became of their spans, by source and outcome", spans, labels)
        yield _gauge("tracewhy_traces_stored", "Traces in the database", said.traces)
        yield _gauge("tracewhy_database_bytes", "Bytes of the database", said.storage.bytes)
        sizes = GaugeMetricFamily("tracewhy_table_bytes", "Bytes of a table with its indexes", labels=("table",))
        for table in said.storage.tables:
            sizes.add_metric((table.table,), table.data_bytes + table.index_bytes)
        yield sizes
        yield from alert_metrics.of_database(said.alerts)
        yield from watch_metrics(said.watching)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """The metrics as text."""
    found: ServiceMetrics = request.app.state.metrics
    return Response(found.text(), media_type=CONTENT_TYPE_LATEST)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value)


def _counter(name: str, about: str, values: Mapping[Any, int], labels: tuple[str, ...]) -> Metric:
    return _filled(CounterMetricFamily(name, about, labels=labels), values)


def _gauges(name: str, about: str, values: Mapping[Any, int], labels: tuple[str, ...]) -> Metric:
    return _filled(GaugeMetricFamily(name, about, labels=labels), values)


def _filled(family: CounterMetricFamily | GaugeMetricFamily, values: Mapping[Any, int]) -> Metric:
    for key, value in sorted(values.items()):
        family.add_metric(key if isinstance(key, tuple) else (key,), value)
    return family


def _histogram(name: str, about: str, spread: Distribution) -> Metric:
    buckets = [(str(bound), float(count)) for bound, count in zip(spread.bounds, spread.at_most, strict=True)]
    return HistogramMetricFamily(name, about, buckets=[*buckets, ("+Inf", float(spread.count))], sum_value=spread.total)
