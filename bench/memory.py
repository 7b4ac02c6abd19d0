"""Whether the service's memory stays flat: resident memory before and after a load of many minutes at a given rate."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import Progress

from bench.measure import Figure, percentile
from bench.options import Options
from bench.otlp_client import Client
from bench.otlp_sending import Load
from bench.service_process import ServiceProcess, service

_WARM_SECONDS = 60.0
"""Of the same load, before the first look: what is made once is made then."""

_LOOK_SECONDS = 5.0


def measure(options: Options) -> Iterator[Figure]:
    """The figures of this module."""
    at_once = options.requests_at_once
    warm = Load(senders=at_once, seconds=_WARM_SECONDS, spans_per_second=options.rate)
    load = Load(senders=at_once, seconds=options.minutes * 60, spans_per_second=options.rate)
    with _service() as running:
        idle = running.resident_mb()
        with Client(running.otlp_url, options.pool, time.time_ns(), options.spans_per_body) as client:
            client.send(warm)
            client.begin(load)
            looks = _watch(running, load.seconds)
            sent = client.result()
    ends = max(len(looks) // 20, 1)
    before, after = percentile(looks[:ends], 0.5), percentile(looks[-ends:], 0.5)
    what = f"{options.minutes:g} minutes at {options.rate:,.0f} spans/s: "
    yield Figure(what="memory of the service before any load", value=idle, unit="MB")
    yield Figure(what=what + "memory after the first minute", value=before, unit="MB", target="300 MB")
    yield Figure(what=what + "memory at the end", value=after, unit="MB", target="300 MB")
    yield Figure(what=what + "the most in between", value=max(looks), unit="MB")
    yield Figure(what=what + "end by first minute", value=after / before, unit="x", target="1.10 x")
    yield Figure(what=what + "spans a second that were acknowledged", value=sent.spans_per_second, unit="spans/s")
    yield Figure(what=what + "requests that failed", value=len(sent.failures), unit="", target="0")


@contextmanager
def _service() -> Iterator[ServiceProcess]:
    with (
        TemporaryDirectory(prefix="tracewhy-bench-", ignore_cleanup_errors=True) as directory,
        service(Path(directory)) as running,
    ):
        yield running


def _watch(running: ServiceProcess, seconds: float) -> list[float]:
    """The resident memory every few seconds for as long as the load lasts, in MB."""
    start, looks = time.perf_counter(), [running.resident_mb()]
    with Progress() as progress:
        bar = progress.add_task("load", total=seconds)
        while (gone := time.perf_counter() - start) < seconds:
            time.sleep(min(_LOOK_SECONDS, seconds - gone))
            looks.append(running.resident_mb())
            progress.update(bar, completed=gone, description=f"load, {looks[-1]:,.0f} MB")
    return looks
