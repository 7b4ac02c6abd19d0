"""Log records that belong to spans become fragments of them."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tests.otlp_messages import SPAN_ID, START_NS, TRACE_ID
from tracing_core.model import SpanEvent, SpanKind
from tracing_core.otlp.decode import logs_request
from tracing_core.otlp.logs import Fragments, fragments
from tracing_core.otlp.times import moment


def fragments_of(*records: dict[str, Any]) -> Fragments:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    logs = group.scope_logs.add()
    logs.scope.name = "openai"
    for fields in records:
        attributes = fields.pop("attributes", {})
        ids = {"trace_id": bytes.fromhex(TRACE_ID), "span_id": bytes.fromhex(SPAN_ID), "time_unix_nano": START_NS}
        record = logs.log_records.add(**(ids | fields))
        for key, value in attributes.items():
            record.attributes.add(key=key).value.string_value = value
    return fragments(logs_request(request.SerializeToString()))


def test_the_records_of_a_span_are_one_fragment() -> None:
    """Content sent as log records stands in events of its span, with the record's time, body and attributes."""
    body = AnyValue()
    body.kvlist_value.values.add(key="content").value.string_value = "How?"
    result = fragments_of(
        {"event_name": "gen_ai.user.message", "body": body, "time_unix_nano": START_NS + 2_000_000},
        {"attributes": {"event.name": "gen_ai.choice", "n": "1"}, "severity_number": 9, "severity_text": "INFO"},
    )
    ((span,),) = result.traces.values()
    assert list(result.traces) == [TRACE_ID]
    assert (span.span_id, span.parent_id, span.name, span.kind) == (SPAN_ID, None, "", SpanKind.UNKNOWN)
    assert (span.started_at, span.duration_ns) == (moment(START_NS), None)
    assert span.otel == {"fragment": True, "resource": {"service.name": "shop"}, "scope": {"name": "openai"}}
    choice = {"event.name": "gen_ai.choice", "n": "1", "severity_number": 9, "severity_text": "INFO"}
    assert span.events == (
        SpanEvent(
            name="gen_ai.user.message",
            timestamp=moment(START_NS + 2_000_000),
            attributes={"log.record": True, "body": {"content": "How?"}},
        ),
        SpanEvent(
            name="gen_ai.choice", timestamp=moment(START_NS), attributes=choice | {"log.record": True, "body": None}
        ),
    )


def test_records_of_several_spans_are_apart() -> None:
    """Each span of each trace has a fragment of its own."""
    result = fragments_of({}, {"span_id": b"\x01" * 8}, {"trace_id": b"\x02" * 16}, {})
    assert {trace_id: len(spans) for trace_id, spans in result.traces.items()} == {TRACE_ID: 2, "02" * 16: 1}
    assert [len(span.events) for span in result.traces[TRACE_ID]] == [2, 1]


@pytest.mark.parametrize("fields", [{"trace_id": b""}, {"span_id": b""}, {"span_id": bytes(8)}, {"time_unix_nano": 0}])
def test_a_record_of_no_span_is_counted(fields: dict[str, Any]) -> None:
    """Ordinary log lines are not ours to keep; how many there were is said."""
    result = fragments_of(fields, {})
    assert (len(result.traces), result.ignored) == (1, 1)


def test_a_record_may_say_only_when_it_was_seen() -> None:
    """The observed time stands in for a missing one."""
    result = fragments_of({"time_unix_nano": 0, "observed_time_unix_nano": START_NS})
    assert result.traces[TRACE_ID][0].events[0].timestamp == moment(START_NS)


def test_a_record_without_a_name_is_a_log() -> None:
    """Its event is called so."""
    assert fragments_of({}).traces[TRACE_ID][0].events[0].name == "log"
