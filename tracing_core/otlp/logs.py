"""Log records that belong to spans: the GenAI conventions send prompts and answers this way.

What a record says becomes an event of a fragment, a span of which nothing else is known yet; assembly joins it with the span.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tracing_core.ids import native_trace_id
from tracing_core.jsontext import text_of
from tracing_core.model import SpanData, SpanEvent, SpanKind
from tracing_core.otlp.spans import Otel, resource_of, scope_of, valid_ids
from tracing_core.otlp.times import clamped, moment
from tracing_core.otlp.values import attributes_of, text, value_of

LOG_RECORD = "log.record"
"""The attribute that tells an event which came as a log record from a span's own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fragments:
    """What a request brought: fragments of spans by the id of their trace, and how many records belong to no span."""

    traces: Mapping[str, tuple[SpanData, ...]]
    ignored: int = 0


@dataclass(kw_only=True, slots=True)
class _Fragment:
    around: Otel
    events: list[SpanEvent]


def fragments(request: Any) -> Fragments:
    """The fragments that the log records of a request make, one for each span that they belong to.

    Args:
        request: as `decode.logs_request` gives it.
    """
    found: dict[tuple[bytes, bytes], _Fragment] = {}
    ignored = 0
    for resource_logs in request.resource_logs:
        around = resource_of(resource_logs)
        for scope_logs in resource_logs.scope_logs:
            surroundings = around | scope_of(scope_logs)
            for record in scope_logs.log_records:
                ids = (record.trace_id, record.span_id)
                if not valid_ids(*ids) or (event := _event(record)) is None:
                    ignored += 1
                    continue
                found.setdefault(ids, _Fragment(around=surroundings, events=[])).events.append(event)
    traces: dict[str, list[SpanData]] = {}
    for (trace_id, span_id), fragment in found.items():
        traces.setdefault(native_trace_id(trace_id.hex()), []).append(_span(span_id.hex(), fragment))
    return Fragments(traces={trace_id: tuple(spans) for trace_id, spans in traces.items()}, ignored=ignored)


def _span(span_id: str, fragment: _Fragment) -> SpanData:
    return SpanData(
        span_id=span_id,
        parent_id=None,
        name="",
        kind=SpanKind.UNKNOWN,
        started_at=min(event.timestamp for event in fragment.events),
        duration_ns=None,
        events=tuple(fragment.events),
        otel={**fragment.around, "fragment": True},
    )


def _event(record: Any) -> SpanEvent | None:
    """The record as an event; None when it does not say when."""
    when = _moment(record)
    if when is None:
        return None
    attributes = attributes_of(record.attributes)
    name = text(record.event_name) or text_of(attributes.get("event.name") or "log")
    attributes |= {LOG_RECORD: True, "body": value_of(record.body)}
    if number := record.severity_number:
        attributes["severity_number"] = number
    if words := record.severity_text:
        attributes["severity_text"] = text(words)
    return SpanEvent(name=name, timestamp=when, attributes=attributes)


def _moment(record: Any) -> datetime | None:
    given = record.time_unix_nano or record.observed_time_unix_nano
    return moment(clamped(given)) if given else None
