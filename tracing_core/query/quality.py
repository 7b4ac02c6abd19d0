"""What degrades quality: which principles fail, where they fail, and which intents and domains differ from the average.

A run is judged when it has an overall score, or its gate said whether it passed. Runs that sampling let stand for others
count as often as they stand for; intervals go by how many were really seen (Kish). Beyond `MOST_RUNS` judged runs the
newest are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Double,
    Row,
    cast,
    func,
    null,
    select,
    true,
    tuple_,
    union_all,
)

from tracing_core.confidence import Interval, wilson
from tracing_core.mean_difference import Moments, difference
from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.reading import reading
from tracing_core.query.time_buckets import bucket_starts, chart_granularity
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces

Side = Literal["domain", "intent"]
SIDES: tuple[Side, ...] = ("domain", "intent")
MOST_RUNS = 10_000
MOST_CELLS = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Failing:
    """How a principle fares over some runs.

    Args:
        runs: that were judged by it, as many as were seen; `count` is how many they stand for, `fails` how many of these fell short.
        rate: the share of them that did, 0 to 1, `interval` its Wilson interval of 95 %.
        mean_score: 0 to 3; None where gates only named it as a gap.
    """

    principle_id: str
    runs: int
    count: float
    fails: float
    rate: float
    interval: Interval
    mean_score: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """A principle among the runs of one intent or domain; `value` is None for those without any."""

    value: str | None
    failing: Failing


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """The runs of one intent or domain against the average of all.

    Args:
        runs: that have a score, as many as were seen; `count` is how many they stand for.
        mean_score: 0 to 3; `difference` is how much that is above the mean of all runs, these included.
        low, high: the difference's interval of 95 %; None where too few were seen for one.
    """

    value: str | None
    runs: int
    count: float
    mean_score: float
    difference: float
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityReport:
    """What the judged runs say.

    Args:
        runs: that were looked at, `whole` whether these are all of the chosen ones.
        mean_score: of all that have one.
        principles: the most frequent gap first.
        cells, standings: by domain and by intent; standings the worst first.
    """

    runs: int
    whole: bool
    mean_score: float | None
    principles: tuple[Failing, ...]
    cells: dict[Side, tuple[Cell, ...]]
    standings: dict[Side, tuple[Standing, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class GatePoint:
    """How many runs that began in one bucket of time the gate let pass, and how many it did not."""

    bucket: datetime
    passed: int
    failed: int


def quality_report(db: Database, chosen: TraceFilter) -> QualityReport:
    """What degrades the quality of the chosen runs.

    Raises:
        StorageError: the database did not answer.
    """
    runs = _judged(chosen)
    with reading(db, chosen) as connection:
        seen = connection.scalar(select(func.count()).select_from(_newest(chosen, MOST_RUNS + 1))) or 0
        principles = _by_principle(connection, runs) if seen else ()
        scored = _scored(connection, runs) if seen else ()
    everything = next((_moments(row) for row in scored if row.domains and row.intents), None)
    return QualityReport(
        runs=min(seen, MOST_RUNS),
        whole=seen <= MOST_RUNS,
        mean_score=everything.mean if everything else None,
        principles=_failing(row for row in principles if row.domains and row.intents),
        cells={side: _cells(principles, side) for side in SIDES},
        standings={side: _standings(scored, side, everything) for side in SIDES},
    )


def gate_over_time(db: Database, chosen: TraceFilter) -> tuple[GatePoint, ...]:
    """What the quality gate said by bucket of time, in order, empty buckets included; nothing where no gate said anything.

    Raises:
        StorageError: the database did not answer.
    """
    t, weight = traces.c, metrics.weight()
    judged = [t.quality_gate_passed.is_not(None), *conditions(chosen)]
    with reading(db, chosen) as connection:
        end = chosen.end or connection.execute(select(func.now())).scalar_one()
        start = chosen.start or connection.scalar(select(func.min(t.started_at)).where(*judged))
        if start is None:
            return ()
        granularity = chart_granularity(max(end - start, timedelta()))
        bucket = func.date_trunc(granularity, t.started_at, "UTC").label("bucket")
        passed = metrics.how_many(t.quality_gate_passed, weight).label("passed")
        failed = metrics.how_many(~t.quality_gate_passed, weight).label("failed")
        rows = connection.execute(select(bucket, passed, failed).where(*judged).group_by(bucket)).all()
    if not rows:
        return ()
    found = {
        row.bucket: GatePoint(bucket=row.bucket, passed=round(row.passed), failed=round(row.failed)) for row in rows
    }
    empty = {at: GatePoint(bucket=at, passed=0, failed=0) for at in bucket_starts(start, end, granularity)}
    return tuple(point for _, point in sorted((empty | found).items()))


def _newest(chosen: TraceFilter, limit: int) -> Any:
    """The newest judged runs. The two ways to be judged are looked up apart, as each has an index of its own."""
    t = traces.c
    score, gate = t.overall_quality_score, t.quality_gate_passed
    columns = (
        score.label("score"), t.principle_scores, t.gap_principles, t.domain, t.intent, t.started_at, t.trace_id,
        cast(metrics.weight(), Double).label("weight"),
    )  # fmt: skip
    order = (t.started_at.desc(), t.trace_id.desc())
    ways = ([score.is_not(None)], [score.is_(None), gate.is_not(None)])
    found = (select(*columns).where(*way, *conditions(chosen)).order_by(*order).limit(limit).subquery() for way in ways)
    judged = union_all(*(select(each) for each in found)).subquery()
    newest = select(judged).order_by(judged.c.started_at.desc(), judged.c.trace_id.desc())
    return newest.limit(limit).subquery()


def _judged(chosen: TraceFilter) -> CTE:
    return select(_newest(chosen, MOST_RUNS)).cte("judged").prefix_with("MATERIALIZED")


def _sides(of: Any, *first: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """Group by `first` alone, and by it with each side; `domains` and `intents` say which side was added up (1)."""
    sets = (tuple_(*first), tuple_(*first, of.domain), tuple_(*first, of.intent))
    return [func.grouping_sets(*sets)]


def _by_principle(connection: Connection, runs: CTE) -> Sequence[Row[Any]]:
    """How often each principle was looked at and failed: those scored, and those that a gate named without a score."""
    r = runs.c
    scored = func.jsonb_each_text(r.principle_scores).table_valued("id", "score").render_derived("scored")
    named = func.unnest(r.gap_principles).table_valued("id").render_derived("named")
    failed = func.coalesce(scored.c.id == func.any(r.gap_principles), False).label("failed")
    by_score = select(
        scored.c.id, cast(scored.c.score, Double).label("score"), failed, r.domain, r.intent, r.weight
    ).join_from(runs, scored, true())
    unscored = ~func.coalesce(r.principle_scores.has_key(named.c.id), False)
    by_name = select(
        named.c.id, cast(null(), Double).label("score"), true().label("failed"), r.domain, r.intent, r.weight
    ).join_from(runs, named, true())
    pairs = union_all(by_score, by_name.where(unscored)).subquery("pairs")
    p = pairs.c
    statement = select(
        p.id, p.domain, p.intent,
        func.grouping(p.domain).label("domains"), func.grouping(p.intent).label("intents"),
        func.count().label("runs"), func.sum(p.weight).label("stands_for"),
        func.sum(p.weight * p.weight).label("squares"),
        metrics.how_many(p.failed, p.weight).label("fails"),
        metrics.weighted_mean(p.score, p.weight).label("mean_score"),
    )  # fmt: skip
    return connection.execute(statement.group_by(*_sides(p, p.id)).limit(MOST_CELLS)).all()


def _scored(connection: Connection, runs: CTE) -> Sequence[Row[Any]]:
    """Of the scores of the runs: how many, and what their mean and spread are made from."""
    r = runs.c
    statement = select(
        r.domain, r.intent, func.grouping(r.domain).label("domains"), func.grouping(r.intent).label("intents"),
        func.count().label("runs"), func.sum(r.weight).label("stands_for"), func.sum(r.weight * r.weight).label("squares"),
        func.sum(r.weight * r.score).label("total"), func.sum(r.weight * r.score * r.score).label("total_squares"),
    )  # fmt: skip
    return connection.execute(statement.where(r.score.is_not(None)).group_by(*_sides(r)).limit(MOST_CELLS)).all()


def _failing(rows: Iterable[Row[Any]]) -> tuple[Failing, ...]:
    found = (_one_failing(row) for row in rows)
    return tuple(sorted(found, key=lambda each: (-each.fails, -each.rate, each.principle_id)))


def _one_failing(row: Row[Any]) -> Failing:
    rate = min(row.fails / row.stands_for, 1.0)
    return Failing(
        principle_id=row.id,
        runs=row.runs,
        count=row.stands_for,
        fails=row.fails,
        rate=rate,
        interval=wilson(rate, row.stands_for**2 / row.squares),
        mean_score=row.mean_score,
    )


def _cells(rows: Iterable[Row[Any]], side: Side) -> tuple[Cell, ...]:
    of_side = (row for row in rows if not getattr(row, f"{side}s"))
    return tuple(Cell(value=getattr(row, side), failing=_one_failing(row)) for row in of_side)


def _standings(rows: Iterable[Row[Any]], side: Side, everything: Moments | None) -> tuple[Standing, ...]:
    if everything is None:
        return ()
    found = [_standing(row, getattr(row, side), everything) for row in rows if not getattr(row, f"{side}s")]
    return tuple(sorted(found, key=lambda each: (each.difference, each.value or "")))


def _standing(row: Row[Any], value: str | None, everything: Moments) -> Standing:
    own = _moments(row)
    low, high = difference(own, everything) or (None, None)
    return Standing(
        value=value,
        runs=row.runs,
        count=row.stands_for,
        mean_score=own.mean,
        difference=own.mean - everything.mean,
        low=low,
        high=high,
    )


def _moments(row: Row[Any]) -> Moments:
    return Moments(count=row.stands_for, squares=row.squares, total=row.total, total_squares=row.total_squares)
