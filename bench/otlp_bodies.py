"""Requests of OTLP as bytes, encoded before anything is timed, and cheap to send again under new trace ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from struct import Struct
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from bench.otlp_spans import RESOURCE, SCOPE, Attributes, PlainSpan, spans_of
from bench.otlp_workload import FULL, Exchange, Lengths, Spread, make_exchange

SPANS_PER_BODY = 512
"""What OpenTelemetry's batch processor sends at once by default."""

_MARK, _TIME = Struct(">I"), Struct("<Q")
_START_FIELD, _END_FIELD, _EVENT_TIME_FIELD = b"\x39", b"\x41", b"\x09"
"""What stands before the times of a span (fields 7 and 8) and of an event (field 1), eight bytes each."""

_TRACE_ID_FIELD, _SPAN_ID_FIELD = b"\x0a\x10", b"\x12\x08"
"""How a span begins: field 1 (trace_id) with sixteen bytes, field 2 (span_id) with eight."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """An encoded request.

    Args:
        content: the bytes, in round 0.
        spans: how many there are in it.
        ids: where its trace ids stand.
        times: where its times stand.
    """

    content: bytes
    spans: int
    ids: tuple[int, ...]
    times: tuple[int, ...]

    def in_round(self, number: int, later_ns: int = 0) -> bytes:
        """The same spans as other traces, unlike those of any other round: the round is mixed into their ids.

        Args:
            number: of the round.
            later_ns: how much later they happened, in nanoseconds.
        """
        changed = bytearray(self.content)
        if number:
            for place in self.ids:
                _MARK.pack_into(changed, place, _MARK.unpack_from(changed, place)[0] ^ number)
        if later_ns:
            for place in self.times:
                _TIME.pack_into(changed, place, _TIME.unpack_from(changed, place)[0] + later_ns)
        return bytes(changed)


def make_bodies(
    traces: int, spread: Spread, *, spans_per_body: int = SPANS_PER_BODY, lengths: Lengths = FULL
) -> list[Body]:
    """The requests that carry the first `traces` traces.

    A trace may be cut between two of them, as batches of spans are cut without regard to traces.

    Args:
        traces: how many.
        spread: when they happened.
        spans_per_body: spans in one request; the last has what is left.
        lengths: of the texts.
    """
    spans = (span for number in range(traces) for span in encode(make_exchange(number, spread, lengths)))
    return [make_body(part) for part in _parts(spans, spans_per_body)]


def make_body(spans: list[Span]) -> Body:
    """One request with these spans, of one resource and scope."""
    scope = ScopeSpans(spans=spans)
    scope.scope.name, scope.scope.version = SCOPE
    resource = ResourceSpans(scope_spans=[scope])
    resource.resource.attributes.extend(_key_values(RESOURCE))
    content = ExportTraceServiceRequest(resource_spans=[resource]).SerializeToString()
    ids, times = _places(content, spans)
    return Body(content=content, spans=len(spans), ids=tuple(ids), times=tuple(times))


def encode(exchange: Exchange) -> Iterator[Span]:
    """The spans of a request, as protobuf has them; the root comes last, as it is the last to end."""
    root, *children = spans_of(exchange)
    for span in (*children, root):
        yield _encode(exchange.trace_id, span)


def _encode(trace_id: str, span: PlainSpan) -> Span:
    encoded = Span(
        trace_id=bytes.fromhex(trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_id or ""),
        name=span.name,
        kind=span.kind,  # type: ignore[arg-type]
        start_time_unix_nano=span.start_ns,
        end_time_unix_nano=span.end_ns,
        flags=1,
        attributes=_key_values(span.attributes),
        status=Status(
            code=Status.STATUS_CODE_ERROR if span.error else Status.STATUS_CODE_UNSET, message=span.error or ""
        ),
    )
    for event in span.events:
        encoded.events.add(name=event.name, time_unix_nano=event.time_ns, attributes=_key_values(event.attributes))
    return encoded


def _key_values(attributes: Attributes) -> list[KeyValue]:
    return [KeyValue(key=name, value=_any_value(value)) for name, value in attributes.items()]


def _any_value(value: Any) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    found = AnyValue()
    found.array_value.values.extend(_any_value(item) for item in value)
    return found


def _parts(spans: Iterable[Span], size: int) -> Iterator[list[Span]]:
    iterator = iter(spans)
    while part := list(islice(iterator, size)):
        yield part


def _places(content: bytes, spans: list[Span]) -> tuple[list[int], list[int]]:
    """Where the trace ids stand, and the times; a span begins with its two ids."""
    ids: list[int] = []
    times: list[int] = []
    at = 0
    for span in spans:
        beginning = _TRACE_ID_FIELD + span.trace_id + _SPAN_ID_FIELD + span.span_id
        at = content.index(beginning, at) + len(_TRACE_ID_FIELD)
        ids.append(at)
        marked = [(_START_FIELD, span.start_time_unix_nano), (_END_FIELD, span.end_time_unix_nano)]
        marked += [(_EVENT_TIME_FIELD, event.time_unix_nano) for event in span.events]
        for field, moment in marked:
            at = content.index(field + _TIME.pack(moment), at) + len(field)
            times.append(at)
    return ids, times
