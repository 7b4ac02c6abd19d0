"""What tests of the receivers share: the service with its gRPC port, and bodies made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

import tracing_core as tracing
from service.intake import Intake
from service.otlp_grpc import GrpcReceiver
from tests.service.serving import Scripted, serving
from tracing_core.query.trace import spans

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}
NANOSECONDS = 1_790_000_000_000_000_000


@dataclass(frozen=True)
class Receiving:
    """A service that receives.

    Args:
        client: of its HTTP.
        url: its address for HTTP.
        grpc_url: its address for gRPC.
        store: where it stores.
    """

    client: httpx.Client
    url: str
    grpc_url: str
    store: tracing.Store

    def names(self, trace_id: str) -> set[str]:
        """The names of the spans that the database has of a trace."""
        return {span.name for span in spans(self.store.database, trace_id)}


@contextmanager
def receiving(store: tracing.Store) -> Iterator[Receiving]:
    """A service with both receivers."""
    intake = Intake(store.ingest, store.settings.max_otlp_bytes)
    receiver = GrpcReceiver(intake, "127.0.0.1", 0)
    try:
        with serving(store, Scripted()) as client:
            url = str(client.base_url).rstrip("/")
            yield Receiving(client=client, url=url, grpc_url=f"http://127.0.0.1:{receiver.port}", store=store)
    finally:
        receiver.stop()
        intake.close()


def export(exporter: SpanExporter, *names: str) -> str:
    """Send a trace through an exporter, as an application does: a span named by the first, below it the others.

    Returns:
        Its id.
    """
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span(names[0]) as root:
        for name in names[1:]:
            with tracer.start_as_current_span(name):
                pass
    assert provider.force_flush()
    provider.shutdown()
    return f"{root.get_span_context().trace_id:032x}"


def span(trace: int, number: int = 1, **more: Any) -> dict[str, Any]:
    """A span in OTLP's JSON."""
    return {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "name": f"span {number}",
        "startTimeUnixNano": str(NANOSECONDS),
        "endTimeUnixNano": str(NANOSECONDS + 5_000_000),
        **more,
    }


def request(*each: dict[str, Any]) -> dict[str, Any]:
    """A request to store these spans."""
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(each)}]}]}
