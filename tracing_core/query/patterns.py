"""What is asked, and how well it is answered: from some of the chosen traces, drawn at random where they are many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from tracing_core.evidence_gaps import Best, best_scores, gap_of, low_scores, says_of_evidence
from tracing_core.model import QualityFlag
from tracing_core.patterns import Patterns, Question, patterns
from tracing_core.query.filters import TraceFilter
from tracing_core.query.reading import reading
from tracing_core.query.trace_sample import Drawn, Row, drawn
from tracing_core.query.traces import TraceRow, trace_columns, trace_row
from tracing_core.storage.database import Database
from tracing_core.storage.payloads import spans_in, stored_parts
from tracing_core.storage.tables import traces

MOST_QUESTIONS, MOST_BEFORE, MOST_SCORED = 5_000, 2_500, 800
"""Questions of the period, and of the one before; those of which the scores of what was found are read."""
_LONGEST = 1_000
_AT_A_TIME = 100
_t = traces.c
_COLUMNS = (
    _t.trace_id, _t.started_at, func.left(_t.query, _LONGEST).label("query"), _t.quality_flag, _t.confidence, _t.rating,
    _t.duration_ms, _t.cost_usd, _t.library, _t.evidence_collected, _t.evidence_passed, _t.evidence_retrieved,
    _t.evidence_used, _t.citations_count,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class QuestionPatterns:
    """What was asked.

    Args:
        drawn: the questions that were looked at; `before` those of the period before, None where there is none.
        scored: of how many of them the scores of what was found were read.
    """

    found: Patterns
    drawn: Drawn
    before: Drawn | None
    scored: int


def question_patterns(db: Database, chosen: TraceFilter, before: TraceFilter | None = None) -> QuestionPatterns:
    """The kinds of questions among the chosen traces, and those that got no good evidence.

    Args:
        db: where they are.
        chosen: which.
        before: those of the period before; None for no trend.

    Raises:
        StorageError: the database did not answer.
    """
    with reading(db, chosen) as connection:
        rows, sample = drawn(connection, chosen, MOST_QUESTIONS, _COLUMNS, _t.query.is_not(None))
        best = _best(connection, rows[:MOST_SCORED])
        earlier, earlier_sample = (
            ([], None) if before is None else drawn(connection, before, MOST_BEFORE, _COLUMNS, _t.query.is_not(None))
        )
    low = low_scores(best)
    asked = [_question(row, row["trace_id"] in low) for row in rows]
    was = [_question(row, low_score=False) for row in earlier] or None  # where nothing was asked, nothing is new
    return QuestionPatterns(found=patterns(asked, was), drawn=sample, before=earlier_sample, scored=len(best))


def trace_rows(db: Database, ids: Sequence[str]) -> tuple[TraceRow, ...]:
    """The traces with these ids as a list shows them, in the order of the ids; those that are gone are left out.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        found = connection.execute(select(*trace_columns()).where(_t.trace_id.in_(list(ids)))).mappings()
        rows = {row["trace_id"]: trace_row(row) for row in found}
    return tuple(rows[trace_id] for trace_id in ids if trace_id in rows)


def _best(connection: Connection, rows: Sequence[Row]) -> dict[str, Best]:
    found: dict[str, Best] = {}
    for start in range(0, len(rows), _AT_A_TIME):
        contents = stored_parts(
            connection, [(row["trace_id"], row["started_at"]) for row in rows[start : start + _AT_A_TIME]]
        )
        found |= {trace_id: best_scores(spans_in(parts)) for trace_id, parts in contents.items()}
    return {trace_id: best for trace_id, best in found.items() if best}


def _question(row: Mapping[str, Any], low_score: bool) -> Question:
    says = low_score or says_of_evidence(row)
    return Question(
        trace_id=row["trace_id"],
        text=" ".join(row["query"].split()),
        started_at=row["started_at"],
        weight=row["weight"],
        flagged=row["quality_flag"] != QualityFlag.NORMAL,
        confidence=row["confidence"],
        rating=row["rating"],
        duration_ms=row["duration_ms"],
        cost_usd=None if row["cost_usd"] is None else float(row["cost_usd"]),
        library=row["library"],
        says_of_evidence=says,
        gap=gap_of(row, low_score) if says else None,
    )
