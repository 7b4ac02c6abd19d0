"""Reads what is known of the traces drawn: their rows, their decisions, and of some the spans and the contents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Select, Text, any_, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from tracing_core.alternative import plain_name, read_alternative
from tracing_core.explain.facts import THE_RUN, Facts
from tracing_core.prompt_version import PROMPT_VERSION
from tracing_core.query.near_spans import spans_of
from tracing_core.rollups import operation_name
from tracing_core.storage.tables import decisions, trace_spans, traces

_TEXTS = {
    "library": ("library", "library"), "model": ("model", "model"), "provider": ("model", "provider"),
    "user_id": ("user", "user"), "session_id": ("user", "session"), "intent": ("intent", "intent"),
    "domain": ("domain", "domain"), "release": ("release", "release"), "environment": ("environment", "environment"),
    "project": ("project", "project"), "name": ("other", "name"), "source": ("other", "came by"),
    "report_type": ("other", "report type"), "research_type": ("other", "research type"), "status": ("status", "status"),
    "quality_flag": ("quality", "quality flag"), "synthesis_model": ("model", "model of the synthesis"),
}  # fmt: skip
_LISTS = {
    "tags": ("tag", "tag"), "evidence_sources": ("source", "source"), "gap_principles": ("principle", "gap"),
    "strength_principles": ("principle", "strength"),
}  # fmt: skip
_TRUTHS = {
    "quality_gate_passed": ("quality", "quality gate passed"),
    "flagged_for_review": ("quality", "flagged for review"),
}
_NUMBERS = {
    "duration_ms": ("time", "duration"), "time_to_first_token_ms": ("time", "time to first token"),
    "tokens_per_second": ("count", "tokens per second"), "input_tokens": ("tokens", "input tokens"),
    "output_tokens": ("tokens", "output tokens"), "cached_tokens": ("tokens", "cached tokens"),
    "reasoning_tokens": ("tokens", "reasoning tokens"), "cost_usd": ("cost", "cost"),
    "synthesis_cost_usd": ("cost", "cost of the synthesis"), "confidence": ("quality", "confidence of the answer"),
    "citations_count": ("quality", "citations"), "overall_quality_score": ("quality", "quality score"),
    "rating": ("rating", "rating"), "evidence_collected": ("evidence", "evidence collected"),
    "evidence_passed": ("evidence", "evidence passed"), "evidence_filtered": ("evidence", "evidence filtered out"),
    "evidence_retrieved": ("evidence", "evidence retrieved"), "evidence_used": ("evidence", "evidence used"),
    "iteration_count": ("count", "rounds"), "span_count": ("count", "spans"), "decision_count": ("count", "decisions"),
    "quality_gate_failures": ("quality", "failures of the quality gate"),
}  # fmt: skip
_DOCUMENTS = ("stage_ms", "attributes", "principle_scores")
_LONGEST = 80
_MOST_NESTED = 20
_KNOWN_ELSEWHERE = ("session.id", "gen_ai.conversation.id", "user.id")


def _given(ids: Sequence[str]) -> Any:
    return any_(literal(list(ids), ARRAY(Text)))


def read_traces(connection: Connection, facts: Facts, ids: Sequence[str]) -> None:
    """Add what the rows of these traces say; the place of an id is the row."""
    t = traces.c
    plain = (*_TEXTS, *_LISTS, *_TRUTHS, *_NUMBERS)
    columns = [t.trace_id, *(t[name] for name in plain), *(cast(t[name], Text).label(name) for name in _DOCUMENTS)]
    error = func.left(t.error, 200).label("error")
    rows = {trace_id: row for row, trace_id in enumerate(ids)}
    for found in connection.execute(select(*columns, error).where(t.trace_id == _given(ids))).mappings():
        _add_trace(facts, rows[found["trace_id"]], found)


def _add_trace(facts: Facts, row: int, found: Mapping[Any, Any]) -> None:
    _add_columns(facts, row, found)
    if found["error"]:
        facts.has(row, "error", THE_RUN, found["error"].partition(":")[0][:_LONGEST])
    stages, attributes, scores = (orjson.loads(found[name] or b"{}") for name in _DOCUMENTS)
    for stage, milliseconds in stages.items():
        facts.counts(row, "stage", operation_name(stage), float(milliseconds))
    for principle, score in scores.items():
        facts.counts(row, "principle", f"score of {principle}", float(score))
    for name, value in _flat(attributes):
        _add_attribute(facts, row, name, value)


def _add_columns(facts: Facts, row: int, found: Mapping[Any, Any]) -> None:
    for name, (kind, subject) in _TEXTS.items():
        if value := found[name]:
            facts.has(row, kind, subject, value)
    for name, (kind, subject) in _LISTS.items():
        for value in found[name] or ():
            facts.has(row, kind, subject, value)
    for name in _known(found, _TRUTHS):
        facts.has(row, *_TRUTHS[name], str(found[name]).lower())
    for name in _known(found, _NUMBERS):
        facts.counts(row, *_NUMBERS[name], float(found[name]))


def _known(found: Mapping[Any, Any], names: Iterable[str]) -> list[str]:
    return [name for name in names if found[name] is not None]


def _flat(attributes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Attributes; those of one that is itself a document as `metadata.region`."""
    for name, value in attributes.items():
        if isinstance(value, str) and value.startswith("{"):
            try:
                inner = orjson.loads(value)
            except orjson.JSONDecodeError:
                inner = None
            if isinstance(inner, dict):
                yield from ((f"{name}.{key}", each) for key, each in list(inner.items())[:_MOST_NESTED])
                continue
        yield name, value


def _add_attribute(facts: Facts, row: int, name: str, value: Any) -> None:
    if name in _KNOWN_ELSEWHERE or value is None or isinstance(value, list | dict):
        return
    if name == PROMPT_VERSION:
        facts.has(row, "prompt", "prompt version", str(value))
    elif isinstance(value, bool):
        facts.has(row, "attribute", name, str(value).lower())
    elif isinstance(value, int | float):
        facts.counts(row, "attribute", name, float(value))
    else:
        facts.has(row, "attribute", name, str(value)[:_LONGEST])


def read_decisions(connection: Connection, facts: Facts, ids: Sequence[str]) -> None:
    """Add the decisions of these traces: choices, how sure, and over what."""
    d = decisions.c
    chosen = func.left(cast(d.what, Text), 400).label("what")
    over = cast(d.alternatives_considered, Text).label("over")
    statement = select(d.trace_id, d.decision, chosen, d.confidence, over).where(d.trace_id == _given(ids))
    rows = {trace_id: row for row, trace_id in enumerate(ids)}
    least: dict[tuple[int, str], float] = {}
    for trace_id, decision, what, confidence, alternatives in connection.execute(statement):
        row = rows[trace_id]
        for choice in _choices(what):
            facts.has(row, "decision", decision, choice)
        for alternative in _list(alternatives):
            facts.has(row, "alternative", decision, read_alternative(alternative).name[:_LONGEST])
        if confidence is not None:
            least[row, decision] = min(confidence, least.get((row, decision), 1.0))
    for (row, decision), confidence in least.items():
        facts.counts(row, "confidence", decision, confidence)


def _choices(what: str) -> Iterable[str]:
    """What was chosen; each where several things were."""
    try:
        value = orjson.loads(what)
    except orjson.JSONDecodeError:  # it is cut
        return (what[:_LONGEST],)
    several = value if isinstance(value, list) else [value]
    return (plain_name(each)[:_LONGEST] for each in several[:_MOST_NESTED])


def _list(text: str) -> list[Any]:
    value = orjson.loads(text)
    return value if isinstance(value, list) else []


def span_statement(ids: Sequence[str], moments: Sequence[datetime]) -> Select[Any]:
    """The spans of traces that began at these moments, those of one trace together."""
    s = trace_spans.c
    columns = (s.trace_id, s.span_id, s.parent_id, s.name, s.kind, s.started_at, s.duration_ms, s.status, s.model)
    return spans_of(ids, moments, columns)
