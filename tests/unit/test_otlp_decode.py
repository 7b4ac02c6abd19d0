"""Bodies become requests: protobuf, and OTLP's own JSON."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.otlp_messages import SPAN_ID, START_NS, TRACE_ID, logs_requests, otlp_request, otlp_span, trace_requests
from tracing_core.errors import InvalidInput
from tracing_core.model import SpanData
from tracing_core.otlp.decode import PROTOBUF, logs_request, trace_request
from tracing_core.otlp.logs import fragments
from tracing_core.otlp.spans import received

JSON = "application/json"
SPAN = {
    "traceId": TRACE_ID.upper(),
    "spanId": SPAN_ID,
    "name": "chat",
    "kind": 3,
    "startTimeUnixNano": str(START_NS),
    "endTimeUnixNano": START_NS + 10**9,
    "attributes": [
        {"key": "text", "value": {"stringValue": "x"}},
        {"key": "int", "value": {"intValue": "12"}},
        {"key": "number", "value": {"intValue": 12}},
        {"key": "double", "value": {"doubleValue": 0.5}},
        {"key": "bool", "value": {"boolValue": True}},
        {"key": "bytes", "value": {"bytesValue": "AAE="}},
        {"key": "list", "value": {"arrayValue": {"values": [{"intValue": 1}, {}]}}},
        {"key": "tree", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"stringValue": "b"}}]}}},
        {"key": "empty", "value": {}},
        {"key": "unsaid"},
    ],
    "status": {"code": "STATUS_CODE_ERROR", "message": "no"},
    "somethingNew": {"from": "a later version"},
}


def body_of(span: dict[str, Any], **resource: Any) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}], **resource}]}).encode()


def only_span(body: bytes) -> SpanData:
    ((span,),) = received(trace_request(body, JSON)).traces.values()
    return span


def test_json_is_read_as_the_specification_has_it() -> None:
    """Ids are hex, 64-bit numbers text or number, enums number or name, unknown names ignored."""
    span = only_span(body_of(SPAN))
    assert (span.span_id, span.name, span.error, span.duration_ns) == (SPAN_ID, "chat", "no", 10**9)
    assert span.otel == {"start_ns": START_NS, "end_ns": START_NS + 10**9, "kind": 3}
    assert span.attributes == {
        "text": "x",
        "int": 12,
        "number": 12,
        "double": 0.5,
        "bool": True,
        "bytes": "data:application/octet-stream;base64,AAE=",
        "list": [1, None],
        "tree": {"a": "b"},
        "empty": None,
        "unsaid": None,
    }


def test_json_may_be_in_snake_case() -> None:
    """Writers that keep protobuf's own names are understood."""
    span = {"trace_id": TRACE_ID, "span_id": SPAN_ID, "start_time_unix_nano": 5 * 10**17}
    body = json.dumps({"resource_spans": [{"scope_spans": [{"spans": [span]}]}]}).encode()
    assert only_span(body).span_id == SPAN_ID


def test_json_that_protobuf_wrote_is_read() -> None:
    """Its own writers put ids into base64, which hex never looks like."""
    message = ExportTraceServiceRequest.FromString(otlp_request(otlp_span(parent_span_id=b"12345678")))
    as_json = json_format.MessageToJson(message).encode()
    assert b64encode(bytes.fromhex(TRACE_ID)) in as_json
    assert received(trace_request(as_json, JSON)) == received(trace_request(message.SerializeToString()))


def test_a_bad_id_in_json_costs_only_its_span() -> None:
    """A span whose id is no hex is rejected among others that are taken."""
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [SPAN, SPAN | {"traceId": "zz"}]}]}]}).encode()
    result = received(trace_request(body, JSON))
    assert [len(spans) for spans in result.traces.values()] == [1]
    assert "trace id" in result.rejected[0].reason


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "is empty; an empty request is {}"),
        (b"{", "is not JSON"),
        (b"[]", "expected an object"),
        (b'{"resourceSpans": {}}', "resourceSpans is {}; expected a list"),
        (body_of(SPAN | {"name": 7}), "spans[0].name is 7; expected text"),
        (body_of(SPAN | {"kind": "SPAN_KIND_STRANGE"}), "kind is 'SPAN_KIND_STRANGE'; expected a name or number"),
        (body_of(SPAN | {"startTimeUnixNano": "soon"}), "expected a whole number in range"),
        (body_of(SPAN | {"startTimeUnixNano": -1}), "expected a whole number in range"),
        (body_of(SPAN | {"flags": 2**40}), "expected a whole number in range"),
        (body_of(SPAN | {"attributes": [{"key": "a", "value": {"bytesValue": "A"}}]}), "expected base64"),
        (body_of(SPAN | {"attributes": [{"key": "a", "value": {"doubleValue": "much"}}]}), "expected a number"),
        (body_of(SPAN | {"attributes": [{"key": "a", "value": {"boolValue": "yes"}}]}), "expected true or false"),
        (body_of(SPAN, resource=[]), "resource is []; expected an object"),
    ],
)
def test_json_that_does_not_fit_is_named(body: bytes, says: str) -> None:
    """The error says where in the body, what is there, and what should be."""
    with pytest.raises(InvalidInput) as caught:
        trace_request(body, JSON)
    assert caught.value.field == "body"
    assert says in caught.value.problem


@pytest.mark.parametrize("depth", [60, 400, 100_000])
def test_json_nested_without_end_is_refused(depth: int) -> None:
    """A list in a list in a list is refused at some depth, without a crash."""
    nested = b'{"arrayValue":{"values":[' * depth + b"{}" + b"]}}" * depth
    body = body_of(SPAN | {"attributes": [{"key": "a", "value": "HERE"}]}).replace(b'"HERE"', nested)
    with pytest.raises(InvalidInput) as caught:
        trace_request(body, JSON)
    assert caught.value.field == "body"


def test_half_a_character_in_json_costs_only_itself() -> None:
    """A text that JavaScript cut within a character arrives, the half as U+FFFD."""
    assert only_span(body_of(SPAN | {"name": "a\ud83d"})).name == "a\ufffd"


@given(trace_requests())
def test_json_says_the_same_as_protobuf(request: ExportTraceServiceRequest) -> None:
    """A request in JSON is received as the same request in protobuf."""
    as_json = json_format.MessageToDict(request)
    _ids_as_hex(as_json)
    from_json = received(trace_request(json.dumps(as_json).encode(), JSON))
    assert from_json == received(trace_request(request.SerializeToString()))


def _ids_as_hex(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _ids_as_hex(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in ("traceId", "spanId", "parentSpanId"):
                value[key] = b64decode(item).hex()
            else:
                _ids_as_hex(item)


def test_protobuf_that_cannot_be_read_is_refused() -> None:
    """Half a message is no message."""
    with pytest.raises(InvalidInput, match="body: is not a protobuf ExportTraceServiceRequest"):
        trace_request(otlp_request(otlp_span())[:-3])


@pytest.mark.parametrize(
    ("body", "content_type", "fix"),
    [
        (body_of(SPAN), PROTOBUF, "it looks like JSON; send content-type: application/json"),
        (otlp_request(otlp_span()), JSON, "it looks like protobuf; send content-type: application/x-protobuf"),
        (gzip.compress(body_of(SPAN)), JSON, "it looks like gzip; send content-encoding: gzip"),
        (gzip.compress(otlp_request(otlp_span())), PROTOBUF, "it looks like gzip; send content-encoding: gzip"),
    ],
    ids=["JSON as protobuf", "protobuf as JSON", "packed JSON", "packed protobuf"],
)
def test_a_body_under_a_wrong_header_says_which(body: bytes, content_type: str, fix: str) -> None:
    """What senders mix up most is told by the first bytes."""
    with pytest.raises(InvalidInput) as caught:
        trace_request(body, content_type)
    assert caught.value.field == "body"
    assert caught.value.problem.endswith(f"; {fix}")


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/x-www-form-urlencoded"])
def test_other_content_types_are_refused(content_type: str | None) -> None:
    """The error names the header and the two types that are read."""
    with pytest.raises(InvalidInput, match=r"content-type: .* send application/x-protobuf or application/json"):
        trace_request(b"", content_type)


def test_parameters_of_a_content_type_say_nothing_more() -> None:
    """`application/json; charset=utf-8` is JSON, in capitals, too."""
    assert only_span_count(trace_request(body_of(SPAN), "Application/JSON; charset=utf-8")) == 1


def only_span_count(request: Any) -> int:
    return sum(len(spans) for spans in received(request).traces.values())


_json_junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda values: (
        st.lists(values, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["resourceSpans", "scopeSpans", "spans", "attributes", "key", "value", "stringValue", "status", "code"]
            ),
            values,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(_json_junk)
def test_any_json_is_received_or_refused(content: Any) -> None:
    """Whatever JSON comes, there is no error but InvalidInput."""
    with suppress(InvalidInput):
        received(trace_request(json.dumps({"resourceSpans": content}).encode(), JSON))


@given(st.binary(max_size=300))
def test_any_bytes_are_received_or_refused(body: bytes) -> None:
    """Whatever bytes come, there is no error but InvalidInput."""
    for content_type in ("application/x-protobuf", JSON):
        with suppress(InvalidInput):
            received(trace_request(body, content_type))
            fragments(logs_request(body, content_type))


@given(trace_requests(), st.data())
def test_spoiled_requests_are_received_or_refused(request: ExportTraceServiceRequest, data: st.DataObject) -> None:
    """A request with a changed byte gives spans or InvalidInput, and never another error."""
    body = bytearray(request.SerializeToString() or b"\x00")
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(InvalidInput):
        received(trace_request(bytes(body)))


@given(logs_requests())
def test_any_log_records_are_received(request: Any) -> None:
    """Each record is in a fragment or counted as ignored."""
    result = fragments(logs_request(request.SerializeToString()))
    kept = sum(len(span.events) for spans in result.traces.values() for span in spans)
    assert kept + result.ignored == len(request.resource_logs[0].scope_logs[0].log_records)
