"""OTLP requests for tests: one span with what a test names, and any request at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tracing_core.model import SpanData
from tracing_core.otlp.any_value import add_attributes
from tracing_core.otlp.decode import trace_request
from tracing_core.otlp.spans import Received, received

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"
START_NS = 1_795_262_400_123_456_789


def otlp_span(attributes: dict[str, Any] | None = None, **fields: Any) -> Span:
    """A span of one second, with `attributes`."""
    given = {
        "trace_id": bytes.fromhex(TRACE_ID),
        "span_id": bytes.fromhex(SPAN_ID),
        "name": "chat",
        "start_time_unix_nano": START_NS,
        "end_time_unix_nano": START_NS + 10**9,
    }
    span = Span(**(given | fields))
    add_attributes(span.attributes, attributes or {})
    return span


def otlp_request(*spans: Span) -> bytes:
    """The body of a request with `spans`."""
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.extend(spans)
    encoded: bytes = request.SerializeToString()
    return encoded


def received_from(*spans: Span) -> Received:
    """What is received of `spans`."""
    return received(trace_request(otlp_request(*spans)))


def received_span(*args: Any, **fields: Any) -> SpanData:
    """What `otlp_span` with these arguments is received as."""
    ((span,),) = received_from(otlp_span(*args, **fields)).traces.values()
    return span


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
_scalars = st.one_of(
    st.builds(AnyValue),
    st.builds(AnyValue, string_value=texts | st.sampled_from(["x" * 126, "y" * 127, "z" * 128, "a" * 16_384])),
    st.builds(AnyValue, bool_value=st.booleans()),
    st.builds(AnyValue, int_value=st.sampled_from([0, 127, 128, 16383, 16384, -1]) | st.integers(-(2**63), 2**63 - 1)),
    st.builds(AnyValue, double_value=st.floats()),
    st.builds(AnyValue, bytes_value=st.binary(max_size=4)),
)


def _array(values: list[AnyValue]) -> AnyValue:
    value = AnyValue()
    value.array_value.values.extend(values)
    value.array_value.SetInParent()
    return value


def _kvlist(pairs: dict[str, AnyValue]) -> AnyValue:
    value = AnyValue()
    value.kvlist_value.values.extend(KeyValue(key=key, value=item) for key, item in pairs.items())
    value.kvlist_value.SetInParent()
    return value


any_values = st.recursive(
    _scalars,
    lambda values: st.lists(values, max_size=3).map(_array) | st.dictionaries(texts, values, max_size=3).map(_kvlist),
    max_leaves=6,
)
_own_keys = st.sampled_from(
    [
        "decision.type", "decision.what", "decision.why", "decision.confidence", "decision.alternatives",
        "decision.inputs", "decision.timestamp", "decision.other", "tracewhy.span.kind", "tracewhy.span.outputs",
        "tracewhy.span.evidence", "error.type", "exception.type", "gen_ai.operation.name", "openinference.span.kind",
    ]
)  # fmt: skip
_said = st.sampled_from(
    ["LLM", "chat", "0.5", "2", "[1, 2]", '{"a": null}', '"quoted"', "[", "2026-11-21T12:00:00+00:00", "now"]
).map(lambda text: AnyValue(string_value=text))
key_values = st.builds(KeyValue, key=texts | _own_keys, value=any_values | _said)
attribute_lists = st.lists(key_values, max_size=6)
_times = st.sampled_from([0, 1, START_NS, START_NS + 1, 2**64 - 1]) | st.integers(0, 2**64 - 1)
_counts = st.just(0) | st.integers(0, 2**32 - 1)
events = st.builds(
    Span.Event,
    name=st.sampled_from(["decision", "exception", "log"]) | texts,
    time_unix_nano=_times,
    attributes=attribute_lists,
    dropped_attributes_count=_counts,
)
links = st.builds(
    Span.Link,
    trace_id=st.binary(max_size=20),
    span_id=st.binary(max_size=9),
    trace_state=texts,
    attributes=attribute_lists,
    flags=_counts,
)
statuses = st.builds(Status, code=st.sampled_from([0, 1, 2, 3, -4]), message=texts)


def _ids(size: int) -> st.SearchStrategy[bytes]:
    return st.integers(1, 5).map(lambda number: number.to_bytes(size)) | st.binary(min_size=size, max_size=size)


def spans(ids: Callable[[int], st.SearchStrategy[bytes]] = _ids) -> st.SearchStrategy[Span]:
    """Spans with any content."""
    return st.builds(
        Span,
        trace_id=ids(16),
        span_id=ids(8),
        parent_span_id=st.just(b"") | ids(8),
        trace_state=texts,
        flags=_counts,
        name=texts,
        kind=st.integers(0, 9),
        start_time_unix_nano=_times,
        end_time_unix_nano=_times,
        attributes=attribute_lists,
        dropped_attributes_count=_counts,
        events=st.lists(events, max_size=3),
        dropped_events_count=_counts,
        links=st.lists(links, max_size=2),
        dropped_links_count=_counts,
        status=st.none() | statuses,
    )


@st.composite
def trace_requests(draw: st.DrawFn) -> ExportTraceServiceRequest:
    """Requests with any content, also ids of a wrong length."""
    request = ExportTraceServiceRequest()
    for _ in range(draw(st.integers(0, 2))):
        resource = request.resource_spans.add(schema_url=draw(texts))
        resource.resource.attributes.extend(draw(attribute_lists))
        resource.resource.dropped_attributes_count = draw(_counts)
        for _ in range(draw(st.integers(0, 2))):
            scope = resource.scope_spans.add(schema_url=draw(texts))
            scope.scope.name, scope.scope.version = draw(texts), draw(texts)
            scope.scope.attributes.extend(draw(attribute_lists))
            scope.spans.extend(draw(st.lists(spans() | spans(lambda _: st.binary(max_size=20)), max_size=3)))
    return request


@st.composite
def logs_requests(draw: st.DrawFn) -> ExportLogsServiceRequest:
    """Requests with any log records."""
    request = ExportLogsServiceRequest()
    logs = request.resource_logs.add().scope_logs.add()
    for _ in range(draw(st.integers(0, 4))):
        record = logs.log_records.add(
            trace_id=draw(_ids(16) | st.binary(max_size=3)),
            span_id=draw(_ids(8)),
            time_unix_nano=draw(_times),
            observed_time_unix_nano=draw(_times),
            event_name=draw(texts),
            severity_text=draw(texts),
        )
        record.attributes.extend(draw(attribute_lists))
        record.body.CopyFrom(draw(any_values))
    return request
