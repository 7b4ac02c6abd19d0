"""The columns of a research run (seed B, sections 3.2 and 5): its stages, principles, synthesis and evidence. Empty for other traces.

What a stage says is in its outputs, as `end_stage` takes it; beside them, as in the seed's own documents; or in attributes,
as OpenTelemetry has them, where lists and mappings may be JSON texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from math import inf
from typing import Any

from tracing_core.jsontext import label
from tracing_core.model import SpanData, SpanKind, TraceData
from tracing_core.readings import LARGEST_COUNT, count, mapping, number, parsed, word
from tracing_core.usage import model_of, usage_of

Row = dict[str, Any]

STAGES = ("intake", "rubric", "collection", "synthesis", "quality_gate")
"""The stages whose seconds have a column of their own."""
GAP_BELOW, STRENGTH = 2, 3
"""A principle that scores less than the one is a gap, one that scores the other is a strength."""
_MOST_NAMES = 1000
"""Of principles or sources; a run that names more is mistaken."""
_DURATIONS = tuple(f"{stage}_duration" for stage in STAGES)
_NOTHING: Row = dict.fromkeys(
    (
        *_DURATIONS,
        "quality_gate_passed", "overall_quality_score", "principle_scores", "gap_principles", "strength_principles",
        "synthesis_model", "synthesis_input_tokens", "synthesis_output_tokens", "synthesis_cost_usd",
        "evidence_retrieved", "evidence_used", "evidence_sources",
    )
)  # fmt: skip
_WORDS = {
    "true": True,
    "pass": True,
    "passed": True,
    "1": True,
    "false": False,
    "fail": False,
    "failed": False,
    "0": False,
}

Said = Mapping[str, Any]


def research_columns(trace: TraceData) -> Row:
    """The columns of `trace`; all None when it has no such stages."""
    rounds = stage_rounds(trace.spans)
    row = _NOTHING | {"evidence_sources": _sources(trace.spans)}
    if not rounds and not trace.iterations:
        return row
    for stage, spans in rounds.items():
        row[f"{stage}_duration"] = _seconds(spans)
    gates = [gate_of(said) for said in (*trace.iterations[-1:], *map(said_of, rounds.get("quality_gate", ())))]
    row |= next((gate for gate in reversed(gates) if any(value is not None for value in gate.values())), {})
    row |= _synthesis(rounds.get("synthesis", ()))
    said = [said_of(span) for stage in STAGES for span in rounds.get(stage, ())]
    for name in ("evidence_retrieved", "evidence_used"):
        row[name] = next((found for each in said if (found := count(each.get(name))) is not None), None)
    return row


def passed(said: Said) -> bool | None:
    """Whether the quality gate let a round pass, as the round or its stage says it; None when it does not."""
    for name in ("passed", "passing", "quality_gate_passed", "quality_gate_result"):
        given = said.get(name)
        found = given if isinstance(given, bool) else _WORDS.get(word(given) or "")
        if found is not None:
            return found
    return None


def principle_scores(said: Said) -> dict[str, float]:
    """Score by principle, from a list of `{"id", "score"}` (seed B) or a mapping; what is no number is left out."""
    given = parsed(said.get("principle_scores"))
    if isinstance(given, Mapping):
        pairs: Iterable[tuple[Any, Any]] = given.items()
    else:
        pairs = ((each.get("id"), each.get("score")) for each in _listed(given) if isinstance(each, Mapping))
    found = ((label(key), number(score)) for key, score in islice(pairs, _MOST_NAMES))
    return {key: score for key, score in found if key is not None and score is not None}


def stage_rounds(spans: Sequence[SpanData]) -> dict[str, list[SpanData]]:
    """The spans of each stage: several where it is gone through again, as in a retry loop, but none inside another of its name."""
    named = [span for span in spans if span.name in STAGES and span.kind != SpanKind.ROOT]
    if not named:
        return {}
    by_id = {span.span_id: span for span in spans}
    found: dict[str, list[SpanData]] = {}
    for span in sorted(named, key=_started):
        if all(above.name != span.name for above in _above(span, by_id)):
            found.setdefault(span.name, []).append(span)
    return found


def _above(span: SpanData, by_id: Mapping[str, SpanData]) -> Iterator[SpanData]:
    seen = {span.span_id}
    above = by_id.get(span.parent_id or "")
    while above is not None and above.span_id not in seen:
        seen.add(above.span_id)
        yield above
        above = by_id.get(above.parent_id or "")


def _started(span: SpanData) -> datetime:
    return span.started_at


def said_of(stage: SpanData) -> Said:
    """What a stage says; of its prompts, attributes and outputs what comes later wins."""
    return {**stage.prompts, **stage.attributes, **stage.outputs}


def _seconds(rounds: Iterable[SpanData]) -> float | None:
    timed = [span.duration_ns for span in rounds if span.duration_ns is not None]
    return round(sum(timed) / 1e9, 6) if timed else None


def _sources(spans: Iterable[SpanData]) -> list[str] | None:
    named = (mapping(span.evidence.get("by_source")) or {} for span in spans if span.evidence)
    sources = {label(name) or "" for by_source in named for name in islice(by_source, _MOST_NAMES)}
    return sorted(sources) or None


def gate_of(said: Said) -> Row:
    """What a round or its gate says of the quality, as the columns have it; None where it does not."""
    scores = principle_scores(said)
    return {
        "quality_gate_passed": passed(said),
        "overall_quality_score": number(said.get("overall_score")),
        "principle_scores": scores or None,
        "gap_principles": _named(said, "gap", scores, lambda score: score < GAP_BELOW),
        "strength_principles": _named(said, "strength", scores, lambda score: score >= STRENGTH),
    }


def _named(said: Said, kind: str, scores: Mapping[str, float], counts: Callable[[float], bool]) -> list[str] | None:
    """The principles that the gate itself calls gaps or strengths (ids, or objects with one), else those that score so."""
    given = _listed(parsed(said.get(f"{kind}_principles", said.get(f"{kind}s"))))
    ids = (each.get("id") if isinstance(each, Mapping) else each for each in islice(given, _MOST_NAMES))
    names = {name for each in ids if (name := label(each)) is not None}
    return sorted(names or {key for key, score in scores.items() if counts(score)}) or None


def _listed(given: Any) -> Sequence[Any]:
    return given if isinstance(given, Sequence) and not isinstance(given, str | bytes) else ()


def _synthesis(rounds: Sequence[SpanData]) -> Row:
    """Tokens and cost of all rounds, and the model of the last."""
    usages = [_usage(span) for span in rounds]
    said = [said_of(span) for span in rounds]
    models = [
        model for span, each in zip(rounds, said, strict=True) if (model := label(each.get("model") or model_of(span)))
    ]
    return {
        "synthesis_model": models[-1] if models else None,
        "synthesis_input_tokens": _total((tokens for tokens, _ in usages), LARGEST_COUNT),
        "synthesis_output_tokens": _total((tokens for _, tokens in usages), LARGEST_COUNT),
        "synthesis_cost_usd": _total(number(each.get("cost_usd")) for each in said),
    }


def _usage(stage: SpanData) -> tuple[int | None, int | None]:
    """Input and output tokens, as the stage's outputs say them, else its attributes by any convention."""
    given = mapping(stage.outputs.get("token_usage"))
    if given is not None:
        return count(given.get("input_tokens")), count(given.get("output_tokens"))
    found = usage_of(stage)
    return found.input_tokens, found.output_tokens


def _total(given: Iterable[float | None], largest: float = inf) -> float | None:
    known = [each for each in given if each is not None]
    return min(sum(known), largest) if known else None
