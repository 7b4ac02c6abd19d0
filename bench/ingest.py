"""How fast spans come in over OTLP, durably: client, service, files and PostgreSQL on one machine; beside it raw COPY.

A real service runs in its own process, a client in another. First as fast as it goes (closed loop), then at half that rate
(open loop) for the time to an acknowledgement. Then the rows that the service stored are copied raw into tables alike, on
the same server. The same again without files, where that can be set.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Figure
from bench.options import Options
from bench.otlp_client import Client, Report
from bench.otlp_sending import Load
from bench.raw_copy import RawCopy, raw_copy
from bench.service_process import ServiceProcess, service
from bench.stored import Stored, stored, wait_for_spans
from tracing_core.settings import Settings, environment_name
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url, release_embedded

_FILES = "TRACEWHY_FILES"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Usage:
    """What was used of the machine so far, and held: seconds of processor, MB of memory."""

    service_cpu: float
    database_cpu: float
    resident_mb: float

    @classmethod
    def of(cls, running: ServiceProcess) -> _Usage:
        return cls(
            service_cpu=running.cpu_seconds(),
            database_cpu=running.database_cpu_seconds(),
            resident_mb=running.resident_mb(),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Outcome:
    """All that one variant was measured to do."""

    full: Report
    half: Report
    before: _Usage
    after_full: _Usage
    after: _Usage
    empty: Stored
    there: Stored
    raw: RawCopy
    missing: int


def measure(options: Options) -> Iterator[Figure]:
    """The figures of this module."""
    yield from _figures("", _run(options, {}), ratio_target="0.33 x")
    if any(environment_name(name) == _FILES for name in Settings.model_fields):
        yield from _figures("without files: ", _run(options, {_FILES: "false"}), ratio_target="0.5 x")


def _run(options: Options, settings: Mapping[str, str]) -> _Outcome:
    with TemporaryDirectory(prefix="tracewhy-bench-", ignore_cleanup_errors=True) as directory:
        data_dir = Path(directory)
        database = Database(embedded_url(data_dir), statement_timeout_ms=0)
        try:
            return _loaded(options, settings, data_dir, database)
        finally:
            database.close()
            release_embedded(data_dir)


def _loaded(options: Options, settings: Mapping[str, str], data_dir: Path, database: Database) -> _Outcome:
    at_once = options.requests_at_once
    with service(data_dir, settings) as running:
        with Client(running.otlp_url, options.pool, time.time_ns(), options.spans_per_body) as client:
            warm = client.send(Load(senders=at_once, seconds=options.warm_seconds))
            empty = stored(database, data_dir)
            before = _Usage.of(running)
            full = client.send(Load(senders=at_once, seconds=options.seconds))
            after_full = _Usage.of(running)
            half = client.send(
                Load(senders=at_once * 4, seconds=options.seconds, spans_per_second=full.spans_per_second / 2)
            )
        acknowledged = warm.spans + full.spans + half.spans
        missing = acknowledged - wait_for_spans(database, acknowledged)
        there, after = stored(database, data_dir), _Usage.of(running)
    return _Outcome(
        full=full,
        half=half,
        before=before,
        after_full=after_full,
        after=after,
        empty=empty,
        there=there,
        raw=raw_copy(database),
        missing=missing,
    )


def _figures(variant: str, run: _Outcome, ratio_target: str) -> Iterator[Figure]:
    rate, raw = run.full.spans_per_second, run.there.spans / run.raw.seconds
    traces = max(run.there.traces - run.empty.traces, 1)
    service_cpu = (run.after_full.service_cpu - run.before.service_cpu) / run.full.spans * 1e6
    database_cpu = (run.after_full.database_cpu - run.before.database_cpu) / run.full.spans * 1e6
    lines = (
        ("durable spans a second over OTLP", rate, "spans/s", "10,000 spans/s"),
        ("raw COPY of the same rows", raw, "spans/s", ""),
        ("raw COPY, megabytes a second", run.raw.copied_bytes / run.raw.seconds / 1e6, "MB/s", ""),
        ("ratio of the two", rate / raw, "x", ratio_target),
        ("ack at half that load, P50", run.half.ack_p50_ms, "ms", ""),
        ("ack at half that load, P99", run.half.ack_p99_ms, "ms", "250 ms"),
        ("ack at full load, P99", run.full.ack_p99_ms, "ms", ""),
        ("CPU of the service a span", service_cpu, "µs", ""),
        ("CPU of PostgreSQL a span", database_cpu, "µs", ""),
        ("CPU of the client a span", run.full.cpu_seconds / run.full.spans * 1e6, "µs", ""),
        ("memory of the service before", run.before.resident_mb, "MB", ""),
        ("memory of the service after", run.after.resident_mb, "MB", "300 MB"),
        ("database bytes a trace", (run.there.database_bytes - run.empty.database_bytes) / traces / 1e3, "kB", "8 kB"),
        ("file bytes a trace", (run.there.file_bytes - run.empty.file_bytes) / traces / 1e3, "kB", ""),
        ("acknowledged spans that are not stored", run.missing, "spans", "0"),
        ("spans refused, requests failed", run.full.rejected_spans + run.half.rejected_spans + _failed(run), "", "0"),
        ("requests that were asked to try again", run.full.tries_again + run.half.tries_again, "", ""),
    )
    for what, value, unit, target in lines:
        yield Figure(what=variant + what, value=value, unit=unit, target=target)


def _failed(run: _Outcome) -> int:
    return len(run.full.failures) + len(run.half.failures)
