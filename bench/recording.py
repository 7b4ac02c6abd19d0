"""What recording costs the host: a span, a disabled span, a request of six spans; beside the OpenTelemetry SDK."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from bench.measure import Figure, microseconds_each, percentile
from tracing_core.clock import SystemClock
from tracing_core.context import TraceContext, span
from tracing_core.ids import IdSource
from tracing_core.journal import Journal
from tracing_core.runtime import Runtime, configure
from tracing_core.sink import Receipt
from tracing_core.trace import Trace

SPANS = 20_000
REQUESTS = 5_000


class ForgetfulSink:
    """Takes traces and forgets them, as OpenTelemetry's exporter here does: what is measured is the recording."""

    def submit(self, trace: Trace) -> Receipt:
        """Forget `trace`; the journal may, too."""
        receipt = Receipt(trace.trace_id)
        receipt.settle(database="forgotten")
        return receipt


class ForgetfulExporter(SpanExporter):
    """Takes spans and forgets them."""

    def export(self, spans: object) -> SpanExportResult:
        """Forget `spans`."""
        return SpanExportResult.SUCCESS


def measure() -> Iterator[Figure]:
    """The figures of this module."""
    tracer = _tracer()
    with _recording():
        ours = microseconds_each(_our_spans, SPANS)
        nothing = microseconds_each(_no_spans, SPANS * 10)
        six = _added_microseconds(_our_request)
    with _recording(journal=False):
        unsafe = microseconds_each(_our_spans, SPANS)
        unsafe_six = _added_microseconds(_our_request)
    theirs = microseconds_each(lambda times: _their_spans(tracer, times), SPANS)
    their_six = _added_microseconds(lambda: _their_request(tracer))
    yield Figure(what="a span with five attributes", value=ours, unit="µs", target="5 µs")
    yield Figure(what="the same without the journal", value=unsafe, unit="µs")
    yield Figure(what="the same, OpenTelemetry SDK", value=theirs, unit="µs")
    yield Figure(what="ratio of the two", value=ours / theirs, unit="x", target="0.33 x")
    yield Figure(what="a span without a trace", value=nothing, unit="µs", target="0.15 µs")
    yield Figure(what="request of six spans, added, P50", value=percentile(six, 0.5), unit="µs", target="50 µs")
    yield Figure(what="request of six spans, added, P99", value=percentile(six, 0.99), unit="µs", target="200 µs")
    yield Figure(what="the same without the journal, P50", value=percentile(unsafe_six, 0.5), unit="µs")
    yield Figure(what="the same, OpenTelemetry SDK, P50", value=percentile(their_six, 0.5), unit="µs")


@contextmanager
def _recording(*, journal: bool = True) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as directory:
        kept = Journal(Path(directory), SystemClock(), IdSource(), limit_bytes=64_000_000) if journal else None
        restore = configure(Runtime(sink=ForgetfulSink(), journal=kept))
        yield
        restore()


def _our_spans(times: int) -> None:
    for chunk in range(0, times, 1000):  # a new trace now and then, as a trace keeps its spans
        trace = TraceContext.start(query="q")
        for _ in range(min(1000, times - chunk)):
            with span("retrieval", "RETRIEVAL", model="m", n_results=20, top_score=0.8, strategy="rrf", cached=False):
                pass
        TraceContext.finish(trace)


def _no_spans(times: int) -> None:
    for _ in range(times):
        with span("retrieval", "RETRIEVAL"):
            pass


def _our_request() -> None:
    trace = TraceContext.start(query="How do I create a POST endpoint?")
    for _ in range(5):
        with span("retrieval", "RETRIEVAL", model="m", n_results=20, top_score=0.8, strategy="rrf", cached=False):
            pass
    trace.mark_complete()
    TraceContext.finish(trace)


def _tracer() -> object:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(ForgetfulExporter()))
    return provider.get_tracer("bench")


def _their_spans(tracer: object, times: int) -> None:
    for _ in range(times):
        with tracer.start_as_current_span("retrieval") as opened:  # type: ignore[attr-defined]
            opened.set_attributes({"model": "m", "n": 20, "top": 0.8, "strategy": "rrf", "cached": False})


def _their_request(tracer: object) -> None:
    with tracer.start_as_current_span("request"):  # type: ignore[attr-defined]
        _their_spans(tracer, 5)


def _added_microseconds(request: object) -> list[float]:
    """What each of many requests took, in microseconds; a request that does nothing else costs what is added."""
    taken = []
    for _ in range(REQUESTS):
        start = time.perf_counter_ns()
        request()  # type: ignore[operator]
        taken.append((time.perf_counter_ns() - start) / 1000)
    return taken
