"""OpenTelemetry over HTTP: what comes in is stored when it is answered, and what cannot is answered with the reason."""

from __future__ import annotations

import gzip
import json
import logging
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.rpc import status_pb2
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

import tracing_core as tracing
from tests.service.receiving import JSON, PROTOBUF, Receiving, export, receiving, request, span
from tracing_core.query.filters import TraceFilter
from tracing_core.query.trace import get_trace, span_payload, spans
from tracing_core.query.traces import list_traces

SIGNALS = ("traces", "logs", "metrics")
MOST = 1_000_000


class Pieces:
    """A body in pieces, of which nobody says beforehand how long it is."""

    def __iter__(self) -> Iterator[bytes]:
        yield bytes(MOST)
        yield b"x"


@pytest.fixture
def service(store: tracing.Store) -> Iterator[Receiving]:
    """A service that receives."""
    with receiving(store) as service:
        yield service


@pytest.fixture
def narrow(database_url: str, data_dir: Path) -> Iterator[Receiving]:
    """One that takes bodies of a million bytes at most."""
    store = tracing.init(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir, TRACEWHY_MAX_OTLP_BYTES=MOST)
    with receiving(store) as service:
        yield service
    store.close()


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """300 million zeros, packed into 300 kB."""
    return gzip.compress(bytes(300_000_000))


@pytest.mark.parametrize("compression", list(Compression))
def test_the_exporter_arrives(service: Receiving, monkeypatch: pytest.MonkeyPatch, compression: Compression) -> None:
    """OpenTelemetry's own exporter with nothing set but the endpoint; stored when it says that it is done."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", service.url)
    trace_id = export(OTLPSpanExporter(compression=compression), "request", "retrieve", "generate")
    assert service.names(trace_id) == {"request", "retrieve", "generate"}
    assert get_trace(service.store.database, trace_id) is not None


@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate"])
def test_json_by_hand(service: Receiving, encoding: str) -> None:
    """JSON comes in packed or not, and is answered in JSON: with nothing, as nothing was refused."""
    pack = {"identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[encoding]
    body = pack(json.dumps(request(span(7))).encode())
    answer = service.client.post("/v1/traces", content=body, headers=JSON | {"content-encoding": encoding})
    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["content-type"] == "application/json"
    assert service.names(f"{7:032x}") == {"span 1"}


def test_a_bad_span_costs_only_itself(service: Receiving) -> None:
    """The good ones are stored, and the answer says how many were refused and why, in the language of the request."""
    body = request(span(8, 1), span(8, 2, spanId="00"), span(8, 3), span(8, 4, startTimeUnixNano="0"))
    said = service.client.post("/v1/traces", json=body).json()["partialSuccess"]
    assert said["rejectedSpans"] == "2"
    assert "span id" in said["errorMessage"]
    assert "start time" in said["errorMessage"]
    assert service.names(f"{8:032x}") == {"span 1", "span 3"}
    bad = ExportTraceServiceRequest()
    bad.resource_spans.add().scope_spans.add().spans.add(name="x")
    answer = service.client.post("/v1/traces", content=bad.SerializeToString(), headers=PROTOBUF)
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert ExportTraceServiceResponse.FromString(answer.content).partial_success.rejected_spans == 1


def test_the_project_is_in_a_header(service: Receiving) -> None:
    """`x-tracewhy-project` says whose traces these are; what cannot be a project is refused by name."""
    body, header = request(span(9)), "x-tracewhy-project"
    assert service.client.post("/v1/traces", json=body, headers={header: "shop"}).status_code == 200
    row = get_trace(service.store.database, f"{9:032x}")
    assert row is not None
    assert row.project == "shop"
    refused = service.client.post("/v1/traces", json=body, headers={header: "../etc"})
    assert refused.status_code == 400
    assert header in refused.json()["message"]


def test_logs_join_their_span(service: Receiving) -> None:
    """A prompt that is sent as a log record, before its span, is found in the span."""
    record = {
        "timeUnixNano": "1790000000001000000",
        "traceId": f"{10:032x}",
        "spanId": f"{1:016x}",
        "eventName": "gen_ai.user.message",
        "body": {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "How do I split a string?"}}]}},
    }
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record, {"body": {"stringValue": "of no span"}}]}]}]}
    answer = service.client.post("/v1/logs", json=logs)
    assert (answer.status_code, answer.json()) == (200, {})
    service.client.post("/v1/traces", json=request(span(10))).raise_for_status()
    (row,) = spans(service.store.database, f"{10:032x}")
    assert row.name == "span 1"
    payload = span_payload(service.store.database, f"{10:032x}", row.span_id)
    assert payload is not None
    assert "How do I split a string?" in str(payload)


def test_metrics_are_read_and_forgotten(service: Receiving, caplog: pytest.LogCaptureFixture) -> None:
    """Exporters that send metrics by default are answered politely; the log says so, once for each source."""
    source = {"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}}
    with caplog.at_level(logging.INFO, "service"):
        answers = [service.client.post("/v1/metrics", json={"resourceMetrics": [source]}) for _ in range(3)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {})] * 3
    assert len([line for line in caplog.messages if "metrics of 'shop' are not kept" in line]) == 1


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({"content": b"{", "headers": JSON}, 400, "JSON"),
        ({"json": []}, 400, "object"),
        ({"content": b"\x0a\xff", "headers": PROTOBUF}, 400, "protobuf"),
        ({"content": b"x", "headers": PROTOBUF | {"content-encoding": "gzip"}}, 400, "gzip"),
        ({"content": b"x", "headers": PROTOBUF | {"content-encoding": "br"}}, 415, "content-encoding"),
        ({"content": b"x", "headers": {"content-type": "text/plain"}}, 415, "content-type"),
        ({"content": b"x"}, 415, "content-type: is missing"),
        ({"json": {}, "headers": PROTOBUF}, 400, "content-type: application/json"),
        ({"content": bytes(MOST + 1), "headers": PROTOBUF}, 413, str(MOST)),
        ({"content": Pieces(), "headers": PROTOBUF}, 413, str(MOST)),
    ],
)
def test_what_cannot_be_read_is_refused(narrow: Receiving, sent: dict[str, Any], status: int, words: str) -> None:
    """A google.rpc.Status that names what is wrong, in the content type of the request; for each signal alike."""
    for signal in SIGNALS:
        answer = narrow.client.post(f"/v1/{signal}", **sent)
        protobuf = answer.headers["content-type"] == PROTOBUF["content-type"]
        said = status_pb2.Status.FromString(answer.content).message if protobuf else answer.json()["message"]
        assert answer.status_code == status
        assert words in said
        assert protobuf == (sent.get("headers", {}).get("content-type") == PROTOBUF["content-type"])


def test_other_methods_are_refused(service: Receiving) -> None:
    """405 with the one that is understood."""
    for signal in SIGNALS:
        answer = service.client.get(f"/v1/{signal}")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/", "/v1/trace", "/v1/traces/", "/v1/traces/v1/traces", "/api/public/otel"])
def test_a_wrong_path_says_the_right_one(service: Receiving, path: str) -> None:
    """In the language of exporters, and among the refusals that the doctor shows: nothing else tells why nothing arrives."""
    sender = PROTOBUF | {"user-agent": "OTel-OTLP-Exporter-Python/1.30"}
    answer = service.client.post(path, content=b"", headers=sender)
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROTOBUF["content-type"])
    said = status_pb2.Status.FromString(answer.content).message
    assert said == f"path: there is nothing at {path}; send OTLP to /v1/traces, /v1/logs or /v1/metrics"
    (refused,) = service.store.ingest.diagnostics.refusals()
    assert (refused.status, refused.reason, refused.sender) == (404, said, sender["user-agent"])


@pytest.mark.parametrize("lie", [None, 0, 4_000_000_000], ids=["honest", "says 0", "says 4 GB"])
def test_a_bomb_is_refused_and_does_not_go_off(narrow: Receiving, bomb: bytes, lie: int | None) -> None:
    """413 for a small body that unpacks to much, whatever it says of its size; memory stays bounded."""
    sent = bomb if lie is None else bomb[:-4] + lie.to_bytes(4, "little")
    for signal in SIGNALS:
        tracemalloc.start()
        answer = narrow.client.post(f"/v1/{signal}", content=sent, headers=PROTOBUF | {"content-encoding": "gzip"})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert answer.status_code == 413
        assert peak < 10 * MOST
    assert narrow.client.get("/healthz").status_code == 200


def test_receivers_are_not_traced(service: Receiving) -> None:
    """What is received makes no traces of the receiving."""
    service.client.post("/v1/traces", json=request(span(11))).raise_for_status()
    service.client.post("/v1/metrics", json={}).raise_for_status()
    service.store.writer.flush()
    assert [row.trace_id for row in list_traces(service.store.database, TraceFilter()).rows] == [f"{11:032x}"]
