"""Store a rating, and let it count: the trace's flag and the rollups follow in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select, update
from sqlalchemy.dialects.postgresql import insert

from tracing_core.errors import TraceNotFound
from tracing_core.model import Feedback
from tracing_core.quality import QualityRules, length
from tracing_core.rollups import Key, Rollup, coarser, trace_keys, weight_of
from tracing_core.storage.database import Database
from tracing_core.storage.rollup_write import add_rollups
from tracing_core.storage.tables import feedback, traces

Keep = Callable[[str, Sequence[Feedback]], object]
"""Takes the project of a trace and all that was said of it."""


def keep_nowhere(_project: str, _ratings: Sequence[Feedback]) -> None:
    """Where nothing is kept besides."""


def put_feedback(database: Database, given: Feedback, rules: QualityRules, keep: Keep = keep_nowhere) -> Feedback:
    """Store `given`, or update what the same user said of the same trace before.

    Args:
        database: where to.
        given: the rating.
        rules: by which it changes the flag of its trace.
        keep: called while the row of the trace is locked, so that what is kept elsewhere is in the same order.

    Returns:
        The feedback as it is stored: an update keeps its first id and time.

    Raises:
        TraceNotFound: no such trace is stored.
    """
    with database.write(limited="in all") as connection:
        minutes: dict[Key, Rollup] = {}
        stored = count_in(connection, given, rules, minutes, keep)
        add_rollups(connection, coarser(minutes))
    return stored


def count_in(
    connection: Connection, given: Feedback, rules: QualityRules, minutes: dict[Key, Rollup], keep: Keep
) -> Feedback:
    """The same within a transaction; what changes in the rollups is added to those by the minute.

    Raises:
        TraceNotFound: no such trace is stored.
    """
    trace = _locked_trace(connection, given.trace_id)
    before = _rating_of(connection, given)
    stored = connection.execute(_upsert(given)).mappings().one()
    lowest = connection.scalar(select(func.min(feedback.c.rating)).where(feedback.c.trace_id == given.trace_id))
    flag = rules.flag(answer_chars=length(trace["answer"]), confidence=trace["confidence"], rating=lowest)
    _update_trace(connection, given, lowest, flag)
    change = Rollup(rating_sum=given.rating - (before or 0), rating_count=0 if before else 1)
    if flag != trace["quality_flag"]:
        change.flags = {flag: 1, trace["quality_flag"]: -1}
    for key in trace_keys(dict(trace)):
        minutes.setdefault(key, Rollup()).add(change, weight_of(dict(trace)))
    keep(trace["project"], _said_of(connection, given.trace_id))
    return Feedback(**stored)


def feedback_of(database: Database, trace_id: str) -> list[Feedback]:
    """All that was said of a trace.

    Raises:
        StorageError: the database did not answer.
    """
    with database.read() as connection:
        return _said_of(connection, trace_id)


def _said_of(connection: Connection, trace_id: str) -> list[Feedback]:
    statement = select(feedback).where(feedback.c.trace_id == trace_id).order_by(feedback.c.user_id)
    return [Feedback(**row) for row in connection.execute(statement).mappings()]


_NEEDED = (
    "project", "started_at", "library", "model", "confidence", "quality_flag", "answer", "sampling_probability",
)  # fmt: skip


def _locked_trace(connection: Connection, trace_id: str) -> RowMapping:
    columns = [traces.c[name] for name in _NEEDED]
    statement = select(*columns).where(traces.c.trace_id == trace_id).with_for_update()
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise TraceNotFound(f"there is no trace {trace_id}")
    return row


def _rating_of(connection: Connection, given: Feedback) -> int | None:
    same = (feedback.c.trace_id == given.trace_id) & (feedback.c.user_id == given.user_id)
    return connection.scalar(select(feedback.c.rating).where(same))


def _upsert(given: Feedback) -> Any:
    values = {column.name: getattr(given, column.name) for column in feedback.columns}
    changed = {name: values[name] for name in ("rating", "comment", "updated_at")}
    statement = insert(feedback).values(values)
    statement = statement.on_conflict_do_update(index_elements=["trace_id", "user_id"], set_=changed)
    return statement.returning(*feedback.columns)


def _update_trace(connection: Connection, given: Feedback, lowest: int | None, flag: str) -> None:
    connection.execute(
        update(traces)
        .where(traces.c.trace_id == given.trace_id)
        .values(rating=lowest, quality_flag=flag, updated_at=given.updated_at)
    )
