"""What calibration asks of runs: how often a principle fails, averages, the run before, confidences with outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Double, Select, cast, func, literal, select, union_all

from tracing_core.jsontext import storable
from tracing_core.model import TraceStatus
from tracing_core.query import metrics
from tracing_core.query.outcomes import good, known
from tracing_core.storage.database import Database
from tracing_core.storage.tables import decisions, traces

NEWEST_RUNS = 5_000
"""Runs that an average is taken of."""
NEWEST_DECISIONS = 2_000
"""Decisions that a calibration error is taken of."""
_MOST_TYPES = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedRun:
    """What a run says that calibration goes by."""

    trace_id: str
    project: str
    source: str
    status: TraceStatus
    started_at: datetime
    intent: str | None
    domain: str | None
    quality_gate_passed: bool | None
    overall_quality_score: float | None
    gap_principles: tuple[str, ...]

    @property
    def is_judged(self) -> bool:
        """Whether its quality gate said anything."""
        said = (self.quality_gate_passed, self.overall_quality_score)
        return bool(self.gap_principles) or any(each is not None for each in said)


@dataclass(frozen=True, kw_only=True, slots=True)
class Averages:
    """Mean quality scores: of the runs that share a value, how many these are, and of all."""

    own: float
    count: int
    overall: float


def judged_run(db: Database, trace_id: str) -> JudgedRun | None:
    """What the row of a trace says; None when there is no such trace.

    Raises:
        StorageError: the database did not answer.
    """
    names = JudgedRun.__dataclass_fields__
    with db.read() as connection:
        found = connection.execute(
            select(*(traces.c[name] for name in names)).where(traces.c.trace_id == storable(trace_id))
        )
        row = found.mappings().one_or_none()
    if row is None:
        return None
    gaps, status = tuple(row["gap_principles"] or ()), TraceStatus(row["status"])
    return JudgedRun(**{**row, "gap_principles": gaps, "status": status})


def count_gaps(db: Database, principle: str, since: datetime, until: datetime, project: str | None) -> int:
    """How many runs that began from `since` on and before `until` have this gap.

    Args:
        project: counts its runs alone; None counts all.

    Raises:
        StorageError: the database did not answer.
    """
    t = traces.c
    within = (t.started_at >= since, t.started_at < until, *_of(project))
    with db.read() as connection:
        return (
            connection.scalar(
                select(func.count()).select_from(traces).where(t.gap_principles.contains([principle]), *within)
            )
            or 0
        )


def average_scores(
    db: Database, values: Mapping[Literal["intent", "domain"], str], project: str | None
) -> dict[str, Averages]:
    """The mean score of the newest complete runs with an intent or a domain beside that of all; nothing where none has a score.

    Args:
        db: where the runs are.
        values: which intent and domain, in one question: all of it is about the same runs.
        project: takes its runs alone; None takes all.

    Raises:
        StorageError: the database did not answer.
    """
    score, weight = traces.c.overall_quality_score, cast(metrics.weight(), Double).label("weight")
    scored = select(score.label("score"), weight).where(
        score.is_not(None), traces.c.status == TraceStatus.COMPLETE, *_of(project)
    )
    newest = scored.order_by(traces.c.started_at.desc()).limit(NEWEST_RUNS)
    some: dict[str, Select[Any]] = {
        "overall": newest,
        **{by: newest.where(traces.c[by] == value) for by, value in values.items()},
    }
    with db.read() as connection:
        found = connection.execute(union_all(*(_mean(name, runs) for name, runs in some.items())))
        means = {name: (mean, count) for name, mean, count in found if mean is not None}
    overall, _ = means.pop("overall", (0.0, 0))
    return {by: Averages(own=mean, count=count, overall=overall) for by, (mean, count) in means.items()}


def _mean(name: str, runs: Select[Any]) -> Select[Any]:
    of = runs.subquery()
    return select(literal(name), metrics.weighted_mean(of.c.score, of.c.weight), func.count())


def passed_before(db: Database, run: JudgedRun) -> bool | None:
    """Whether the quality gate let the run before this one of its project pass; None when there was none with a gate.

    Raises:
        StorageError: the database did not answer.
    """
    t = traces.c
    before = select(t.quality_gate_passed).where(
        t.project == run.project, t.quality_gate_passed.is_not(None),
        t.started_at <= run.started_at, t.trace_id != run.trace_id,
    )  # fmt: skip
    with db.read() as connection:
        return connection.scalar(before.order_by(t.started_at.desc(), t.trace_id.desc()).limit(1))


def decision_types(db: Database, trace_id: str) -> tuple[str, ...]:
    """The types of a trace's decisions that have a confidence.

    Raises:
        StorageError: the database did not answer.
    """
    d = decisions.c
    own = select(d.decision).where(d.trace_id == trace_id, d.confidence.is_not(None)).distinct()
    with db.read() as connection:
        return tuple(connection.execute(own.order_by(d.decision).limit(_MOST_TYPES)).scalars())


def gate_pairs(
    db: Database, project: str, decision: str, since: datetime, until: datetime
) -> list[tuple[float, bool, float]]:
    """Confidence, whether the gate let the run pass, and how many it stands for: the newest decisions of a type and time.

    Raises:
        StorageError: the database did not answer.
    """
    d = decisions.c
    told = select(d.confidence, good("gate").label("good"), cast(metrics.weight(), Double).label("weight"))
    joined = told.join_from(decisions, traces, traces.c.trace_id == d.trace_id)
    wanted = joined.where(
        d.decision == decision, d.decided_at >= since, d.decided_at < until,
        d.project == project, d.confidence.is_not(None), known("gate"),
    )  # fmt: skip
    with db.read() as connection:
        found = connection.execute(wanted.order_by(d.decided_at.desc()).limit(NEWEST_DECISIONS))
        return [(row.confidence, row.good, row.weight) for row in found]


def _of(project: str | None) -> list[ColumnElement[bool]]:
    return [] if project is None else [traces.c.project == project]
