"""The decisions that a statistic is made from: all of the chosen ones, or, where they are too many, some from the whole range.

Of many, the newest of each fortieth of the range are taken, and each stands for those of its part that were not: how many
these are follows from how far back in its part the taken ones reach. So a month of a million traces is answered as quickly
as a day, and what changed within the month still shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    Connection,
    Double,
    Select,
    case,
    cast,
    column,
    func,
    literal,
    null,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from tracing_core.query import metrics
from tracing_core.query.decision_filter import DecisionFilter
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.outcomes import Outcome, good, known
from tracing_core.storage.schema import Moment
from tracing_core.storage.tables import decisions, traces

MOST = 6_000
"""Traces, or decisions of one type, of which all are looked at."""
PARTS, OF_EACH = 40, 100
"""Of more: into how many parts their range is taken, and how many of each are looked at."""
_LATE = timedelta(hours=1)
"""A decision may carry a time that lies this far outside of the range of its trace."""
_OF_DECISION = ("position", "stage", "decision", "what", "confidence", "alternatives_considered", "project", "model")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What was looked at.

    Args:
        looked_at: how many `things`.
        things: traces, or decisions where the question is about one type of them.
        stands_for: how many there are: exact where all were looked at, else estimated.
        whole: whether all were.
    """

    looked_at: int
    things: str
    stands_for: int
    whole: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """Decisions as a relation, and what they were taken from.

    Its columns are those of `decisions`, the trace's `trace_id`, `query` and `started_at`, how many a row stands for
    (`weight`), and whether the trace turned out well (`good`), NULL where that is not known.
    """

    rows: CTE
    sample: Sample


def sampled(
    connection: Connection, chosen: TraceFilter, outcome: Outcome | None = None, *, only_known: bool = False
) -> Made:
    """The decisions of the chosen traces that are as `chosen.decision` asks.

    Args:
        connection: to read with.
        chosen: which traces, and which of their decisions.
        outcome: by what it is told whether a trace turned out well.
        only_known: whether traces are left out of which that is not known.
    """
    wanted = chosen.decision or DecisionFilter()
    where = [traces.c.decision_count > 0, *conditions(replace(chosen, decision=None))]
    if outcome is not None and only_known:
        where.append(known(outcome))
    told = cast(null(), Boolean) if outcome is None else good(outcome)
    of_trace = (
        traces.c.trace_id, traces.c.started_at, func.left(traces.c.query, 200).label("query"),
        cast(metrics.weight(), Double).label("weight"), told.label("good"),
    )  # fmt: skip
    if wanted.decision is not None and not only_known:
        joined = select(*of_trace, *_decision_columns(), decisions.c.decided_at.label("moment"))
        source = joined.join_from(decisions, traces, traces.c.trace_id == decisions.c.trace_id)
        source = source.where(*where, *wanted.conditions(), *_near(chosen))
        few, sample = _taken(connection, source, decisions.c.decided_at, chosen, "decisions")
        return Made(rows=select(few).cte("made"), sample=sample)
    source = select(*of_trace, traces.c.started_at.label("moment")).where(*where)
    few, sample = _taken(connection, source, traces.c.started_at, chosen, "traces")
    of_few = (few.c[each.name] for each in of_trace)
    rows = select(*of_few, *_decision_columns()).join_from(few, decisions, decisions.c.trace_id == few.c.trace_id)
    return Made(rows=rows.where(*wanted.conditions()).cte("made"), sample=sample)


def _decision_columns() -> list[ColumnElement[Any]]:
    return [decisions.c[name] for name in _OF_DECISION]


def _near(chosen: TraceFilter) -> list[ColumnElement[bool]]:
    """The range of the traces as one of the index over types of decisions."""
    after = [] if chosen.start is None else [decisions.c.decided_at >= chosen.start - _LATE]
    return after if chosen.end is None else [*after, decisions.c.decided_at < chosen.end + _LATE]


def _taken(
    connection: Connection, source: Select[Any], moment: ColumnElement[datetime], chosen: TraceFilter, things: str
) -> tuple[CTE, Sample]:
    newest = source.order_by(moment.desc()).limit(MOST + 1)
    count = connection.scalar(select(func.count()).select_from(newest.with_only_columns(literal(1)).subquery())) or 0
    if count <= MOST or chosen.start is None or chosen.text is not None:
        whole = count <= MOST
        sample = Sample(looked_at=min(count, MOST), things=things, stands_for=count, whole=whole)
        return newest.limit(MOST).cte("few"), sample
    end = chosen.end or connection.scalar(select(func.now()))
    few = spread(source, moment, chosen.start, end or chosen.start, OF_EACH)
    added = connection.execute(select(func.count(), func.sum(few.c.weight)).select_from(few)).one()
    return few, Sample(looked_at=added[0], things=things, stands_for=round(added[1] or 0), whole=False)


def spread(
    source: Select[Any],
    moment: ColumnElement[datetime],
    start: datetime,
    end: datetime,
    of_each: int,
    parts: int = PARTS,
) -> CTE:
    """The newest `of_each` of each part of the range, each weighed by how many of the part it stands for.

    Args:
        source: what to take from; has a column `weight`, and one called `moment`.
        moment: the time that the range is of.
        parts: how many, of one length.
    """
    edges = [start + (end - start) * number / parts for number in range(parts + 1)]
    part = (
        func.unnest(literal(edges[:-1], ARRAY(Moment)), literal(edges[1:], ARRAY(Moment)))
        .table_valued(column("low", Moment), column("high", Moment), name="part")
        .render_derived()
    )
    inside = source.where(moment >= part.c.low, moment < part.c.high).order_by(moment.desc())
    newest = inside.limit(of_each).lateral("newest")
    taken = func.count().over(partition_by=part.c.low)
    reach = part.c.high - func.min(newest.c.moment).over(partition_by=part.c.low)
    of_part = func.extract("epoch", part.c.high - part.c.low) / func.nullif(func.extract("epoch", reach), 0)
    others_left = (of_each - 1) / of_each  # the last one taken is where the reach ends, and so not by chance
    stands_for = case((taken == of_each, func.greatest(cast(of_part, Double) * others_left, 1.0)), else_=1.0)
    others = [each for each in newest.c if each.name != "weight"]
    weight = (newest.c.weight * stands_for).label("weight")
    return select(*others, weight).join_from(part, newest, true()).cte("few")
