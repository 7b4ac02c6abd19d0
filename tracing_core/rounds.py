"""The rounds of a run that is written and judged until its gate passes it (seed B, section 3.5). Pure.

A round says what it knows of itself; what it does not say is taken from the spans of its stages: what its gate found, how
long its stages took and what they cost. A run without rounds of its own has one for each time that its gate was asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracing_core.model import SpanData, TraceData
from tracing_core.readings import count, number, text
from tracing_core.research_columns import gate_of, passed, said_of, stage_rounds

GATE = "quality_gate"
_SECONDS, _COSTS, _TOKENS = ("duration_seconds", "duration"), ("synthesis_cost", "cost_usd"), ("synthesis_tokens",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Principle:
    """What the gate said of one principle: its score, 0 to 3, and why."""

    principle_id: str
    name: str | None
    score: float | None
    feedback: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """One time of writing and judging; what nobody said is None.

    Args:
        number: from 1.
        score: overall, 0 to 3; `threshold` is what was asked for.
        gaps: principles that it fell short of; `closed` and `opened` are those gone and come since the round before.
        changes: what was done differently than in the round before.
        seconds: of its stages; `cost_usd` and `tokens` are of its writing.
        principles: what the gate said of each, the worst first.
    """

    number: int
    passed: bool | None
    score: float | None
    threshold: float | None
    gaps: tuple[str, ...]
    closed: tuple[str, ...]
    opened: tuple[str, ...]
    changes: str | None
    seconds: float | None
    cost_usd: float | None
    tokens: int | None
    principles: tuple[Principle, ...]


def rounds_of(trace: TraceData) -> tuple[Round, ...]:
    """The rounds of a run, in order; nothing for a trace that was never judged."""
    stages = stage_rounds(trace.spans)
    gates = stages.get(GATE, [])
    listed: Sequence[Any] = trace.iterations  # as they came, whatever that is
    told = [each for each in listed if isinstance(each, Mapping)]
    found: list[Round] = []
    for at in range(len(told) or len(gates)):
        said = told[at] if told else {}
        gate = gates[at] if len(gates) == max(len(told), len(gates)) else None
        spans = _spans_of(at, gates, stages) if gate is not None else []
        found.append(_round(at, said, gate, spans, found[-1] if found else None))
    return tuple(found)


def _round(
    at: int, said: Mapping[str, Any], gate: SpanData | None, spans: Sequence[SpanData], before: Round | None
) -> Round:
    judged = {} if gate is None else said_of(gate)
    of_gate, own = gate_of(judged), gate_of(said)
    gaps = tuple(own["gap_principles"] or of_gate["gap_principles"] or ())
    earlier = set(before.gaps) if before else set(gaps)
    known = passed(said)
    return Round(
        number=int(count(said.get("iteration")) or at + 1),
        passed=passed(judged) if known is None else known,
        score=_first(own["overall_quality_score"], of_gate["overall_quality_score"]),
        threshold=_first(number(said.get("threshold")), number(judged.get("threshold"))),
        gaps=gaps,
        closed=tuple(sorted(earlier - set(gaps))),
        opened=tuple(each for each in gaps if each not in earlier),
        changes=_text(said.get("changes_from_previous")),
        seconds=_first(_number(said, _SECONDS), _seconds(spans)),
        cost_usd=_first(_number(said, _COSTS), _total(_number(said_of(span), _COSTS) for span in spans)),
        tokens=_whole(_first(_number(said, _TOKENS), _total(_tokens(span) for span in spans))),
        principles=_principles(judged) or _principles(said),
    )


def _spans_of(at: int, gates: Sequence[SpanData], stages: Mapping[str, Sequence[SpanData]]) -> list[SpanData]:
    """The stages of a round: what began since the gate before, up to its own; of the first, what was done again later."""
    if at:
        since, until = gates[at - 1].started_at, gates[at].started_at
        return [s for spans in stages.values() for s in spans if since < s.started_at <= until]
    again = [spans[0] for spans in stages.values() if len(spans) == len(gates)]
    return [span for span in again if span.started_at <= gates[0].started_at]


def _principles(said: Mapping[str, Any]) -> tuple[Principle, ...]:
    """Every principle that was scored, with what is said of it there or among gaps and strengths."""
    listed = [said.get(name) for name in ("principle_scores", "gaps", "strengths", "gap_principles")]
    facts: dict[str, dict[str, Any]] = {}
    for each in (each for some in listed if isinstance(some, Sequence) and not isinstance(some, str) for each in some):
        if isinstance(each, Mapping) and (name := text(each.get("id"))):
            facts[name] = {**each, **facts.get(name, {})}
    scores = gate_of(said)["principle_scores"] or {}
    found = [
        Principle(
            principle_id=each,
            name=text(facts.get(each, {}).get("name")),
            score=scores.get(each),
            feedback=_text(
                next((facts[each][k] for k in ("feedback", "why", "reason") if facts.get(each, {}).get(k)), None)
            ),
        )
        for each in dict.fromkeys((*scores, *facts))
    ]
    return tuple(sorted(found, key=lambda each: (each.score is None, each.score or 0, each.principle_id)))


def _text(given: Any) -> str | None:
    """A sentence, or several in a list."""
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        return "; ".join(str(each) for each in given) or None
    return text(given)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _number(said: Mapping[str, Any], names: Iterable[str]) -> float | None:
    return _first(*(number(said.get(name)) for name in names))


def _seconds(spans: Iterable[SpanData]) -> float | None:
    return _total(None if span.duration_ns is None else span.duration_ns / 1e9 for span in spans)


def _tokens(span: SpanData) -> float | None:
    usage = span.outputs.get("token_usage")
    if not isinstance(usage, Mapping):
        return None
    given = [count(usage.get(name)) for name in ("input_tokens", "output_tokens")]
    return _first(count(usage.get("total_tokens")), _total(given))


def _total(given: Iterable[float | None]) -> float | None:
    known = [each for each in given if each is not None]
    return sum(known) if known else None
