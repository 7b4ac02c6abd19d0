"""OpenTelemetry over gRPC: the same as over HTTP, in gRPC's words."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

import tracing_core as tracing
from service.intake import Intake
from service.otlp_grpc import GrpcReceiver
from tests.service.receiving import NANOSECONDS, Receiving, export, receiving
from tracing_core.errors import SettingsError
from tracing_core.ingest import Ingest
from tracing_core.query.trace import get_trace

MOST = 1_000_000
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture
def service(database_url: str, data_dir: Path) -> Iterator[Receiving]:
    """A service that takes messages of a million bytes at most."""
    store = tracing.init(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir, TRACEWHY_MAX_OTLP_BYTES=MOST)
    with receiving(store) as service:
        yield service
    store.close()


@pytest.fixture
def channel(service: Receiving) -> Iterator[grpc.Channel]:
    """A connection to it."""
    with grpc.insecure_channel(service.grpc_url.removeprefix("http://")) as channel:
        yield channel


def traces(*numbers: int, padding: str = "") -> ExportTraceServiceRequest:
    """A request with a trace for each number; for 0 with one that has no valid id."""
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for number in numbers:
        span = spans.add(name=f"span {number}", start_time_unix_nano=NANOSECONDS, end_time_unix_nano=NANOSECONDS + 1)
        span.trace_id, span.span_id = number.to_bytes(16), b"spanspan"
        span.trace_state = padding
    return request


@pytest.mark.parametrize("compression", list(grpc.Compression))
def test_the_exporter_arrives(
    service: Receiving, monkeypatch: pytest.MonkeyPatch, compression: grpc.Compression
) -> None:
    """OpenTelemetry's own exporter with nothing set but the endpoint; stored when it says that it is done."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", service.grpc_url)
    trace_id = export(OTLPSpanExporter(compression=compression), "request", "retrieve", "generate")
    assert service.names(trace_id) == {"request", "retrieve", "generate"}


def test_every_signal_is_answered(channel: grpc.Channel) -> None:
    """Exporters of logs and metrics, which are on by default, hear no error."""
    assert not LogsServiceStub(channel).Export(ExportLogsServiceRequest()).HasField("partial_success")
    assert not MetricsServiceStub(channel).Export(ExportMetricsServiceRequest()).HasField("partial_success")


def test_a_bad_span_costs_only_itself(service: Receiving, channel: grpc.Channel) -> None:
    """The good ones are stored, and the answer says how many were refused and why."""
    said = TraceServiceStub(channel).Export(traces(1, 0, 2)).partial_success
    assert said.rejected_spans == 1
    assert "trace id" in said.error_message
    assert service.names(f"{1:032x}") == {"span 1"}
    assert service.names(f"{2:032x}") == {"span 2"}


def test_the_project_is_in_the_metadata(service: Receiving, channel: grpc.Channel) -> None:
    """`x-tracewhy-project` says whose traces these are; what cannot be a project is refused by name."""
    stub = TraceServiceStub(channel)
    stub.Export(traces(3), metadata=(("x-tracewhy-project", "shop"),))
    row = get_trace(service.store.database, f"{3:032x}")
    assert row is not None
    assert row.project == "shop"
    with pytest.raises(grpc.RpcError) as refused:
        stub.Export(traces(4), metadata=(("x-tracewhy-project", "../etc"),))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "x-tracewhy-project" in refused.value.details()


def test_what_cannot_be_read_is_refused(channel: grpc.Channel) -> None:
    """INVALID_ARGUMENT, which exporters do not try again, with a google.rpc.Status that says the same."""
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary(EXPORT)(b"\x0a\xff")
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    status = status_pb2.Status.FromString(dict(refused.value.trailing_metadata())["grpc-status-details-bin"])
    assert (status.code, status.message) == (3, refused.value.details())


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_message_that_is_too_large_is_refused(channel: grpc.Channel, compression: grpc.Compression) -> None:
    """Also when it is packed into few bytes; the connection serves on."""
    stub = TraceServiceStub(channel)
    with pytest.raises(grpc.RpcError) as refused:
        stub.Export(traces(5, padding="x" * MOST * 50), compression=compression)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert stub.Export(traces(5)) is not None


def test_packed_within_packed_is_no_way_around(channel: grpc.Channel) -> None:
    """GRPC unpacks once; what is packed again is no message."""
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary(EXPORT)(gzip.compress(bytes(10_000_000)), compression=grpc.Compression.Gzip)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_under_pressure_it_says_when_to_come_again(database_url: str, data_dir: Path) -> None:
    """RESOURCE_EXHAUSTED with RetryInfo, by which exporters know that the request may be sent again."""
    store = tracing.init(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir)
    store.ingest.close()
    with (
        receiving(store) as service,
        grpc.insecure_channel(service.grpc_url.removeprefix("http://")) as channel,
        pytest.raises(grpc.RpcError) as refused,
    ):
        TraceServiceStub(channel).Export(traces(6))
    store.close()
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    metadata = dict(refused.value.trailing_metadata())
    (detail,) = status_pb2.Status.FromString(metadata["grpc-status-details-bin"]).details
    again = error_details_pb2.RetryInfo()
    assert detail.Unpack(again)
    assert again.retry_delay.ToTimedelta().total_seconds() == 1
    assert error_details_pb2.RetryInfo.FromString(metadata["google.rpc.retryinfo-bin"]) == again


class _Waiting:
    """An ingest that stores when it is told to; the receiver's own behaviour is tried here, not what is stored."""

    def __init__(self, ingest: Ingest) -> None:
        self.offered, self.go_on = threading.Event(), threading.Event()
        self._ingest = ingest

    def __getattr__(self, name: str) -> object:
        return getattr(self._ingest, name)

    def offer(self, read: object, size: int, *, project: str | None = None) -> object:
        self.offered.set()

        def later() -> object:
            self.go_on.wait(20)
            return read()  # type: ignore[operator]

        return self._ingest.offer(later, size, project=project)  # type: ignore[arg-type]


def test_requests_that_are_being_stored_end_before_it_stops(store: tracing.Store) -> None:
    """Whoever was let in is answered, and what was answered is stored."""
    waiting = _Waiting(store.ingest)
    intake = Intake(waiting, MOST)  # type: ignore[arg-type]
    receiver = GrpcReceiver(intake, "127.0.0.1", 0)
    with grpc.insecure_channel(f"127.0.0.1:{receiver.port}") as channel:
        answer = TraceServiceStub(channel).Export.future(traces(7))
        assert waiting.offered.wait(20)
        stopping = threading.Thread(target=receiver.stop)
        stopping.start()
        waiting.go_on.set()
        assert not answer.result(20).HasField("partial_success")
        stopping.join(20)
    intake.close()
    assert get_trace(store.database, f"{7:032x}") is not None


def test_a_taken_port_is_refused(store: tracing.Store) -> None:
    """The error names the setting."""
    intake = Intake(store.ingest, MOST)
    with socket.create_server(("127.0.0.1", 0)) as holder, pytest.raises(SettingsError, match="TRACEWHY_GRPC_PORT"):
        GrpcReceiver(intake, "127.0.0.1", holder.getsockname()[1])
    intake.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_other_machines_are_kept_out(store: tracing.Store, host: str) -> None:
    """As long as nobody has to sign in, only loopback addresses are listened on."""
    intake = Intake(store.ingest, MOST)
    with pytest.raises(SettingsError, match="authentication is not configured"):
        GrpcReceiver(intake, host, 0)
    intake.close()
