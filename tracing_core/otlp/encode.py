"""Traces as OTLP requests. What came in by OTLP goes out as it came; reading it again gives equal spans."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tracing_core.given import as_spans
from tracing_core.ids import otel_trace_id
from tracing_core.jsontext import dump, text_of
from tracing_core.model import SpanData, SpanEvent, SpanStatus, TraceData
from tracing_core.normal_form import kind_of
from tracing_core.otlp.any_value import add_attributes, wire_text
from tracing_core.otlp.decisions import EVENT, write_decision
from tracing_core.otlp.own import own_attributes
from tracing_core.otlp.times import event_moment, nanoseconds

OWN_SCOPE = {"name": "tracewhy"}
_CODES = {SpanStatus.UNSET: 0, SpanStatus.OK: 1, SpanStatus.ERROR: 2}
_COUNTS = ("dropped_attributes_count", "dropped_events_count", "dropped_links_count")
_AROUND = ("resource", "resource_schema_url", "resource_dropped_attributes_count")


def request_of(traces: Iterable[TraceData]) -> Any:
    """The ExportTraceServiceRequest that sends `traces`."""
    request = ExportTraceServiceRequest()
    groups = _Groups(request)
    for trace in traces:
        for span in as_spans(trace):
            _fill_span(groups.spans_beside(span, trace).add(), span, trace.trace_id)
    return request


class _Groups:
    """The lists of a request, one for each resource and scope."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._resources: dict[bytes, Any] = {}
        self._scopes: dict[tuple[bytes, bytes], Any] = {}

    def spans_beside(self, span: SpanData, trace: TraceData) -> Any:
        """The list for spans that share `span`'s resource and scope."""
        otel = surroundings(span, trace)
        around = {key: otel[key] for key in _AROUND if key in otel}
        within = {key: otel[key] for key in ("scope", "schema_url") if key in otel}
        keys = dump(around), dump(within)
        if keys not in self._scopes:
            if keys[0] not in self._resources:
                self._resources[keys[0]] = _add_resource(self._request.resource_spans, around)
            self._scopes[keys] = _add_scope(self._resources[keys[0]].scope_spans, within)
        return self._scopes[keys].spans


def surroundings(span: SpanData, trace: TraceData) -> Mapping[str, Any]:
    """The resource and scope of a span: its own where it came by OTLP, else the project's and ours."""
    if not _came_by_otlp(span):
        return {"resource": {"service.name": trace.project, "tracewhy.project": trace.project}, "scope": OWN_SCOPE}
    project = span.otel.get("project")
    if project is None:
        return span.otel
    return {**span.otel, "resource": {"tracewhy.project": project, **(span.otel.get("resource") or {})}}


def _came_by_otlp(span: SpanData) -> bool:
    return "start_ns" in span.otel or "fragment" in span.otel


def _add_resource(groups: Any, around: Mapping[str, Any]) -> Any:
    group = groups.add(schema_url=wire_text(around.get("resource_schema_url", "")))
    add_attributes(group.resource.attributes, around.get("resource", {}))
    group.resource.dropped_attributes_count = around.get("resource_dropped_attributes_count", 0)
    return group


def _add_scope(groups: Any, within: Mapping[str, Any]) -> Any:
    group = groups.add(schema_url=wire_text(within.get("schema_url", "")))
    scope = within.get("scope", {})
    group.scope.name = wire_text(scope.get("name", ""))
    group.scope.version = wire_text(scope.get("version", ""))
    group.scope.dropped_attributes_count = scope.get("dropped_attributes_count", 0)
    add_attributes(group.scope.attributes, scope.get("attributes", {}))
    return group


def _fill_span(target: Any, span: SpanData, trace_id: str) -> None:
    otel = span.otel
    target.trace_id = id_bytes(otel_trace_id(trace_id), 16)
    target.span_id = id_bytes(span.span_id, 8)
    if span.parent_id is not None:
        target.parent_span_id = id_bytes(span.parent_id, 8)
    elif unusable := otel.get("unusable_parent_id"):
        target.parent_span_id = bytes.fromhex(unusable)
    target.name = wire_text(span.name)
    target.kind = otel.get("kind", 0)
    target.flags = otel.get("flags", 0)
    target.trace_state = wire_text(otel.get("trace_state", ""))
    target.start_time_unix_nano, target.end_time_unix_nano = _times(span)
    for name in _COUNTS:
        setattr(target, name, otel.get(name, 0))
    clear = _came_by_otlp(span) and kind_of(span.attributes) is span.kind
    add_attributes(target.attributes, {**span.attributes, **own_attributes(span, kind_is_clear=clear)})
    for link in otel.get("links", ()):
        _add_link(target.links, link)
    _add_events(target.events, span)
    _add_decisions(target.events, span)
    _fill_status(target.status, span)


def id_bytes(given: str, size: int) -> bytes:
    """An id of `size` bytes. One that is no such number of hex digits, or zero, becomes its hash: always the same."""
    try:
        raw = bytes.fromhex(given)
    except ValueError:
        raw = b""
    if len(raw) == size and any(raw) and raw.hex() == given:
        return raw
    return blake2b(text_of(given).encode(), digest_size=size).digest()


def _times(span: SpanData) -> tuple[int, int]:
    """Start and end as they came, to the nanosecond; an end of 0 says that there was none."""
    otel = span.otel
    start = otel.get("start_ns", max(nanoseconds(span.started_at), 1))
    end = otel.get("end_ns", start + span.duration_ns if span.duration_ns is not None else 0)
    given = otel.get("clamped", {})
    return given.get("start_ns", start), given.get("end_ns", end)


def _add_link(links: Any, link: Mapping[str, Any]) -> None:
    target = links.add(
        trace_id=bytes.fromhex(link.get("trace_id", "")),
        span_id=bytes.fromhex(link.get("span_id", "")),
        trace_state=wire_text(link.get("trace_state", "")),
        dropped_attributes_count=link.get("dropped_attributes_count", 0),
        flags=link.get("flags", 0),
    )
    add_attributes(target.attributes, link.get("attributes", {}))


def _add_events(events: Any, span: SpanData) -> None:
    given_ns: dict[Any, deque[int]] = defaultdict(deque)
    for given in span.otel.get("event_ns", ()):
        given_ns[event_moment(given, span.started_at)].append(given)
    dropped = span.otel.get("event_dropped_attributes_counts", ())
    counts = dropped if len(dropped) == len(span.events) else [0] * len(span.events)
    for event, count in zip(span.events, counts, strict=True):
        exact = given_ns.get(event.timestamp)
        when = exact.popleft() if exact else nanoseconds(event.timestamp)
        _add_event(events, event, when).dropped_attributes_count = count


def _add_decisions(events: Any, span: SpanData) -> None:
    for decision in span.decisions:
        when = decision.timestamp or span.started_at
        event = SpanEvent(name=EVENT, timestamp=when, attributes=write_decision(decision))
        _add_event(events, event, nanoseconds(when))


def _add_event(events: Any, event: SpanEvent, when: int) -> Any:
    target = events.add(name=wire_text(event.name), time_unix_nano=max(when, 0))
    add_attributes(target.attributes, event.attributes)
    return target


def _fill_status(target: Any, span: SpanData) -> None:
    said = "" if "status_code" in span.otel else span.error
    target.code = span.otel.get("status_code", _CODES[span.status])
    target.message = wire_text(span.otel.get("status_message") or said or "")
