"""The JSON document of a trace: the whole truth, in the shape that seed B documents (section 3.1).

Spans directly under the root are the `stages`; the whole tree is in `spans`, where a span that is a stage names it
instead of saying everything twice. A span that decided nothing and found nothing may be there as its contents are stored
in the database, all in one line: so JSON is made of it once. `document_reader.py` reads it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import count, zip_longest
from typing import Any

from orjson import Fragment

from tracing_core.model import Decision, SpanData, TraceData
from tracing_core.said import names_of, said_by
from tracing_core.usage import usage_in

GENERATOR = "tracewhy"
RUN_TEXTS = (
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
    "environment",
    "release",
    "error",
)

_MODEL_USE = names_of(
    (
        "model",
        "input_tokens",
        "output_tokens",
        "total_tokens",
        "cached_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "usage",
    )
)
"""The names of attributes that say which model was called and how many tokens that took, by whatever convention."""

Document = dict[str, Any]


def to_document(trace: TraceData, encoded: Sequence[bytes] = ()) -> Document:
    """The document of `trace`; times as ISO 8601 in UTC.

    Args:
        trace: the run.
        encoded: the JSON of each of its spans, as `contents.encode` gives it, where that is there already.
    """
    root_id = trace.spans[0].span_id if trace.spans else None
    stage_names = _stage_names(trace.spans, root_id)
    run = {name: getattr(trace, name) for name in RUN_TEXTS}
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
        "spans": [
            Fragment(json) if json is not None and _is_plain(span) else _span(span, stage_names.get(span.span_id))
            for span, json in zip_longest(trace.spans, encoded)
        ],
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
            "is_slow": trace.is_slow,
        },
    }


def _is_plain(span: SpanData) -> bool:
    """Whether a stage would say nothing more of it than a span does."""
    return not (span.decisions or span.outputs or span.evidence or span.prompts)


def _stage_names(spans: Iterable[SpanData], root_id: str | None) -> dict[str, str]:
    """The name under which each child of the root is listed: its own, numbered from the second on."""
    children = [span for span in spans if span.parent_id == root_id and span.parent_id is not None]
    names: dict[str, str] = {}
    taken = {span.name for span in children}
    numbers: dict[str, Iterator[int]] = {}
    for span in children:
        if span.name not in numbers:
            numbers[span.name] = count(2)
            names[span.span_id] = span.name
        else:
            names[span.span_id] = next(n for i in numbers[span.name] if (n := f"{span.name} ({i})") not in taken)
    return names


def _timing(span: SpanData) -> Document:
    started = span.started_at if span.duration_ns is not None else None
    completed = started + timedelta(0, 0, span.duration_ns / 1000) if started and span.duration_ns else started
    return {
        "started_at": started,
        "completed_at": completed,
        "duration_seconds": _seconds(span.duration_ns),
    }


def _content(span: SpanData) -> Document:
    content: Document = {
        "decisions": [_decision(decision) for decision in span.decisions],
        "outputs": span.outputs,
        "evidence": span.evidence,
        "prompts": span.prompts,
        "error": span.error,
    }
    names = _MODEL_USE.intersection(span.attributes)
    if names:  # reading only these keeps long texts, which most attributes are, out of it
        content |= _model_use({name: span.attributes[name] for name in names})
    return content


def _model_use(attributes: Mapping[str, Any]) -> Document:
    said = said_by(attributes)
    if not said.get("model"):
        return {}
    usage = usage_in(said)
    return {
        "model": said["model"],
        "token_usage": {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "total_tokens": usage.total_tokens,
        },
    }


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
    if span.otel:
        skeleton["otel"] = span.otel
    return skeleton | ({"stage": stage} if stage is not None else _content(span))


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9
