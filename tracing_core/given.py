"""What a native trace says of itself that belongs to none of its spans: its answer, its confidence, its rounds.

When it is merged with others, or leaves as OpenTelemetry, these are attributes of its root span, named `tracewhy.` and the
field. From OpenTelemetry the same names are understood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from tracing_core.ids import safe_project
from tracing_core.jsontext import dump, text_of
from tracing_core.model import SpanData, TraceData, TraceStatus

OTLP = "otlp"
"""The `source` of a trace that is derived from spans alone."""

REMOTE_PARENT = 0x300
"""OTLP's flags: whether the parent is remote is known (0x100), and it is (0x200)."""

PREFIX = "tracewhy."
_GIVEN_TEXTS = (
    "project", "name", "source", "project_id", "query", "answer", "intent", "domain", "report_type", "research_type", "library",
    "session_id", "user_id", "environment", "release", "error", "parent_trace_id",
)  # fmt: skip
_GIVEN_VALUES = (
    "status", "tags", "confidence", "citations_count", "iterations", "iteration_count", "quality_gate_failures", "outputs",
    "child_traces", "sampling_probability",
)  # fmt: skip
GIVEN = (*_GIVEN_TEXTS, *_GIVEN_VALUES)
_GIVEN_NAMES = frozenset(PREFIX + name for name in GIVEN)
_OF_EVERY_TRACE = PREFIX + "source"
_IN_THE_ROW = (PREFIX + "query", PREFIX + "answer")
"""Long texts that the row of a trace holds; stored contents say so by a null."""


def as_spans(trace: TraceData) -> tuple[SpanData, ...]:
    """The spans of `trace`, which say all that it says: `assemble` makes an equal trace of them."""
    if not trace.spans or trace.source == OTLP or _OF_EVERY_TRACE in trace.spans[0].attributes:
        return trace.spans
    root, *others = trace.spans
    root = replace(root, attributes={**root.attributes, **_as_attributes(trace)})
    if trace.parent_span_id is not None:
        root = replace(root, parent_id=trace.parent_span_id, otel={**root.otel, "flags": REMOTE_PARENT})
    return (root, *others)


def speaks_for_trace(span: SpanData) -> bool:
    """Whether a span says of its trace, by our own names, what belongs to no span."""
    return not _GIVEN_NAMES.isdisjoint(span.attributes)


def _as_attributes(trace: TraceData) -> dict[str, Any]:
    texts = {PREFIX + name: text_of(value) for name in _GIVEN_TEXTS if (value := getattr(trace, name)) is not None}
    values = {name: getattr(trace, name) for name in _GIVEN_VALUES}
    return texts | {
        PREFIX + name: value if isinstance(value, str | int | float) else dump(value).decode()
        for name, value in values.items()
        if value is not None and value not in ((), {})
    }


def given_by(root: SpanData) -> dict[str, Any]:
    """What the root says of the whole trace by our own names; what cannot be read counts as not said."""
    given: dict[str, Any] = {}
    for key, value in root.attributes.items():
        if key not in _GIVEN_NAMES:
            continue
        name = key.removeprefix(PREFIX)
        read = _read(name, value)
        if read is not None:
            given[name] = read
    return given


def _read(name: str, value: Any) -> Any:
    if name in _GIVEN_TEXTS:
        return safe_project(value) if name == "project" else text_of(value)
    if name == "status":
        return TraceStatus(text_of(value))
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return None
    return _of_type(name, value)


def _of_type(name: str, value: Any) -> Any:
    if name in ("tags", "iterations", "child_traces"):
        kind = str if name == "tags" else Mapping
        return tuple(item for item in value if isinstance(item, kind)) if isinstance(value, list | tuple) else None
    if name == "outputs":
        return value if isinstance(value, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if name in ("confidence", "sampling_probability"):
        return float(value) if 0 <= value <= 1 else None
    return value if isinstance(value, int) and 0 <= value < 2**31 else None


def as_stored(trace: TraceData) -> tuple[SpanData, ...]:
    """The same spans, without repeating the long texts that the row of the trace holds."""
    spans = as_spans(trace)
    if spans is trace.spans:
        return spans
    attributes = {key: None if key in _IN_THE_ROW else value for key, value in spans[0].attributes.items()}
    return (replace(spans[0], attributes=attributes), *spans[1:])


def from_stored(span: SpanData, row: Mapping[str, Any]) -> SpanData:
    """A span as it was before `as_stored`, with the texts from the `row` of its trace."""
    missing = {
        name: row[name.removeprefix(PREFIX)]
        for name in _IN_THE_ROW
        if name in span.attributes and span.attributes[name] is None
    }
    return replace(span, attributes={**span.attributes, **missing}) if missing else span


def without_given(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as a reader wants to see them: what the trace says of itself is shown elsewhere."""
    return {key: value for key, value in attributes.items() if key.removeprefix(PREFIX) not in GIVEN or key in GIVEN}
