"""`python -m service` as a receiver: its ports, and what they keep."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

from tests.service.process import free_port, service_process
from tests.service.receiving import export
from tracing_core.query.trace import get_trace
from tracing_core.storage.database import Database


def test_it_receives_at_every_port(
    database_url: str, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the port of the service, on OTLP's and on gRPC's; killed after the last answer it has lost nothing."""
    http, otlp, grpc = (str(free_port()) for _ in range(3))
    settings = {
        "DATABASE_URL": database_url, "TRACEWHY_DATA_DIR": str(data_dir), "TRACEWHY_EMBEDDED_MODEL": "false",
        "TRACEWHY_SERVICE_PORT": http, "TRACEWHY_OTLP_PORT": otlp, "TRACEWHY_GRPC_PORT": grpc,
    }  # fmt: skip
    with service_process(settings, tmp_path / "log") as service:
        sent = []
        for port, exporter in ((http, HttpExporter), (otlp, HttpExporter), (grpc, GrpcExporter)):
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://localhost:{port}")
            sent.append(export(exporter(), "request"))
        service.popen.kill()
    assert "POST /v1/traces" not in service.log.read_text()
    database = Database(database_url)
    assert all(get_trace(database, trace_id) is not None for trace_id in sent)
    database.close()
