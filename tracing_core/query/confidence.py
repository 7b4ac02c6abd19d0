"""Confidence against outcome: the pairs that a reliability curve is made of, and the decisions that were wrong about themselves."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import select

from tracing_core.confidence import Pairs
from tracing_core.errors import InvalidInput
from tracing_core.query.decision_sample import Sample, sampled
from tracing_core.query.filters import TraceFilter
from tracing_core.query.outcomes import Outcome, check_outcome
from tracing_core.query.reading import reading
from tracing_core.storage.database import Database

By = Literal["all", "decision", "stage", "model", "project"]
Wrong = Literal["over", "under"]
MOST_PAIRS = 50_000
MIDDLE = 0.5
"""A confidence from here on says rather yes than no."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ConfidencePairs:
    """Confidences with their outcomes by what they were asked for by, and the traces that they are from.

    The empty name is that of decisions of the trace itself, or of no model; under `all` it is that of all of them.
    """

    pairs: dict[str, Pairs]
    sample: Sample

    @property
    def whole(self) -> Pairs:
        """All of them together."""
        return Pairs.joined(self.pairs.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class WrongDecision:
    """A decision whose confidence and outcome do not fit together. `query` is the trace's, up to 200 characters of it."""

    trace_id: str
    query: str | None
    started_at: datetime
    decision: str
    stage: str
    model: str | None
    what: Any
    confidence: float


def confidence_pairs(db: Database, chosen: TraceFilter, outcome: Outcome, by: By = "all") -> ConfidencePairs:
    """The chosen decisions that have a confidence and a known outcome, at most `MOST_PAIRS`.

    Args:
        db: where the traces are.
        chosen: which traces; with `chosen.decision` only decisions like that.
        outcome: by what it is told whether a trace turned out well.
        by: one set for all, or one for each type, stage, model or project.

    Raises:
        InvalidInput: there is no such outcome, or no such way to take them apart.
        StorageError: the database did not answer.
    """
    check_outcome(outcome)
    if by not in get_args(By):
        raise InvalidInput("by", f"must be one of {', '.join(get_args(By))}")
    with reading(db, chosen) as connection:
        made = sampled(connection, chosen, outcome, only_known=True)
        d = made.rows.c
        name = d.trace_id if by == "all" else d[by]
        told = select(name.label("name"), d.confidence, d.good, d.weight)
        found = connection.execute(told.where(d.confidence.is_not(None)).limit(MOST_PAIRS)).all()
    rows: dict[str, list[tuple[float, bool, float]]] = defaultdict(list)
    for row in found:
        rows["" if by == "all" else row.name or ""].append((row.confidence, row.good, row.weight))
    return ConfidencePairs(pairs={key: Pairs.of(each) for key, each in rows.items()}, sample=made.sample)


def wrong_decisions(
    db: Database, chosen: TraceFilter, outcome: Outcome, wrong: Wrong, *, limit: int = 20
) -> tuple[WrongDecision, ...]:
    """Decisions that were wrong about themselves, the worst first, the newest first of those that were equally wrong.

    Args:
        db: where the traces are.
        chosen: which traces; with `chosen.decision` only decisions like that.
        outcome: by what it is told whether a trace turned out well.
        wrong: `over` for confident ones whose trace turned out badly, `under` for unsure ones whose trace turned out well.
        limit: the most.

    Raises:
        InvalidInput: there is no such outcome, or `wrong` is neither.
        StorageError: the database did not answer.
    """
    check_outcome(outcome)
    if wrong not in get_args(Wrong):
        raise InvalidInput("wrong", f"must be one of {', '.join(get_args(Wrong))}")
    with reading(db, chosen) as connection:
        d = sampled(connection, chosen, outcome, only_known=True).rows.c
        names = (
            "trace_id", "query", "started_at", "decision", "stage", "model", "what", "confidence",
        )  # fmt: skip
        worst = d.confidence.desc() if wrong == "over" else d.confidence
        told = ~d.good & (d.confidence >= MIDDLE) if wrong == "over" else d.good & (d.confidence < MIDDLE)
        statement = select(*(d[name] for name in names)).where(d.confidence.is_not(None), told)
        order = (worst, d.started_at.desc(), d.trace_id, d.position)
        found = connection.execute(statement.order_by(*order).limit(limit)).mappings().all()
    return tuple(WrongDecision(**row) for row in found)
