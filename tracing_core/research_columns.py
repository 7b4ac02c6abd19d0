"""The columns of a research run (seed B, sections 3.2 and 5): its stages, principles, synthesis and evidence. Empty for other traces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tracing_core.jsontext import label, text_of
from tracing_core.model import SpanData, SpanKind, TraceData
from tracing_core.readings import count
from tracing_core.usage import number

Row = dict[str, Any]

STAGES = ("intake", "rubric", "collection", "synthesis", "quality_gate")
"""The stages whose seconds have a column of their own."""
GAP_BELOW, STRENGTH = 2, 3
"""A principle that scores less than the one is a gap, one that scores the other is a strength."""
_DURATIONS = tuple(f"{stage}_duration" for stage in STAGES)
_NOTHING: Row = dict.fromkeys(
    (
        *_DURATIONS,
        "quality_gate_passed", "overall_quality_score", "principle_scores", "gap_principles", "strength_principles",
        "synthesis_model", "synthesis_input_tokens", "synthesis_output_tokens", "synthesis_cost_usd",
        "evidence_retrieved", "evidence_used", "evidence_sources",
    )
)  # fmt: skip


def research_columns(trace: TraceData) -> Row:
    """The columns of `trace`; all None when it has no such stages."""
    row = dict(_NOTHING)
    stages: dict[str, SpanData] = {}
    for span in trace.spans:
        if span.name in STAGES and span.kind != SpanKind.ROOT:
            stages[span.name] = _later(stages.get(span.name), span)
            _add_seconds(row, span)
        if span.evidence:
            _add_sources(row, span.evidence)
    if (gate := stages.get("quality_gate")) is not None:
        row |= _gate(gate)
    if (synthesis := stages.get("synthesis")) is not None:
        row |= _synthesis(synthesis)
    if (collection := stages.get("collection")) is not None:
        for name in ("evidence_retrieved", "evidence_used"):
            row[name] = count(collection.outputs.get(name))
    return row


def principle_scores(outputs: Mapping[str, Any]) -> dict[str, float]:
    """Score by principle, from a list of `{"id", "score"}` (seed B) or a mapping; what is no number is left out."""
    given = outputs.get("principle_scores")
    if isinstance(given, Mapping):
        pairs: Iterable[tuple[Any, Any]] = given.items()
    elif isinstance(given, Sequence) and not isinstance(given, str | bytes):
        pairs = ((each.get("id"), each.get("score")) for each in given if isinstance(each, Mapping))
    else:
        return {}
    found = ((key, number({"score": score}, ("score",))) for key, score in pairs if key is not None)
    return {text_of(key): score for key, score in found if score is not None}


def _later(one: SpanData | None, other: SpanData) -> SpanData:
    """A stage that is gone through again, as in a retry loop, counts as it was the last time."""
    return other if one is None or other.started_at >= one.started_at else one


def _add_seconds(row: Row, stage: SpanData) -> None:
    if stage.duration_ns is not None:
        column = f"{stage.name}_duration"
        row[column] = round((row[column] or 0) + stage.duration_ns / 1e9, 6)


def _add_sources(row: Row, evidence: Mapping[str, Any]) -> None:
    by_source = evidence.get("by_source")
    if isinstance(by_source, Mapping) and by_source:
        row["evidence_sources"] = sorted({*(row["evidence_sources"] or ()), *map(text_of, by_source)})


def _gate(stage: SpanData) -> Row:
    scores, passed = principle_scores(stage.outputs), stage.outputs.get("passed")
    return {
        "quality_gate_passed": passed if isinstance(passed, bool) else None,
        "overall_quality_score": number(stage.outputs, ("overall_score",)),
        "principle_scores": scores or None,
        "gap_principles": _named(stage, "gap")
        or sorted(key for key, score in scores.items() if score < GAP_BELOW)
        or None,
        "strength_principles": _named(stage, "strength")
        or sorted(key for key, score in scores.items() if score >= STRENGTH)
        or None,
    }


def _named(stage: SpanData, kind: str) -> list[str]:
    """The principles that the gate itself calls gaps or strengths: ids, or objects with one."""
    given = stage.outputs.get(f"{kind}_principles", stage.outputs.get(f"{kind}s"))
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        return []
    ids = (each.get("id") if isinstance(each, Mapping) else each for each in given)
    return sorted({text_of(each) for each in ids if each is not None})


def _synthesis(stage: SpanData) -> Row:
    usage = stage.outputs.get("token_usage")
    usage = usage if isinstance(usage, Mapping) else {}
    return {
        "synthesis_model": label(stage.outputs.get("model") or stage.prompts.get("model")),
        "synthesis_input_tokens": count(usage.get("input_tokens")),
        "synthesis_output_tokens": count(usage.get("output_tokens")),
        "synthesis_cost_usd": number(stage.outputs, ("cost_usd",)),
    }
