"""Spans as OTLP sends them become ours."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.otlp_messages import (
    SPAN_ID,
    START_NS,
    TRACE_ID,
    any_values,
    otlp_request,
    otlp_span,
    received_from,
    received_span,
    trace_requests,
)
from tracing_core.assembly import assemble
from tracing_core.model import SpanKind, SpanStatus
from tracing_core.otlp.decode import trace_request
from tracing_core.otlp.encode import request_of
from tracing_core.otlp.spans import received
from tracing_core.otlp.values import BYTES_PREFIX, value_of

YEAR_3000_NS = 2**64 - 1


def exception(**attributes: str) -> Span.Event:
    event = Span.Event(name="exception", time_unix_nano=START_NS)
    for key, value in attributes.items():
        event.attributes.add(key=f"exception.{key}").value.string_value = value
    return event


def test_a_span_keeps_what_it_says() -> None:
    """Every part of an OTLP span is in a field or in `otel`, times to the nanosecond."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add(schema_url="https://example.org/1")
    resource.resource.attributes.add(key="service.name").value.string_value = "shop"
    scope = resource.scope_spans.add(schema_url="https://example.org/2")
    scope.scope.name, scope.scope.version = "openai", "1.2"
    link = Span.Link(trace_id=b"\x01" * 16, span_id=b"\x02" * 8, trace_state="a=b", flags=1)
    event = Span.Event(name="first token", time_unix_nano=START_NS + 1)
    scope.spans.add().CopyFrom(
        otlp_span(
            {"openinference.span.kind": "LLM", "n": 1},
            parent_span_id=b"\x03" * 8,
            kind=3,
            flags=0x101,
            trace_state="c=d",
            links=[link],
            events=[event],
            dropped_links_count=4,
            status=Status(code=1),
        )
    )
    ((span,),) = received(trace_request(request.SerializeToString())).traces.values()
    assert (span.span_id, span.parent_id, span.name) == (SPAN_ID, "03" * 8, "chat")
    assert (span.kind, span.status, span.error) == (SpanKind.LLM, SpanStatus.OK, None)
    assert span.started_at == datetime(2026, 11, 21, 12, 0, 0, 123456, UTC)
    assert span.duration_ns == 10**9
    assert span.attributes == {"openinference.span.kind": "LLM", "n": 1}
    assert [(e.name, e.timestamp) for e in span.events] == [("first token", span.started_at)]
    assert span.otel == {
        "start_ns": START_NS,
        "end_ns": START_NS + 10**9,
        "kind": 3,
        "flags": 0x101,
        "trace_state": "c=d",
        "links": [{"trace_id": "01" * 16, "span_id": "02" * 8, "trace_state": "a=b", "flags": 1}],
        "event_ns": [START_NS + 1],
        "dropped_links_count": 4,
        "resource": {"service.name": "shop"},
        "resource_schema_url": "https://example.org/1",
        "scope": {"name": "openai", "version": "1.2"},
        "schema_url": "https://example.org/2",
    }


@pytest.mark.parametrize("status", [None, Status(message="hm"), Status(code=1)], ids=["none", "a message", "OK"])
def test_a_level_of_error_is_an_error(status: Status | None) -> None:
    """Langfuse's senders in other languages say it by this attribute alone. What they said as status is sent on as it was."""
    said = {"langfuse.observation.level": "ERROR", "langfuse.observation.status_message": "no quota"}
    span = received_span(said, status=status)
    assert (span.status, span.error) == (SpanStatus.ERROR, "no quota")
    again = request_of([assemble(TRACE_ID, [span])])
    assert again.resource_spans[0].scope_spans[0].spans[0].status == (status or Status())
    assert received_span({"langfuse.observation.level": "WARNING"}).status is SpanStatus.UNSET


def test_spans_share_their_resource() -> None:
    """The dictionaries of resource and scope are there once for all spans of a group."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "shop"
    scope = resource.scope_spans.add()
    scope.scope.name = "openai"
    scope.spans.extend([otlp_span(), otlp_span(span_id=b"12345678")])
    ((one, other),) = received(trace_request(request.SerializeToString())).traces.values()
    assert one.otel["resource"] is other.otel["resource"]
    assert one.otel["scope"] is other.otel["scope"]


def test_a_native_trace_comes_back_under_its_name() -> None:
    """An id that was made from one of ours is ours again."""
    native = bytes.fromhex("7c20261121120000" + "a1b2c3d4e5f60718")
    assert list(received_from(otlp_span(trace_id=native)).traces) == ["trc_20261121_120000_a1b2c3d4e5f60718"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": b""}, "trace id must be 16 bytes"),
        ({"trace_id": bytes(16)}, "not all zero"),
        ({"trace_id": b"x" * 17}, "trace id must be 16 bytes"),
        ({"span_id": b"1234567"}, "span id 8 (in JSON 32 and 16 hex digits)"),
        ({"span_id": bytes(8)}, "not all zero"),
        ({"start_time_unix_nano": 0}, "no start time"),
    ],
)
def test_a_bad_span_costs_only_itself(fields: dict[str, Any], reason: str) -> None:
    """It is rejected with its name and the reason; the good one beside it is taken."""
    result = received_from(otlp_span(name="bad one", **fields), otlp_span())
    assert [span.name for span in result.traces[TRACE_ID]] == ["chat"]
    (rejection,) = result.rejected
    assert reason in rejection.reason
    assert "bad one" in rejection.span


@pytest.mark.parametrize("parent", [b"\x01", bytes(8), b"x" * 9])
def test_a_parent_that_cannot_be_one_is_none(parent: bytes) -> None:
    """The span is taken without it, and says what it was."""
    span = received_span(parent_span_id=parent)
    assert (span.parent_id, span.otel["unusable_parent_id"]) == (None, parent.hex())


@pytest.mark.parametrize(
    ("start", "end", "duration_ns", "clamped"),
    [
        (START_NS, START_NS, 0, None),
        (START_NS, 0, None, None),
        (START_NS, START_NS - 5, 0, {"end_ns": START_NS - 5}),
        (1_795_262_400, START_NS, START_NS - 31_536_000 * 10**9, {"start_ns": 1_795_262_400}),
        (START_NS, YEAR_3000_NS, 9_214_646_400 * 10**9 - 1 - START_NS, {"end_ns": YEAR_3000_NS}),
        (YEAR_3000_NS, YEAR_3000_NS, 0, {"start_ns": YEAR_3000_NS, "end_ns": YEAR_3000_NS}),
    ],
)
def test_impossible_times_are_bent_and_said(
    start: int, end: int, duration_ns: int | None, clamped: dict[str, int] | None
) -> None:
    """Times stay between 1971 and 2261 and in order; what was sent is in `otel`; an end of 0 is none."""
    span = received_span(start_time_unix_nano=start, end_time_unix_nano=end)
    assert span.duration_ns == duration_ns
    assert span.otel.get("clamped") == clamped
    assert 1971 <= span.started_at.year <= 2261


@pytest.mark.parametrize(
    ("status", "attributes", "events", "error"),
    [
        (Status(code=2, message="told"), {"error.type": "x"}, [exception(message="m")], "told"),
        (Status(code=2), {"error.type": "x"}, [exception(type="T"), exception(type="ValueError", message="m")], "ValueError: m"),
        (Status(code=2), {}, [exception(message="m")], "m"),
        (Status(code=2), {"error.type": "timeout"}, [exception()], "timeout"),
        (Status(code=2), {}, [], None),
        (Status(code=1, message="not an error"), {"error.type": "x"}, [exception(message="m")], None),
    ],
)  # fmt: skip
def test_what_went_wrong_is_said(
    status: Status, attributes: dict[str, Any], events: list[Span.Event], error: str | None
) -> None:
    """Of a failed span the status message, else its last exception, else its error type."""
    span = received_span(attributes, status=status, events=events)
    assert span.error == error
    assert (span.status is SpanStatus.ERROR) == (status.code == 2)


def test_a_message_of_no_error_is_kept() -> None:
    """What a status says beside OK stays in `otel`, and so does a code that nobody knows."""
    assert received_span(status=Status(code=1, message="fine")).otel["status_message"] == "fine"
    assert received_span(status=Status(code=7)).otel["status_code"] == 7


def test_a_status_that_cannot_be_read_loses_no_span() -> None:
    """Its bytes are kept, and the span has no status."""
    body = otlp_request(otlp_span(status=Status(code=2, message="told"))).replace(b"\x04told", b"\x44told")
    ((span,),) = received(trace_request(body)).traces.values()
    assert (span.status, span.error) == (SpanStatus.UNSET, None)
    assert span.otel["unreadable_status"].startswith(BYTES_PREFIX)


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    """Duplicated attributes cost nothing but the earlier value."""
    span = otlp_span()
    span.attributes.extend(KeyValue(key="a", value=AnyValue(int_value=number)) for number in (1, 2))
    ((read,),) = received_from(span).traces.values()
    assert read.attributes == {"a": 2}


def test_text_with_nul_and_bytes_that_are_no_text_lose_no_span() -> None:
    """NUL arrives as it is (storing replaces it), and bytes that are no UTF-8 spoil their own character alone."""
    body = otlp_request(otlp_span({"a": "x\x00y", "key": "valid"}), otlp_span(name="chart", span_id=b"12345678"))
    body = body.replace(b"valid", b"val\xffd").replace(b"chart", b"ch\xfert").replace(b"key", b"k\xfdy")
    ((one, other),) = received(trace_request(body)).traces.values()
    assert one.attributes == {"a": "x\x00y", "k\ufffdy": "val\ufffdd"}
    assert other.name == "ch\ufffdrt"


def test_our_own_attributes_are_fields_again() -> None:
    """What left under `tracewhy.span.` comes back to where it was; what cannot be read stays an attribute."""
    span = received_span(
        {
            "tracewhy.span.kind": "FUSION",
            "tracewhy.span.outputs": '{"kept": 3}',
            "tracewhy.span.evidence": "broken",
            "tracewhy.outputs": "{}",
        }
    )
    assert (span.kind, span.outputs) == (SpanKind.FUSION, {"kept": 3})
    assert span.attributes == {"tracewhy.span.evidence": "broken", "tracewhy.outputs": "{}"}


@pytest.mark.parametrize("given_kind", [["LLM"], "SOMETHING", None, 3])
def test_a_kind_that_is_none_of_ours_stays_an_attribute(given_kind: Any) -> None:
    """A foreign value under our own name is kept as it came."""
    span = received_span({"tracewhy.span.kind": given_kind})
    assert (span.kind, span.attributes) == (SpanKind.UNKNOWN, {"tracewhy.span.kind": given_kind})


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (AnyValue(), None),
        (AnyValue(string_value=""), ""),
        (AnyValue(bytes_value=b"\x00\x01"), BYTES_PREFIX + "AAE="),
        (AnyValue(double_value=float("nan")), "NaN"),
        (AnyValue(double_value=float("-inf")), "-Infinity"),
        (AnyValue(double_value=2.0), 2.0),
        (AnyValue(int_value=-1), -1),
        (AnyValue(bool_value=False), False),
    ],
)
def test_values_are_what_json_can_hold(value: AnyValue, read: Any) -> None:
    """Each type of value has its own plain one, and names those that JSON does not know."""
    found = value_of(value.SerializeToString())
    assert found == read
    assert type(found) is type(read)


@given(any_values)
def test_the_quick_reading_is_the_right_one(value: AnyValue) -> None:
    """Read off the bytes, a value is what the official classes say that it is."""
    assert value_of(value.SerializeToString()) == _plain(value)


def _plain(value: AnyValue) -> Any:
    which = value.WhichOneof("value")
    if which == "array_value":
        return [_plain(item) for item in value.array_value.values]
    if which == "kvlist_value":
        return {pair.key: _plain(pair.value) for pair in value.kvlist_value.values}
    found = getattr(value, which) if which else None
    if isinstance(found, bytes):
        return BYTES_PREFIX + b64encode(found).decode()
    if isinstance(found, float) and (found != found or abs(found) == float("inf")):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(found)]
    return found


def test_values_nested_deeper_than_anybody_reads_stay_bytes() -> None:
    """A list of lists without end costs neither the span nor the stack."""
    raw = b"\x0a\x01x"
    for _ in range(2000):
        inner = b"\x0a" + _varint(len(raw)) + raw
        raw = b"\x2a" + _varint(len(inner)) + inner
    found = value_of(raw)
    for _ in range(64):
        (found,) = found
    assert found.startswith(BYTES_PREFIX)


def _varint(number: int) -> bytes:
    encoded = b""
    while number > 127:
        encoded += bytes([number & 127 | 128])
        number >>= 7
    return encoded + bytes([number])


@pytest.mark.parametrize(
    "raw", [b"\x0a", b"\x0a\x05a", b"\x21\x00", b"\x18" + b"\xff" * 11, b"\xff\xff", b"\x0a\xff\x01a"]
)
def test_a_value_that_cannot_be_read_is_kept_as_bytes(raw: bytes) -> None:
    """A broken value spoils neither its span nor itself."""
    assert value_of(raw).startswith(BYTES_PREFIX)


@given(trace_requests())
def test_every_span_is_taken_or_rejected(request: ExportTraceServiceRequest) -> None:
    """No span disappears, whatever is in it."""
    sent = sum(len(scope.spans) for group in request.resource_spans for scope in group.scope_spans)
    result = received(trace_request(request.SerializeToString()))
    assert sum(map(len, result.traces.values())) + len(result.rejected) == sent
