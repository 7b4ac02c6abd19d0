"""Whatever is sent to the receivers, they answer it, and never with 500."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import tracing_core as tracing
from tests.service.receiving import Receiving, receiving
from tracing_core.ids import native_trace_id
from tracing_core.query.trace import spans

PATHS = st.sampled_from(["/v1/traces", "/v1/logs", "/v1/metrics", "/api/public/otel/v1/traces"])
TYPES = st.sampled_from(
    ["application/x-protobuf", "application/json", "application/json; charset=utf-8", "text/html", ""]
)
PACKED: dict[str, Any] = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "deflate, gzip": bytes}
SERVED, REFUSED = {200}, {400, 413, 415}
QUICK = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

words = st.text(max_size=20)
numbers = st.integers(0, 2**64 - 1)
ids = st.binary(max_size=20) | st.sampled_from([b"trace-trace-trac", b"span-spa", bytes(8), bytes(16)])


@pytest.fixture
def service(store: tracing.Store) -> Iterator[Receiving]:
    """A service that receives."""
    with receiving(store) as service:
        yield service


SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string_value": words,
    "bool_value": st.booleans(),
    "int_value": st.integers(-(2**63), 2**63 - 1),
    "double_value": st.floats(),
    "bytes_value": st.binary(max_size=20),
}


@st.composite
def any_values(draw: st.DrawFn, message: Any, depth: int = 4) -> None:
    """Fill an AnyValue with one of the things that it can hold, or leave it empty."""
    kind = draw(st.sampled_from([*SCALARS, "array_value", "kvlist_value", ""]))
    if kind in SCALARS:
        setattr(message, kind, draw(SCALARS[kind]))
    elif kind and depth:
        values = getattr(message, kind).values
        getattr(message, kind).SetInParent()
        for _ in range(draw(st.integers(0, 3))):
            added = values.add()
            if kind == "kvlist_value":
                added.key = draw(KEYS)
            draw(any_values(added.value if kind == "kvlist_value" else added, depth - 1))


KEYS = words | st.sampled_from(
    [
        "gen_ai.usage.input_tokens", "gen_ai.request.model", "gen_ai.input.messages", "llm.token_count.prompt", "session.id",
        "openinference.span.kind", "input.value", "retrieval.documents.0.document.score", "llm.cost.total", "tag.tags",
        "decision.what", "decision.type", "decision.confidence", "decision.alternatives", "langfuse.observation.usage_details",
        "tracewhy.status", "tracewhy.kind", "tracewhy.evidence", "tracewhy.iterations", "tracewhy.project",
        "langfuse.observation.completion_start_time", "gen_ai.response.time_to_first_chunk", "metadata", "service.name",
    ]
)  # fmt: skip


@st.composite
def attributes(draw: st.DrawFn, pairs: Any, depth: int = 3) -> None:
    """Add pairs with keys that mean something, and values that need not."""
    for _ in range(draw(st.integers(0, 4))):
        pair = pairs.add(key=draw(KEYS))
        draw(any_values(pair.value, depth))


@st.composite
def trace_requests(draw: st.DrawFn) -> bytes:
    """Requests that are well formed as protobuf, and anything otherwise."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add(schema_url=draw(words))
    draw(attributes(group.resource.attributes))
    spans = group.scope_spans.add().spans
    for _ in range(draw(st.integers(0, 4))):
        span = spans.add(name=draw(words), trace_state=draw(words), kind=draw(st.integers(-1, 9)))
        span.trace_id, span.span_id, span.parent_span_id = draw(ids), draw(ids), draw(ids)
        span.start_time_unix_nano, span.end_time_unix_nano = draw(numbers), draw(numbers)
        span.status.code, span.status.message = draw(st.integers(-1, 5)), draw(words)
        draw(attributes(span.attributes))
        for _ in range(draw(st.integers(0, 2))):
            event = span.events.add(name=draw(words | st.just("decision")), time_unix_nano=draw(numbers))
            draw(attributes(event.attributes))
        for _ in range(draw(st.integers(0, 1))):
            link = span.links.add(trace_id=draw(ids), span_id=draw(ids))
            draw(attributes(link.attributes))
    return request.SerializeToString()


@st.composite
def log_requests(draw: st.DrawFn) -> bytes:
    """The same of log records."""
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for _ in range(draw(st.integers(0, 4))):
        record = records.add(
            event_name=draw(words), time_unix_nano=draw(numbers), severity_number=draw(st.integers(0, 30))
        )
        record.trace_id, record.span_id = draw(ids), draw(ids)
        draw(any_values(record.body))
        draw(attributes(record.attributes))
    return request.SerializeToString()


def valid_ids(body: bytes) -> set[tuple[str, str]]:
    """The ids of the spans of a request that must be taken: those with valid ids and a start."""
    return {
        (native_trace_id(span.trace_id.hex()), span.span_id.hex())
        for group in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in group.scope_spans
        for span in scope.spans
        if len(span.trace_id) == 16 and len(span.span_id) == 8
        if any(span.trace_id) and any(span.span_id) and span.start_time_unix_nano
    }


def send(service: Receiving, path: str, body: bytes, **headers: str) -> int:
    """The status of the answer."""
    return service.client.post(path, content=body, headers=headers, auth=("public", "secret")).status_code


@given(data=st.data())
@QUICK
def test_any_bytes_are_answered(service: Receiving, data: st.DataObject) -> None:
    """Bytes that mean nothing, under any content type and encoding."""
    body, kind = data.draw(st.binary(max_size=200)), data.draw(TYPES)
    encoding = data.draw(st.sampled_from([*PACKED, "br", "gzip, gzip"]))
    packed = PACKED.get(encoding, bytes)(body) if data.draw(st.booleans()) else body
    headers = {"content-type": kind, "content-encoding": encoding}
    assert send(service, data.draw(PATHS), packed, **headers) in SERVED | REFUSED


@given(body=trace_requests(), cut=st.none() | st.integers(0, 200))
@QUICK
def test_any_spans_are_served(service: Receiving, body: bytes, cut: int | None) -> None:
    """What is protobuf is served, however odd what it says, and stored; cut off or changed it may be refused."""
    kind = "application/x-protobuf"
    assert send(service, "/v1/traces", body, **{"content-type": kind}) in SERVED
    for trace_id, span_id in valid_ids(body):
        assert span_id in {span.span_id for span in spans(service.store.database, trace_id)}
    if cut is not None:
        broken = body[:cut] + b"\xff" + body[cut + 1 :]
        assert send(service, "/v1/traces", broken, **{"content-type": kind}) in SERVED | REFUSED
        assert send(service, "/v1/traces", body[:cut], **{"content-type": kind}) in SERVED | REFUSED


@given(body=log_requests())
@QUICK
def test_any_log_records_are_served(service: Receiving, body: bytes) -> None:
    """The same of log records."""
    assert send(service, "/v1/logs", body, **{"content-type": "application/x-protobuf"}) in SERVED


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | words,
    lambda values: (
        st.lists(values, max_size=3)
        | st.dictionaries(st.sampled_from(["resourceSpans", "scopeSpans", "spans", "traceId", "name", "value"]), values)
    ),
    max_leaves=20,
)


@given(path=PATHS, content=json_values)
@QUICK
def test_any_json_is_answered(service: Receiving, path: str, content: Any) -> None:
    """Values of any type in any place."""
    body = json.dumps(content).encode()
    assert send(service, path, body, **{"content-type": "application/json"}) in SERVED | REFUSED


@pytest.mark.parametrize("signal", ["trace.v1.Trace", "logs.v1.Logs", "metrics.v1.Metrics"])
def test_any_bytes_over_grpc_are_answered(service: Receiving, signal: str) -> None:
    """GRPC says what is wrong by INVALID_ARGUMENT, and never that something broke."""
    with grpc.insecure_channel(service.grpc_url.removeprefix("http://")) as channel:
        call = channel.unary_unary(f"/opentelemetry.proto.collector.{signal}Service/Export")

        @given(body=st.binary(max_size=200))
        @QUICK
        def answered(body: bytes) -> None:
            assert call.future(body).code() in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT)

        answered()


@given(body=trace_requests(), encoding=st.sampled_from(["gzip", "deflate"]), cut=st.integers(0, 200), data=st.data())
@QUICK
def test_a_packed_body_that_is_broken_is_answered(
    service: Receiving, body: bytes, encoding: str, cut: int, data: st.DataObject
) -> None:
    """Cut off, changed in one place, or with something behind it: refused when it cannot be unpacked, never a fault."""
    packed = PACKED[encoding](body)
    headers = {"content-type": "application/x-protobuf", "content-encoding": encoding}
    assert send(service, "/v1/traces", packed, **headers) in SERVED
    cut = min(cut, len(packed) - 1)
    assert send(service, "/v1/traces", packed[:cut], **headers) in REFUSED
    changed = packed[:cut] + data.draw(st.binary(min_size=1, max_size=1)) + packed[cut + 1 :]
    assert send(service, "/v1/traces", changed, **headers) in SERVED | REFUSED
    assert send(service, "/v1/traces", packed + data.draw(st.binary(max_size=20)), **headers) in SERVED | REFUSED
    for kind in ("application/json", "application/x-protobuf"):
        assert send(service, "/v1/traces", packed, **{"content-type": kind}) in SERVED | REFUSED


def test_any_spans_over_grpc_are_served(service: Receiving) -> None:
    """The same spans as over HTTP, whole, changed in one place, and cut off."""
    with grpc.insecure_channel(service.grpc_url.removeprefix("http://")) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")

        @given(body=trace_requests(), cut=st.integers(0, 200))
        @QUICK
        def answered(body: bytes, cut: int) -> None:
            assert call.future(body).code() is grpc.StatusCode.OK
            for trace_id, span_id in valid_ids(body):
                assert span_id in {span.span_id for span in spans(service.store.database, trace_id)}
            for broken in (body[:cut] + b"\xff" + body[cut + 1 :], body[:cut]):
                assert call.future(broken).code() in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT)

        answered()
