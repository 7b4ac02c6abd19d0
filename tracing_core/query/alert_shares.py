"""Shares and means that are looked for among traces: many windows that end together share one pass over the longest of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Double,
    Integer,
    RowMapping,
    Select,
    case,
    cast,
    func,
    literal,
    select,
    true,
)

from tracing_core.alerts.measure import AlertMeasure
from tracing_core.alerts.rule import AlertRule
from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.storage.tables import decisions, traces

Source = Literal["confidence", "decisions", "gate"]
SOURCES: dict[AlertMeasure, Source] = {
    AlertMeasure.LOW_CONFIDENCE: "confidence",
    AlertMeasure.CONFIDENCE: "confidence",
    AlertMeasure.UNSURE_DECISIONS: "decisions",
    AlertMeasure.GATE_FAILURES: "gate",
}
"""Measures that are a part of a whole, and what of traces tells it."""


def filter_of(rule: AlertRule, start: datetime | None = None, end: datetime | None = None) -> TraceFilter:
    """The traces that a rule looks at."""
    return TraceFilter(
        start=start, end=end, project=rule.project, library=rule.library, model=rule.model, name=rule.trace_name
    )


def together(rules: Sequence[AlertRule]) -> tuple[tuple[AlertRule, ...], ...]:
    """The rules by what one pass over traces can tell."""
    found: dict[tuple[Source, TraceFilter], list[AlertRule]] = defaultdict(list)
    for rule in dict.fromkeys(rules):
        found[SOURCES[rule.measure], filter_of(rule)].append(rule)
    return tuple(map(tuple, found.values()))


def share_windows(connection: Connection, rules: Sequence[AlertRule], end: datetime) -> list[dict[str, float | None]]:
    """`part` and `whole` of each rule's window that ends then; of rules that belong `together`."""
    start = end - max(rule.window for rule in rules)
    rows = _looked_at(SOURCES[rules[0].measure], filter_of(rules[0], start, end))
    sums: list[ColumnElement[Any]] = []
    for rule in rules:
        inside = rows.c.started_at >= literal(end - rule.window)
        sums += [func.sum(case((inside, _part(rule, rows)))), func.sum(case((inside, rows.c.weight)))]
    numbered = (each.label(f"s{number}") for number, each in enumerate(sums))
    found = connection.execute(select(*numbered)).one()
    return [{"part": found[2 * n], "whole": found[2 * n + 1]} for n in range(len(rules))]


def share_minutes(connection: Connection, rule: AlertRule, start: datetime, end: datetime) -> Sequence[RowMapping]:
    """The same of each minute from `start` up to and without `end` that has any, with the minute as `key`."""
    rows = _looked_at(SOURCES[rule.measure], filter_of(rule, start, end))
    by_trace = select(
        func.date_trunc("minute", rows.c.started_at, "UTC").label("key"), _part(rule, rows).label("part"), rows.c.weight
    ).subquery()
    sums = (func.sum(by_trace.c.part).label("part"), func.sum(by_trace.c.weight).label("whole"))
    return connection.execute(select(by_trace.c.key, *sums).group_by(by_trace.c.key)).mappings().all()


def _looked_at(source: Source, chosen: TraceFilter) -> CTE:
    """The traces that count, each with its number and for how many it stands."""
    t = traces.c
    if source == "confidence":
        return _counting(t.confidence, chosen, t.confidence.is_not(None)).cte("looked_at")
    if source == "gate":
        passed = cast(t.quality_gate_passed, Integer)
        return _counting(passed, chosen, t.quality_gate_passed.is_not(None)).cte("looked_at")
    least = select(func.min(decisions.c.confidence).label("number")).where(decisions.c.trace_id == t.trace_id)
    sure = least.correlate(traces).offset(0).lateral("sure")  # an offset, so that it is looked for once and not twice
    made = _counting(sure.c.number, chosen, t.decision_count > 0).where(sure.c.number.is_not(None))
    return made.select_from(traces.join(sure, true())).cte("looked_at")


def _counting(number: ColumnElement[Any], chosen: TraceFilter, counts: ColumnElement[bool]) -> Select[Any]:
    weight = cast(metrics.weight(), Double).label("weight")
    return select(traces.c.started_at, number.label("number"), weight).where(counts, *conditions(chosen))


def _part(rule: AlertRule, rows: CTE) -> ColumnElement[Any]:
    """What a trace adds to the part."""
    if rule.measure is AlertMeasure.CONFIDENCE:
        return rows.c.number * rows.c.weight
    below = literal(0.5 if rule.confidence is None else rule.confidence)  # a gate that did not let it pass is 0
    return case((rows.c.number < below, rows.c.weight), else_=0.0)
