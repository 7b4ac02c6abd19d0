"""Read the JSON document of a trace: what `document.py` writes, what older versions wrote, and seed B's own samples."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from tracing_core.decision_marks import marked, marks_of
from tracing_core.document import RUN_TEXTS, Document
from tracing_core.errors import InvalidInput
from tracing_core.jsontext import mapping_of
from tracing_core.model import (
    SCHEMA_VERSION,
    Decision,
    SpanData,
    SpanEvent,
    SpanKind,
    SpanStatus,
    TraceData,
    TraceStatus,
)
from tracing_core.readings import share
from tracing_core.research_columns import passed

_STAGE_PARTS = frozenset(
    {
        "started_at", "completed_at", "duration_seconds", "decisions", "outputs", "evidence", "prompts", "error",
        "token_usage",
    }
)  # fmt: skip
"""What a stage says in places of their own; whatever else it says becomes attributes."""


_LARGEST_VERSION = 2**15 - 1
"""What its column can hold."""


def from_document(document: Mapping[str, Any]) -> TraceData:
    """The trace that a document holds. Fields that an older version did not have get their defaults.

    Raises:
        InvalidInput: it is not the document of a trace; names the field that is missing or wrong.
    """
    try:
        return _trace(document)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InvalidInput("document", f"is not a trace document ({type(error).__name__}: {error})") from error


def _trace(document: Mapping[str, Any]) -> TraceData:
    run, stages = document["run"], document.get("stages") or {}
    started_at = _moment(run["started_at"])
    duration_ns = run.get("duration_ns", _nanoseconds(run.get("duration_seconds")))
    listed = document.get("spans")
    spans = (
        tuple(read_span(span, stages) for span in listed)
        if listed
        else _spans_of_stages(stages, started_at, duration_ns)
    )
    metadata = document.get("metadata") or {}
    texts = {name: run.get(name) for name in RUN_TEXTS if run.get(name) is not None}
    return TraceData(
        **texts,
        trace_id=_text(document["trace_id"]),
        project=document.get("project_name") or "default",
        project_id=document.get("project_id"),
        status=TraceStatus(str(run.get("status"))),
        started_at=started_at,
        completed_at=_moment(run["completed_at"]) if run.get("completed_at") else None,
        duration_ns=duration_ns,
        spans=spans,
        tags=tuple(run.get("tags") or ()),
        confidence=share(run.get("confidence")),
        citations_count=run.get("citations_count"),
        **_rounds(document),
        outputs=document.get("outputs") or {},
        child_traces=tuple(document.get("child_traces") or ()),
        parent_trace_id=document.get("parent_trace_id"),
        parent_span_id=document.get("parent_span_id"),
        sampling_probability=metadata.get("sampling_probability") or 1.0,
        is_slow=bool(metadata.get("is_slow")),
        schema_version=_version(document.get("schema_version", 0)),
    )


def _rounds(document: Mapping[str, Any]) -> Document:
    """The retry loop; counted from the rounds where the document does not count them."""
    rounds = tuple(document.get("iterations") or ())
    failures = document.get("quality_gate_failures")
    return {
        "iterations": rounds,
        "iteration_count": document.get("iteration_count") or len(rounds) or 1,
        "quality_gate_failures": sum(passed(each) is False for each in rounds) if failures is None else failures,
    }


def version_notice(version: Any) -> str | None:
    """What a reader should know of a document of another `schema_version` than ours, in a sentence; None of one of ours."""
    if version == SCHEMA_VERSION:
        return None
    if isinstance(version, int) and version < SCHEMA_VERSION:
        return f"This trace is of an older format ({version}, now {SCHEMA_VERSION}): what that did not have is empty."
    return (
        f"This trace is of a newer format ({version}) than this version of Tracewhy knows ({SCHEMA_VERSION}): what is new "
        "in it is in its raw JSON alone."
    )


def read_span(span: Mapping[str, Any], stages: Mapping[str, Any] = MappingProxyType({})) -> SpanData:
    """One span.

    Args:
        span: as a document lists it, or with its whole content.
        stages: those of the document, which hold the content of spans that name one.

    Raises:
        KeyError, TypeError, ValueError: it is no span.
    """
    content = stages[span["stage"]] if span.get("stage") is not None else span
    return SpanData(
        span_id=span["span_id"],
        parent_id=span.get("parent_id"),
        name=span["name"],
        kind=SpanKind(str(span.get("kind"))),
        started_at=_moment(span["started_at"]),
        duration_ns=None if span.get("duration_ns") is None else int(span["duration_ns"]),
        status=SpanStatus(str(span.get("status"))),
        attributes=span.get("attributes") or {},
        events=tuple(
            SpanEvent(name=e["name"], timestamp=_moment(e["timestamp"]), attributes=e.get("attributes") or {})
            for e in span.get("events") or ()
        ),
        otel=span.get("otel") or {},
        **_read_content(content),
    )


def _read_content(content: Mapping[str, Any]) -> Document:
    return {
        "decisions": tuple(_read_decision(decision) for decision in content.get("decisions") or ()),
        "outputs": content.get("outputs") or {},
        "evidence": content.get("evidence") or {},
        "prompts": content.get("prompts") or {},
        "error": content.get("error"),
    }


def _read_decision(decision: Mapping[str, Any]) -> Decision:
    timestamp, given, inputs = decision.get("timestamp"), decision.get("confidence"), mapping_of(decision.get("inputs"))
    confidence = None if isinstance(given, str) else share(given)
    alternatives = decision.get("alternatives_considered")
    if not isinstance(alternatives, list | tuple):
        alternatives = () if alternatives is None else (alternatives,)
    return Decision(
        decision=decision["decision"],
        what=decision.get("what"),
        why=decision.get("why") or "",
        confidence=confidence,
        alternatives_considered=tuple(alternatives),
        inputs=marked(inputs, marks_of(given, confidence, {})),
        timestamp=_moment(timestamp) if timestamp else None,
    )


def _spans_of_stages(stages: Mapping[str, Any], started_at: datetime, duration_ns: int | None) -> tuple[SpanData, ...]:
    """The tree of a document that lists stages alone, as seed B's own do: a root and its stages."""
    root = SpanData(
        span_id=f"{0:016x}",
        parent_id=None,
        name="request",
        kind=SpanKind.ROOT,
        started_at=started_at,
        duration_ns=duration_ns,
    )
    children = (
        SpanData(
            span_id=f"{position:016x}",
            parent_id=root.span_id,
            name=name,
            kind=SpanKind.STAGE,
            started_at=_moment(stage["started_at"]) if stage.get("started_at") else started_at,
            duration_ns=_nanoseconds(stage.get("duration_seconds")),
            status=SpanStatus.ERROR if stage.get("error") else SpanStatus.UNSET,
            attributes={key: value for key, value in stage.items() if key not in _STAGE_PARTS}
            | dict(stage.get("token_usage") or {}),
            **_read_content(stage),
        )
        for position, (name, stage) in enumerate(stages.items(), start=1)
    )
    return (root, *children)


def _version(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"schema_version is {value!r} and no whole number")
    return min(value, _LARGEST_VERSION)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _moment(value: str | datetime) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _nanoseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e9)
