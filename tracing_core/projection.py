"""From a trace to the rows of the database: what lists, filters and charts need, computed once, when it is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from numbers import Integral
from operator import attrgetter
from typing import Any

from tracing_core.cost import CostTracker
from tracing_core.decision_marks import cut
from tracing_core.jsontext import label, text_of
from tracing_core.model import SpanData, SpanKind, SpanStatus, TraceData
from tracing_core.model_use import model_use
from tracing_core.normal_form import SpanFacts, facts_of
from tracing_core.prompt_version import PROMPT_VERSION, prompt_version
from tracing_core.quality import QualityRules, length
from tracing_core.research_columns import research_columns
from tracing_core.retrieved import counts_of
from tracing_core.said import of_names
from tracing_core.steps import milliseconds
from tracing_core.usage import GENERATION_KINDS, LARGEST_COUNT

RETRIEVAL_KINDS = frozenset({SpanKind.EMBEDDING, SpanKind.RETRIEVAL, SpanKind.FUSION, SpanKind.RERANK})

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Projection:
    """The rows of one trace, as column name to value."""

    trace: Row
    spans: tuple[Row, ...]
    decisions: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Projector:
    """Makes the rows of traces by the rules and prices in force."""

    rules: QualityRules
    prices: CostTracker

    def project(
        self, trace: TraceData, rating: int | None = None, facts: Sequence[SpanFacts] | None = None
    ) -> Projection:
        """The rows of `trace`, without the path of a file and without the part that holds a span's content.

        Args:
            trace: the run.
            rating: the lowest that a person gave it.
            facts: what its spans say of themselves, where that is known already.
        """
        facts = facts or [facts_of(span, texts=False) for span in trace.spans]
        use = model_use(trace.spans, facts, self.prices)
        decisions = tuple(_decisions(trace, facts, use.trace["model"]))
        row = {
            **_facts(trace),
            **_timings(trace),
            **_evidence(trace.spans),
            **research_columns(trace),
            **_outputs(trace),
            **use.trace,
            "quality_flag": self.rules.flag(
                answer_chars=length(trace.answer), confidence=trace.confidence, rating=rating
            ),
            "decision_count": len(decisions),
            "span_count": len(trace.spans),
            "is_slow": False,
            "attributes": _filterable(trace),
            "trace_file_path": None,
        }
        spans = tuple(
            [
                {**_span(trace, position, span, found), **call}
                for position, (span, found, call) in enumerate(zip(trace.spans, facts, use.calls, strict=True))
            ]
        )
        return Projection(trace=row, spans=spans, decisions=decisions)


_COPIED = (
    "trace_id", "project", "status", "error", "query", "answer", "started_at", "completed_at", "confidence",
    "citations_count", "iteration_count", "quality_gate_failures", "sampling_probability", "schema_version",
)  # fmt: skip
_LABELS = (
    "project_id", "name", "source", "intent", "domain", "report_type", "research_type", "library", "session_id",
    "user_id", "parent_trace_id", "environment", "release",
)  # fmt: skip
_copied, _labelled = attrgetter(*_COPIED), attrgetter(*_LABELS)
_MOST_DECISIONS = 2**15 - 1


def _facts(trace: TraceData) -> Row:
    row: Row = dict(zip(_COPIED, _copied(trace), strict=True))
    for name, value in zip(_LABELS, _labelled(trace), strict=True):
        row[name] = label(value)
    row["tags"] = trace.tags
    return row


_MOST_FILTERABLE = 30
_LONGEST_FILTERABLE = 200
_KEPT_ELSEWHERE = (
    "tracewhy.", "input.", "output.", "llm.", "gen_ai.prompt", "gen_ai.completion", "telemetry.",
    "service.name", "service.version", "deployment.environment", "session.id", "gen_ai.conversation.id", "user.id",
    "openinference.span.kind",
)  # fmt: skip
"""The beginnings of names of what contents hold alone, and of what the row has columns for."""


def _filterable(trace: TraceData) -> Row:
    """The short values that the root and its process say of themselves: what traces are picked by besides our own columns."""
    if not trace.spans:
        return {}
    root = trace.spans[0]
    found: Row = {}
    for said in (root.otel.get("resource") or {}, root.attributes):
        for key, name in _filterable_names(said):
            if len(found) == _MOST_FILTERABLE:
                break
            if _is_short(value := said[key]):
                found[name] = value
    if (version := prompt_version(trace.spans)) is not None:
        found[PROMPT_VERSION] = version
    return found


@of_names
def _filterable_names(names: tuple[Any, ...]) -> tuple[tuple[str, str], ...]:
    """Those that are kept nowhere else, each with the text under which it is kept."""
    others = (name for name in names if isinstance(name, str) and not name.startswith(_KEPT_ELSEWHERE))
    return tuple((name, text_of(name)[:_LONGEST_FILTERABLE]) for name in others)


def _is_short(value: Any) -> bool:
    """Whether it is a text, a number or a truth that is no longer than what is picked by, and that JSON has."""
    if isinstance(value, str):
        return len(value) <= _LONGEST_FILTERABLE
    return isinstance(value, int) or (isinstance(value, float) and isfinite(value))


def _timings(trace: TraceData) -> Row:
    root = trace.spans[0].span_id if trace.spans else None
    stages: dict[str, float] = {}
    for span in trace.spans[1:]:
        if span.parent_id == root and span.duration_ns is not None:
            stages[span.name] = round(stages.get(span.name, 0) + span.duration_ns / 1e6, 3)
    return {
        "duration_ms": milliseconds(trace.duration_ns),
        "retrieval_ms": _time_in(trace.spans, RETRIEVAL_KINDS),
        "generation_ms": _time_in(trace.spans, GENERATION_KINDS),
        "stage_ms": stages,
    }


def _time_in(spans: Iterable[SpanData], kinds: frozenset[SpanKind]) -> float | None:
    """Milliseconds in spans of these kinds; a span inside another of them is already counted in it."""
    chosen = {span.span_id: span for span in spans if span.kind in kinds and span.duration_ns is not None}
    times = [span.duration_ns or 0 for span in chosen.values() if span.parent_id not in chosen]
    return milliseconds(sum(times)) if times else None


_FINDING = frozenset({SpanKind.RETRIEVAL, SpanKind.RERANK})


def _evidence(spans: Iterable[SpanData]) -> Row:
    """Counts over all stages; seed B's stages give them under `evidence` and `outputs`."""
    collected = passed = filtered = None
    for span in spans:
        if span.kind in _FINDING and not span.evidence:
            found, kept, dropped = counts_of(span)
        elif not span.evidence and not span.outputs:
            continue
        else:
            found = span.evidence.get("collected_count")
            kept, dropped = _length(span.evidence.get("kept")), _length(span.evidence.get("filtered_out"))
        collected = _plus(collected, found)
        passed = _plus(passed, span.outputs.get("evidence_passed", kept))
        filtered = _plus(filtered, span.outputs.get("evidence_filtered", dropped))
    return {"evidence_collected": collected, "evidence_passed": passed, "evidence_filtered": filtered}


def _plus(total: int | None, count: Any) -> int | None:
    if count is None or isinstance(count, bool) or not isinstance(count, (int, Integral)) or int(count) < 0:
        return total
    return min((total or 0) + int(count), LARGEST_COUNT)


def _length(items: Any) -> int | None:
    return len(items) if isinstance(items, list | tuple) else None


def _outputs(trace: TraceData) -> Row:
    report, paths = trace.outputs.get("report_path"), trace.outputs.get("evidence_paths")
    return {
        "report_file_path": None if report is None else text_of(report),
        "output_file_paths": [text_of(path) for path in paths] if isinstance(paths, list | tuple) else None,
    }


def _span(trace: TraceData, position: int, span: SpanData, facts: SpanFacts) -> Row:
    start_ns = span.otel.get("start_ns")
    return {
        "trace_id": trace.trace_id,
        "span_id": span.span_id,
        "parent_id": span.parent_id if position else None,  # the root stands at the top here, whoever called it
        "position": start_ns % 1000 if isinstance(start_ns, int) else position,
        "name": label(span.name),
        "kind": span.kind,
        "started_at": span.started_at,
        "duration_ms": milliseconds(span.duration_ns),
        "status": span.status,
        "error": span.error,
        "decision_count": min(len(span.decisions), _MOST_DECISIONS),
        "model": label(facts.model),
        "part": 0,
    }


def _decisions(trace: TraceData, facts: Iterable[SpanFacts], model: str | None) -> Iterable[Row]:
    """A decision is of the model that its span called, else of the one that answered."""
    root = trace.spans[0].span_id if trace.spans else None
    pairs = ((span, found, each) for span, found in zip(trace.spans, facts, strict=True) for each in span.decisions)
    for position, (span, found, decision) in enumerate(pairs):
        what, why, alternatives, inputs = cut(
            decision.what, decision.why, decision.alternatives_considered, decision.inputs
        )
        yield {
            "trace_id": trace.trace_id,
            "position": position,
            "span_id": span.span_id,
            "project": trace.project,
            "stage": "" if span.span_id == root else label(span.name),
            "decision": label(decision.decision),
            "what": what,
            "why": why,
            "confidence": decision.confidence,
            "alternatives_considered": list(alternatives),
            "inputs": inputs,
            "decided_at": decision.timestamp or span.started_at,
            "model": label(found.model or model),
        }


def failed(span: Mapping[str, Any]) -> bool:
    """Whether the row of a span counts as an error."""
    return bool(span["status"] == SpanStatus.ERROR)
