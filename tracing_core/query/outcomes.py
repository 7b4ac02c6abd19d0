"""Whether a run turned out well, by one of four ways to tell; what confidence is held against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from sqlalchemy import ColumnElement, func, literal, select

from tracing_core.errors import InvalidInput
from tracing_core.query.filters import TraceFilter, conditions
from tracing_core.query.reading import reading
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces

Outcome = Literal["gate", "rating", "score", "evidence"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
"""By which an outcome may be told: the quality gate, people's ratings, the quality score, or whether evidence was used."""

GOOD_RATING = 4
"""The lowest rating that is good. Three of five stars are not: what is neither good nor bad did not keep its promise."""
GOOD_SCORE = 2.0
"""The lowest quality score of 3.0 that is good, as a quality gate has it by default (seed B)."""
LOOKED_AT = 5_000
"""Traces, in which it is found out by what outcomes are told at all."""

_t = traces.c
_EVIDENCE = func.coalesce(_t.evidence_used, _t.evidence_passed)
_TOLD_BY: Mapping[Outcome, ColumnElement[float]] = {
    "gate": _t.quality_gate_passed,
    "rating": _t.rating,
    "score": _t.overall_quality_score,
    "evidence": _EVIDENCE,
}


def check_outcome(outcome: str) -> None:
    """See that there is such an outcome.

    Raises:
        InvalidInput: there is not.
    """
    if outcome not in OUTCOMES:
        raise InvalidInput("outcome", f"must be one of {', '.join(OUTCOMES)}")


def known(outcome: Outcome) -> ColumnElement[bool]:
    """Whether it is known how a trace turned out."""
    return _TOLD_BY[outcome].is_not(None)


def good(outcome: Outcome, good_score: float = GOOD_SCORE) -> ColumnElement[bool]:
    """Whether a trace turned out well; NULL where that is not known.

    Args:
        outcome: told by what.
        good_score: the lowest quality score that is good, 0 to 3.
    """
    found: Mapping[Outcome, ColumnElement[bool]] = {
        "gate": _t.quality_gate_passed,
        "rating": _t.rating >= GOOD_RATING,
        "score": _t.overall_quality_score >= good_score,
        "evidence": _EVIDENCE > 0,
    }
    return found[outcome]


def known_outcomes(db: Database, chosen: TraceFilter) -> tuple[Outcome, ...]:
    """By which ways it is known how any of the newest chosen traces turned out, in the order of `OUTCOMES`.

    Ratings are few and have an index, so that those of all chosen traces are looked for.

    Raises:
        StorageError: the database did not answer.
    """
    where = [_t.decision_count > 0, *conditions(chosen)]
    rated = select(literal(1)).where(*where, known("rating")).exists()
    newest = select(*(known(each).label(each) for each in OUTCOMES)).where(*where)
    few = newest.order_by(_t.started_at.desc()).limit(LOOKED_AT).subquery()
    with reading(db, chosen) as connection:
        found = (
            connection.execute(select(*(func.bool_or(few.c[each]).label(each) for each in OUTCOMES))).mappings().one()
        )
        there = {**found, "rating": connection.scalar(select(rated))}
    return tuple(outcome for outcome in OUTCOMES if there[outcome])
