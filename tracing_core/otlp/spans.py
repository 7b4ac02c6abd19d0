"""Spans as OTLP sends them become ours; everything they say stays as it was said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.protobuf.message import DecodeError

from tracing_core.ids import native_trace_id
from tracing_core.jsontext import text_of
from tracing_core.making import maker
from tracing_core.model import Decision, SpanData, SpanEvent, SpanKind, SpanStatus
from tracing_core.normal_form import kind_of
from tracing_core.otlp import decisions
from tracing_core.otlp.decision_models import answered
from tracing_core.otlp.own import OWN_KIND, OwnParts, take_own_parts
from tracing_core.otlp.times import EARLIEST_NS, LATEST_NS, clamped, event_moment, moment
from tracing_core.otlp.values import attributes_of, marked, text
from tracing_core.otlp.wire import Status

_TRACE_ID_BYTES, _SPAN_ID_BYTES = 16, 8
_NO_TRACE_ID, _NO_SPAN_ID = bytes(_TRACE_ID_BYTES), bytes(_SPAN_ID_BYTES)
_BAD_IDS = "its trace id must be 16 bytes and its span id 8 (in JSON 32 and 16 hex digits), not all zero"
_ERROR = 2
_OK = b"\x18\x01"
"""A status, as it is sent, that says nothing but OK."""
_STATUSES = {1: SpanStatus.OK, _ERROR: SpanStatus.ERROR}
_CODES = {SpanStatus.UNSET: 0, SpanStatus.OK: 1}
_LEVEL, _LEVEL_MESSAGE = "langfuse.observation.level", "langfuse.observation.status_message"
"""How Langfuse's senders say that a span failed, some of them without a status."""
_NOTHING_OWN = OwnParts()

Otel = dict[str, Any]
_make_span, _make_event = maker(SpanData), maker(SpanEvent)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejection:
    """A span that was not taken.

    Args:
        reason: what is wrong with it, as half a sentence.
        span: its name and ids, as far as they can be said.
    """

    reason: str
    span: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """What a request brought: spans by the id of their trace, in the order they came, and those that cannot be taken."""

    traces: Mapping[str, tuple[SpanData, ...]]
    rejected: tuple[Rejection, ...] = ()


def received(request: Any) -> Received:
    """The spans of a request.

    Args:
        request: as `decode.trace_request` gives it.
    """
    found: dict[bytes, list[SpanData]] = {}
    rejected: list[Rejection] = []
    for resource_spans in request.resource_spans:
        around = resource_of(resource_spans)
        for scope_spans in resource_spans.scope_spans:
            surroundings = around | scope_of(scope_spans)
            for span in scope_spans.spans:
                _take(span, surroundings, found, rejected)
    traces = {native_trace_id(trace_id.hex()): tuple(spans) for trace_id, spans in found.items()}
    return Received(traces=traces, rejected=tuple(rejected))


def resource_of(group: Any) -> Otel:
    """What the spans or records of one ResourceSpans or ResourceLogs share: one dictionary, not one for each."""
    around: Otel = {}
    if attributes := attributes_of(group.resource.attributes):
        around["resource"] = attributes
    if count := group.resource.dropped_attributes_count:
        around["resource_dropped_attributes_count"] = count
    if url := group.schema_url:
        around["resource_schema_url"] = text(url)
    return around


def scope_of(group: Any) -> Otel:
    """What those of one ScopeSpans or ScopeLogs share."""
    scope = group.scope
    said = {
        "name": text(scope.name),
        "version": text(scope.version),
        "attributes": attributes_of(scope.attributes),
        "dropped_attributes_count": scope.dropped_attributes_count,
    }
    around: Otel = {}
    if said := {key: value for key, value in said.items() if value}:
        around["scope"] = said
    if url := group.schema_url:
        around["schema_url"] = text(url)
    return around


def valid_ids(trace_id: bytes, span_id: bytes) -> bool:
    """Whether both have their length and are not all zero."""
    return (
        len(trace_id) == _TRACE_ID_BYTES
        and len(span_id) == _SPAN_ID_BYTES
        and trace_id != _NO_TRACE_ID
        and span_id != _NO_SPAN_ID
    )


def _take(span: Any, around: Otel, found: dict[bytes, list[SpanData]], rejected: list[Rejection]) -> None:
    trace_id = span.trace_id
    if not valid_ids(trace_id, span.span_id):
        _reject(span, _BAD_IDS, rejected)
    elif not span.start_time_unix_nano:
        _reject(span, "it has no start time (start_time_unix_nano)", rejected)
    else:
        taken = _span(span, around)
        try:
            found[trace_id].append(taken)
        except KeyError:
            found[trace_id] = [taken]


def _reject(span: Any, reason: str, rejected: list[Rejection]) -> None:
    named = f"{text(span.name)[:200]!r} (trace {span.trace_id[:32].hex()}, span {span.span_id[:32].hex()})"
    rejected.append(Rejection(reason=reason, span=text_of(named)))


def _span(span: Any, around: Otel) -> SpanData:
    attributes = attributes_of(span.attributes)
    otel: Otel = {**around}
    start_ns, duration_ns = _times(span, otel)
    started_at = moment(start_ns)
    status, error = SpanStatus.UNSET, None
    events: tuple[SpanEvent, ...] = ()
    made: tuple[Decision, ...] = ()
    _add_details(span, otel)
    if decisions.is_decision(attributes):
        made = (decisions.take_decision(attributes),)
    if listed := span.events:
        events, told = _events(listed, started_at, otel)
        made += told
    if said := span.status:
        status, error = (SpanStatus.OK, None) if said == _OK else _status(said, attributes, events, otel)
    if _LEVEL in attributes and status is not SpanStatus.ERROR and attributes[_LEVEL] == "ERROR":
        otel.setdefault("status_code", _CODES[status])
        status, error = SpanStatus.ERROR, _said_of_level(attributes, events)
    own = take_own_parts(attributes) if OWN_KIND in attributes else _NOTHING_OWN
    kind = own.kind or kind_of(attributes)
    if kind is SpanKind.CLASSIFICATION and not made:
        made = answered(attributes)
    if own.is_fragment:
        otel["fragment"] = True
        del otel["start_ns"]
    parent = span.parent_span_id
    return _make_span(
        span_id=span.span_id.hex(),
        parent_id=_parent_id(parent, otel) if parent else None,
        name=text(span.name),
        kind=kind,
        started_at=started_at,
        duration_ns=duration_ns,
        status=status,
        error=error,
        attributes=attributes,
        events=events,
        decisions=made,
        evidence=own.evidence,
        prompts=own.prompts,
        outputs=own.outputs,
        otel=otel,
    )


def _times(span: Any, otel: Otel) -> tuple[int, int | None]:
    """Start and duration in nanoseconds. What had to be bent is in `otel["clamped"]` as it was; an end of 0 is none."""
    given_start, given_end = span.start_time_unix_nano, span.end_time_unix_nano
    if EARLIEST_NS <= given_start <= given_end <= LATEST_NS:
        otel["start_ns"], otel["end_ns"] = given_start, given_end
        return given_start, given_end - given_start
    start = otel["start_ns"] = clamped(given_start)
    bent = {"start_ns": given_start} if start != given_start else {}
    if given_end:
        end = otel["end_ns"] = max(start, clamped(given_end))
        bent |= {"end_ns": given_end} if end != given_end else {}
    if bent:
        otel["clamped"] = bent
    return start, end - start if given_end else None


def _add_details(span: Any, otel: Otel) -> None:
    """Put into `otel` what a span says beside its attributes, where it says anything."""
    if kind := span.kind:
        otel["kind"] = kind
    if flags := span.flags:
        otel["flags"] = flags
    if state := span.trace_state:
        otel["trace_state"] = text(state)
    if links := span.links:
        otel["links"] = [_link(link) for link in links]
    if count := span.dropped_attributes_count:
        otel["dropped_attributes_count"] = count
    if count := span.dropped_events_count:
        otel["dropped_events_count"] = count
    if count := span.dropped_links_count:
        otel["dropped_links_count"] = count


def _link(link: Any) -> Otel:
    said = {
        "trace_id": link.trace_id.hex(),
        "span_id": link.span_id.hex(),
        "trace_state": text(link.trace_state),
        "attributes": attributes_of(link.attributes),
        "dropped_attributes_count": link.dropped_attributes_count,
        "flags": link.flags,
    }
    return {key: value for key, value in said.items() if value}


def _parent_id(parent: bytes, otel: Otel) -> str | None:
    """The parent's id; one that cannot be an id is none, and stays in `otel`."""
    if len(parent) == _SPAN_ID_BYTES and parent != _NO_SPAN_ID:
        return parent.hex()
    otel["unusable_parent_id"] = parent.hex()
    return None


def _events(
    events: Iterable[Any], started_at: datetime, otel: Otel
) -> tuple[tuple[SpanEvent, ...], tuple[Decision, ...]]:
    """The events of a span, and the decisions among them; nanoseconds that a datetime does not hold go into `otel`."""
    kept: list[SpanEvent] = []
    made: list[Decision] = []
    given_ns: list[int] = []
    dropped: list[int] = []
    exact = True
    for event in events:
        given, attributes = event.time_unix_nano, attributes_of(event.attributes)
        timestamp = event_moment(given, started_at)
        name = text(event.name)
        if name == decisions.EVENT and decisions.is_decision(attributes):
            made.append(decisions.read_decision(attributes, timestamp))
            continue
        kept.append(_make_event(name=name, timestamp=timestamp, attributes=attributes))
        given_ns.append(given)
        exact = exact and not given % 1000 and EARLIEST_NS <= given <= LATEST_NS
        dropped.append(event.dropped_attributes_count)
    if not exact:
        otel["event_ns"] = given_ns
    if any(dropped):
        otel["event_dropped_attributes_counts"] = dropped
    return tuple(kept), tuple(made)


def _status(
    raw: bytes, attributes: Mapping[str, Any], events: Iterable[SpanEvent], otel: Otel
) -> tuple[SpanStatus, str | None]:
    """How a span ended, and what went wrong. A message that belongs to no error stays in `otel`."""
    try:
        status = Status.FromString(raw)
    except DecodeError:
        otel["unreadable_status"] = marked(raw)
        return SpanStatus.UNSET, None
    code, message = status.code, text(status.message)
    if code != _ERROR:
        if message:
            otel["status_message"] = message
        if code not in _STATUSES and code:
            otel["status_code"] = code
        return _STATUSES.get(code, SpanStatus.UNSET), None
    return SpanStatus.ERROR, message or described_error(attributes, events)


def _said_of_level(attributes: Mapping[str, Any], events: Iterable[SpanEvent]) -> str | None:
    said = attributes.get(_LEVEL_MESSAGE)
    return described_error(attributes, events) if said in (None, "") else text_of(said)


def described_error(attributes: Mapping[str, Any], events: Iterable[SpanEvent]) -> str | None:
    """What went wrong in a span whose status has no message: the last exception it recorded, else `error.type`."""
    for event in reversed(tuple(events)):
        if event.name == "exception":
            parts = (event.attributes.get(f"exception.{part}") for part in ("type", "message"))
            if said := ": ".join(text_of(part) for part in parts if part not in (None, "")):
                return said
    given = attributes.get("error.type")
    return None if given in (None, "") else text_of(given)
