"""Research runs (seed B, section 6): lists, their summary, what principles fail, and two of them side by side.

Runs that sampling let stand for others count as often as they stand for, as everywhere; lists show each stored one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Double, FromClause, RowMapping, case, cast, func, literal_column, select

from tracing_core.errors import InvalidInput
from tracing_core.jsontext import storable
from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.query import metrics
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.reading import reading
from tracing_core.query.traces import LARGEST_PAGE
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces

GroupedBy = Literal["intent", "domain", "report_type", "research_type", "project"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRow:
    """A run as lists show it. `cost_usd` is that of its synthesis, else of all its model calls; `duration_seconds` in seconds."""

    trace_id: str
    project: str
    query: str | None
    intent: str | None
    domain: str | None
    report_type: str | None
    research_type: str | None
    status: TraceStatus
    error: str | None
    quality_flag: QualityFlag
    quality_gate_passed: bool | None
    overall_quality_score: float | None
    principle_scores: dict[str, float] | None
    gap_principles: tuple[str, ...] | None
    strength_principles: tuple[str, ...] | None
    iteration_count: int
    quality_gate_failures: int
    evidence_sources: tuple[str, ...] | None
    cost_usd: float | None
    duration_seconds: float | None
    started_at: datetime
    flagged_for_review: bool
    review_notes: str | None
    rating: int | None
    decision_count: int
    trace_file_path: str | None
    report_file_path: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunMeasures:
    """Some runs in numbers: counts, and the means of those that completed; None where none of them says. Seconds and dollars."""

    total_runs: int
    complete: int
    failed: int
    incomplete: int
    qg_passed: int
    qg_failed: int
    avg_quality: float | None
    avg_duration: float | None
    avg_cost: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunGroup:
    """The runs that have one value of what they are grouped by; None for those without any."""

    value: str | None
    measures: RunMeasures


@dataclass(frozen=True, kw_only=True, slots=True)
class PrinciplePattern:
    """How a principle fares over complete runs: in how many it was a gap, its mean score, and how many were scored by it."""

    principle_id: str
    fail_count: int
    avg_score: float | None
    total_runs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RunComparison:
    """Two runs and what the second has more than the first; what a run does not say counts as zero in a difference."""

    a: RunRow
    b: RunRow
    quality_delta: float
    duration_delta: float
    cost_delta: float
    gaps_a_only: tuple[str, ...]
    gaps_b_only: tuple[str, ...]
    gaps_both: tuple[str, ...]


def list_runs(db: Database, chosen: TraceFilter, limit: int = 50) -> tuple[RunRow, ...]:
    """The newest runs that the filter lets through, newest first.

    Args:
        db: where they are.
        chosen: which.
        limit: the most of them, 1 to 1,000.

    Raises:
        InvalidInput: `limit` cannot be used.
        StorageError: the database did not answer.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidInput("limit", f"is {limit}; give a number from 1 to {LARGEST_PAGE}")
    newest = (traces.c.started_at.desc(), traces.c.trace_id.desc())
    statement = select(*_columns()).where(*conditions(chosen)).order_by(*newest).limit(limit)
    with reading(db, chosen) as connection:
        return tuple(_row(row) for row in connection.execute(statement).mappings())


def get_run(db: Database, trace_id: str) -> RunRow | None:
    """One run; None when there is no such trace.

    Raises:
        StorageError: the database did not answer.
    """
    return get_runs(db, [trace_id]).get(trace_id)


def get_runs(db: Database, trace_ids: Sequence[str]) -> dict[str, RunRow]:
    """Some runs by their ids; those that are not there are left out.

    Raises:
        StorageError: the database did not answer.
    """
    statement = select(*_columns()).where(traces.c.trace_id.in_([storable(trace_id) for trace_id in trace_ids]))
    with db.read() as connection:
        return {row["trace_id"]: _row(row) for row in connection.execute(statement).mappings()}


def measure_runs(db: Database, chosen: TraceFilter) -> RunMeasures:
    """All runs that the filter lets through, in numbers.

    Raises:
        StorageError: the database did not answer.
    """
    with reading(db, chosen) as connection:
        return _measures(connection.execute(select(*_sums()).where(*conditions(chosen))).mappings().one())


def group_runs(db: Database, chosen: TraceFilter, by: GroupedBy) -> tuple[RunGroup, ...]:
    """The same by intent, domain or the like, the most frequent first.

    Raises:
        StorageError: the database did not answer.
    """
    value = traces.c[by].label("value")
    with reading(db, chosen) as connection:
        rows = connection.execute(select(value, *_sums()).where(*conditions(chosen)).group_by(value)).mappings().all()
    groups = [RunGroup(value=row["value"], measures=_measures(row)) for row in rows]
    return tuple(sorted(groups, key=lambda group: (-group.measures.total_runs, group.value or "")))


def principle_patterns(db: Database, chosen: TraceFilter, min_runs: int = 3) -> tuple[PrinciplePattern, ...]:
    """Which principles complete runs fall short of, the most frequent first.

    Args:
        db: where the runs are.
        chosen: which, besides that they are complete.
        min_runs: in how many runs a principle has to be a gap, to be in it.

    Raises:
        StorageError: the database did not answer.
    """
    weight = metrics.weight().label("weight")
    t, complete = traces.c, (traces.c.status == TraceStatus.COMPLETE, *conditions(chosen))
    failed = select(func.unnest(t.gap_principles).label("id"), weight).where(t.gap_principles.is_not(None), *complete)
    scored = func.jsonb_each_text(t.principle_scores).table_valued("id", "score").render_derived("scored")
    pairs = select(scored.c.id, scored.c.score, weight).where(t.principle_scores.is_not(None), *complete)
    fails, scores = failed.subquery(), pairs.join_from(traces, scored, literal_column("true")).subquery()
    with reading(db, chosen) as connection:
        gaps = connection.execute(select(fails.c.id, func.count(), func.sum(fails.c.weight)).group_by(fails.c.id)).all()
        given = connection.execute(
            select(
                scores.c.id,
                metrics.weighted_mean(cast(scores.c.score, Double), scores.c.weight),
                func.sum(scores.c.weight),
            ).group_by(scores.c.id)
        ).all()
    means = {principle: (mean, total) for principle, mean, total in given}
    found = [
        PrinciplePattern(
            principle_id=principle,
            fail_count=round(fail_count),
            avg_score=means.get(principle, (None, 0))[0],
            total_runs=round(max(fail_count, means.get(principle, (None, 0))[1])),
        )
        for principle, runs, fail_count in gaps
        if runs >= min_runs
    ]
    return tuple(sorted(found, key=lambda each: (-each.fail_count, each.principle_id)))


def compare_runs(db: Database, trace_id_a: str, trace_id_b: str) -> RunComparison | None:
    """Two runs side by side; None when one of them is not there.

    Raises:
        StorageError: the database did not answer.
    """
    a, b = get_run(db, trace_id_a), get_run(db, trace_id_b)
    if a is None or b is None:
        return None
    gaps_a, gaps_b = set(a.gap_principles or ()), set(b.gap_principles or ())
    return RunComparison(
        a=a,
        b=b,
        quality_delta=_difference(a.overall_quality_score, b.overall_quality_score),
        duration_delta=_difference(a.duration_seconds, b.duration_seconds),
        cost_delta=_difference(a.cost_usd, b.cost_usd),
        gaps_a_only=tuple(sorted(gaps_a - gaps_b)),
        gaps_b_only=tuple(sorted(gaps_b - gaps_a)),
        gaps_both=tuple(sorted(gaps_a & gaps_b)),
    )


def _difference(before: float | None, after: float | None) -> float:
    return round((after or 0) - (before or 0), 9)


def run_cost(of: FromClause = traces) -> ColumnElement[float]:
    """What a run cost in dollars: its synthesis as the run says it, else all its model calls."""
    return func.coalesce(of.c.synthesis_cost_usd, cast(of.c.cost_usd, Double))


def _columns() -> list[ColumnElement[Any]]:
    made: dict[str, ColumnElement[Any]] = {
        "cost_usd": run_cost().label("cost_usd"),
        "duration_seconds": (traces.c.duration_ms / 1000).label("duration_seconds"),
    }
    return [made[field.name] if field.name in made else traces.c[field.name] for field in fields(RunRow)]


def _row(row: RowMapping) -> RunRow:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    kinds = {"status": TraceStatus(values["status"]), "quality_flag": QualityFlag(values["quality_flag"])}
    return RunRow(**values | kinds)


def _sums() -> list[ColumnElement[Any]]:
    t, weight = traces.c, metrics.weight()
    counted: dict[str, ColumnElement[bool]] = {
        "total_runs": t.trace_id.is_not(None),
        "complete": t.status == TraceStatus.COMPLETE,
        "failed": t.status == TraceStatus.FAILED,
        "incomplete": t.status == TraceStatus.INCOMPLETE,
        "qg_passed": t.quality_gate_passed,
        "qg_failed": ~t.quality_gate_passed,
    }
    averaged: dict[str, ColumnElement[Any]] = {
        "avg_quality": t.overall_quality_score,
        "avg_duration": t.duration_ms / 1000,
        "avg_cost": run_cost(),
    }
    counts = (metrics.how_many(condition, weight).label(name) for name, condition in counted.items())
    complete = t.status == TraceStatus.COMPLETE
    means = (metrics.weighted_mean(case((complete, amount)), weight).label(name) for name, amount in averaged.items())
    return [*counts, *means]


def _measures(row: RowMapping) -> RunMeasures:
    counts = ("total_runs", "complete", "failed", "incomplete", "qg_passed", "qg_failed")
    means = ("avg_quality", "avg_duration", "avg_cost")
    return RunMeasures(**{name: round(row[name]) for name in counts}, **{name: row[name] for name in means})
