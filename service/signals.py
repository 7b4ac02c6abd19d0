"""The three signals of OpenTelemetry's protocol: how each is read, and how its receipt is written."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tracing_core.ingest import Accepted
from tracing_core.jsontext import dump
from tracing_core.otlp import decode
from tracing_core.otlp.bodies import unpack
from tracing_core.otlp.reading import read_logs, read_traces
from tracing_core.otlp.spans import Received

logger = logging.getLogger(__name__)

NOTHING = Received(traces={})
_MOST_REASONS = 5
_LONGEST_REASON = 300
_MOST_SOURCES = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """One of the three.

    Args:
        name: as in the path of its endpoint.
        service: gRPC's name of the receiver.
        response: the message that answers a request.
        refused: what its items are called in the answer, in protobuf and JSON.
        read: what a body holds, for ingest; given its content type, its content-encoding and the most bytes it may have. The
            readers of what is kept are plain functions, which another process can call.
        kept: whether anything of it is stored.
    """

    name: str
    service: str
    response: Any
    refused: tuple[str, str]
    read: Callable[[bytes, str, str | None, int], Received]
    kept: bool = True

    def receipt(self, accepted: Accepted, media_type: str) -> bytes:
        """The answer to a request that was stored: empty, but for what was refused of it."""
        refused = sum(count for count, _ in accepted.rejected)
        in_protobuf, in_json = self.refused
        if media_type == decode.JSON:
            said = {in_json: str(refused), "errorMessage": _reasons(accepted)}
            return dump({"partialSuccess": said} if refused else {})
        response = self.response()
        if refused:
            setattr(response.partial_success, in_protobuf, refused)
            response.partial_success.error_message = _reasons(accepted)
        written: bytes = response.SerializeToString()
        return written


def _reasons(accepted: Accepted) -> str:
    """Why, in one sentence; each reason once, the most frequent first."""
    counts: dict[str, int] = {}
    for count, reason in accepted.rejected:
        counts[reason] = counts.get(reason, 0) + count
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    said = [f"{count}: {reason[:_LONGEST_REASON]}" for reason, count in ordered[:_MOST_REASONS]]
    left = len(ordered) - len(said)
    return "; ".join(said + ([f"and {left} other reasons"] if left else []))


class _Forgotten:
    """Reads metrics, says once for each source that they are not kept, and forgets them."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, body: bytes, media_type: str, encoding: str | None, most_bytes: int) -> Received:
        kind = ExportMetricsServiceRequest
        request = decode.request(unpack(body, encoding, most_bytes), media_type, kind, kind)
        for resource_metrics in request.resource_metrics:
            self._tell(_service_name(resource_metrics.resource.attributes))
        return NOTHING

    def _tell(self, source: str) -> None:
        if source in self._told or len(self._told) >= _MOST_SOURCES:
            return
        self._told.add(source)
        logger.info(
            "metrics of %s are not kept, as traces alone are; OTEL_METRICS_EXPORTER=none saves the sending", source
        )


def _service_name(attributes: Any) -> str:
    names = [pair.value.string_value for pair in attributes if pair.key == "service.name"]
    return repr(names[0][:100]) if names else "a source without service.name"


TRACES = Signal(
    name="traces",
    service="opentelemetry.proto.collector.trace.v1.TraceService",
    response=ExportTraceServiceResponse,
    refused=("rejected_spans", "rejectedSpans"),
    read=read_traces,
)
LOGS = Signal(
    name="logs",
    service="opentelemetry.proto.collector.logs.v1.LogsService",
    response=ExportLogsServiceResponse,
    refused=("rejected_log_records", "rejectedLogRecords"),
    read=read_logs,
)
METRICS = Signal(
    name="metrics",
    service="opentelemetry.proto.collector.metrics.v1.MetricsService",
    response=ExportMetricsServiceResponse,
    refused=("rejected_data_points", "rejectedDataPoints"),
    read=_Forgotten(),
    kept=False,
)
SIGNALS = (TRACES, LOGS, METRICS)
