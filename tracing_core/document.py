"""The JSON document of a trace: the whole truth, in the shape that seed B documents (section 3.1).

Spans directly under the root are the `stages`; the whole tree is in `spans`, where a span that is a stage names it
instead of saying everything twice. `from_document` reads what `to_document` wrote, and what older versions wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tracing_core.errors import InvalidInput
from tracing_core.model import (
    Decision,
    SpanData,
    SpanEvent,
    SpanKind,
    SpanStatus,
    TraceData,
    TraceStatus,
)
from tracing_core.usage import model_of, usage_of

GENERATOR = "tracewhy"
_RUN_TEXTS = (
    "name",
    "source",
    "query",
    "answer",
    "intent",
    "domain",
    "report_type",
    "research_type",
    "library",
    "session_id",
    "user_id",
    "error",
)

Document = dict[str, Any]


def to_document(trace: TraceData) -> Document:
    """The document of `trace`; times as ISO 8601 in UTC."""
    root_id = trace.spans[0].span_id if trace.spans else None
    stage_names = _stage_names(trace.spans, root_id)
    run = {name: getattr(trace, name) for name in _RUN_TEXTS}
    return {
        "schema_version": trace.schema_version,
        "trace_id": trace.trace_id,
        "project_id": trace.project_id,
        "project_name": trace.project,
        "run": run
        | {
            "tags": list(trace.tags),
            "started_at": trace.started_at,
            "completed_at": trace.completed_at,
            "duration_seconds": _seconds(trace.duration_ns),
            "duration_ns": trace.duration_ns,
            "status": trace.status,
            "confidence": trace.confidence,
            "citations_count": trace.citations_count,
            "tracing_enabled": True,
        },
        "stages": {
            stage_names[span.span_id]: _timing(span) | _content(span)
            for span in trace.spans
            if span.span_id in stage_names
        },
        "spans": [_span(span, stage_names.get(span.span_id)) for span in trace.spans],
        "iterations": list(trace.iterations),
        "iteration_count": trace.iteration_count,
        "quality_gate_failures": trace.quality_gate_failures,
        "outputs": trace.outputs,
        "child_traces": list(trace.child_traces),
        "parent_trace_id": trace.parent_trace_id,
        "parent_span_id": trace.parent_span_id,
        "metadata": {
            "trace_version": trace.schema_version,
            "generator": GENERATOR,
            "sampling_probability": trace.sampling_probability,
        },
    }


def _stage_names(spans: Iterable[SpanData], root_id: str | None) -> dict[str, str]:
    """The name under which each child of the root is listed: its own, numbered from the second on."""
    names: dict[str, str] = {}
    used: dict[str, int] = {}
    for span in spans:
        if span.parent_id == root_id and span.parent_id is not None:
            used[span.name] = used.get(span.name, 0) + 1
            names[span.span_id] = span.name if used[span.name] == 1 else f"{span.name} ({used[span.name]})"
    return names


def _timing(span: SpanData) -> Document:
    started = span.started_at if span.duration_ns is not None else None
    completed = started + timedelta(microseconds=span.duration_ns / 1000) if started and span.duration_ns else started
    return {
        "started_at": started,
        "completed_at": completed,
        "duration_seconds": _seconds(span.duration_ns),
    }


def _content(span: SpanData) -> Document:
    usage = usage_of(span)
    content: Document = {
        "decisions": [_decision(decision) for decision in span.decisions],
        "outputs": span.outputs,
        "evidence": span.evidence,
        "prompts": span.prompts,
        "error": span.error,
    }
    if model := model_of(span):
        content["model"] = model
        content["token_usage"] = {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "total_tokens": usage.total_tokens,
        }
    return content


def _decision(decision: Decision) -> Document:
    return {
        "decision": decision.decision,
        "what": decision.what,
        "why": decision.why,
        "confidence": decision.confidence,
        "alternatives_considered": list(decision.alternatives_considered),
        "inputs": decision.inputs,
        "timestamp": decision.timestamp,
    }


def _span(span: SpanData, stage: str | None) -> Document:
    skeleton: Document = {
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "name": span.name,
        "kind": span.kind,
        "started_at": span.started_at,
        "duration_ns": span.duration_ns,
        "status": span.status,
        "attributes": span.attributes,
        "events": [{"name": e.name, "timestamp": e.timestamp, "attributes": e.attributes} for e in span.events],
    }
    return skeleton | ({"stage": stage} if stage is not None else _content(span))


def from_document(document: Mapping[str, Any]) -> TraceData:
    """The trace that a document holds. Fields that an older version did not have get their defaults.

    Raises:
        InvalidInput: it is not the document of a trace; names the field that is missing or wrong.
    """
    try:
        return _trace(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput("document", f"is not a trace document ({type(error).__name__}: {error})") from error


def _trace(document: Mapping[str, Any]) -> TraceData:
    run, stages = document["run"], document.get("stages") or {}
    started_at = _moment(run["started_at"])
    duration_ns = run.get("duration_ns", _nanoseconds(run.get("duration_seconds")))
    listed = document.get("spans")
    spans = (
        tuple(_read_span(span, stages) for span in listed)
        if listed
        else _spans_of_stages(stages, started_at, duration_ns)
    )
    metadata = document.get("metadata") or {}
    texts = {name: run.get(name) for name in _RUN_TEXTS if run.get(name) is not None}
    return TraceData(
        **texts,
        trace_id=document["trace_id"],
        project=document.get("project_name") or "default",
        project_id=document.get("project_id"),
        status=TraceStatus(str(run.get("status"))),
        started_at=started_at,
        completed_at=_moment(run["completed_at"]) if run.get("completed_at") else None,
        duration_ns=duration_ns,
        spans=spans,
        tags=tuple(run.get("tags") or ()),
        confidence=run.get("confidence"),
        citations_count=run.get("citations_count"),
        iterations=tuple(document.get("iterations") or ()),
        iteration_count=document.get("iteration_count") or 1,
        quality_gate_failures=document.get("quality_gate_failures") or 0,
        outputs=document.get("outputs") or {},
        child_traces=tuple(document.get("child_traces") or ()),
        parent_trace_id=document.get("parent_trace_id"),
        parent_span_id=document.get("parent_span_id"),
        sampling_probability=metadata.get("sampling_probability") or 1.0,
        schema_version=document.get("schema_version", 0),
    )


def _read_span(span: Mapping[str, Any], stages: Mapping[str, Any]) -> SpanData:
    content = stages[span["stage"]] if span.get("stage") is not None else span
    return SpanData(
        span_id=span["span_id"],
        parent_id=span.get("parent_id"),
        name=span["name"],
        kind=SpanKind(str(span.get("kind"))),
        started_at=_moment(span["started_at"]),
        duration_ns=span.get("duration_ns"),
        status=SpanStatus(str(span.get("status"))),
        attributes=span.get("attributes") or {},
        events=tuple(
            SpanEvent(name=e["name"], timestamp=_moment(e["timestamp"]), attributes=e.get("attributes") or {})
            for e in span.get("events") or ()
        ),
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
    timestamp = decision.get("timestamp")
    return Decision(
        decision=decision["decision"],
        what=decision.get("what"),
        why=decision.get("why") or "",
        confidence=decision.get("confidence"),
        alternatives_considered=tuple(decision.get("alternatives_considered") or ()),
        inputs=decision.get("inputs") or {},
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
            attributes={key: stage[key] for key in ("model", "cost_usd") if key in stage}
            | dict(stage.get("token_usage") or {}),
            **_read_content(stage),
        )
        for position, (name, stage) in enumerate(stages.items(), start=1)
    )
    return (root, *children)


def _moment(value: str | datetime) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9


def _nanoseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e9)
