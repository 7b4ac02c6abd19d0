"""Ratings that come before the trace they are of: they wait until it is stored, and count in the transaction that stores it.

Who rates claims the id of the trace as one does who stores it, so each of the two either sees what the other did, or waits
until the other is done: no rating stays behind.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from tracing_core.errors import Overloaded, TraceNotFound
from tracing_core.ledger import RATINGS, Ledger, Outcome
from tracing_core.model import Feedback, WaitingFeedback
from tracing_core.quality import QualityRules
from tracing_core.rollups import Key, Rollup, coarser
from tracing_core.storage.database import Database
from tracing_core.storage.feedback_write import Keep, count_in
from tracing_core.storage.ledger_write import add_to_ledger
from tracing_core.storage.monitoring_tables import waiting_feedback
from tracing_core.storage.rollup_write import add_rollups
from tracing_core.storage.tables import traces
from tracing_core.storage.verdicts import left_out_before

MOST_WAITING = 10_000
"""Ratings that may wait at a time; who sends ids that nobody ever comes with fills no disk."""
_AT_A_TIME = 500
_ANY_WAITS = text("SELECT EXISTS (SELECT FROM waiting_feedback)")
"""Asked first, since to send the ids of a batch costs more than all the rest of it."""
_TAKE = text(
    "DELETE FROM waiting_feedback WHERE trace_id = ANY (:ids) "
    "RETURNING trace_id, user_id, feedback_id, rating, comment, created_at, updated_at"
)
_RETRY_SECONDS = 60.0


def keep_waiting(database: Database, given: Feedback) -> WaitingFeedback | None:
    """Keep `given` until its trace comes, or change what the same user said before.

    Returns:
        What waits now, with its first id and time; None when the trace is stored meanwhile.

    Raises:
        TraceNotFound: the trace will not come, since sampling left it out.
        Overloaded: as many as may wait do.
        StorageError: the database did not take it.
    """
    with database.write(limited="in all") as connection:
        if not _claim(connection, given.trace_id):
            return None
        if left_out_before(connection, [given.trace_id]):
            raise TraceNotFound(f"trace {given.trace_id} was left out by sampling, so it cannot be rated")
        if (connection.scalar(select(func.count()).select_from(waiting_feedback)) or 0) >= MOST_WAITING:
            raise Overloaded(_RETRY_SECONDS)
        return WaitingFeedback(**connection.execute(_upsert(given)).mappings().one())


def lowest_waiting(connection: Connection, ids: Collection[str]) -> dict[str, int]:
    """The lowest rating that waits for each of some traces; without those that none waits for."""
    if not ids:
        return {}
    of_them = waiting_feedback.c.trace_id.in_(ids)
    lowest = select(waiting_feedback.c.trace_id, func.min(waiting_feedback.c.rating)).where(of_them)
    return dict(connection.execute(lowest.group_by(waiting_feedback.c.trace_id)).all())


def count_waiting_for(
    connection: Connection, ids: Collection[str], rules: QualityRules, minutes: dict[Key, Rollup], keep: Keep
) -> int:
    """Let what waited for some traces, which this transaction stored, count; gives how many ratings that were.

    Args:
        connection: of the transaction.
        ids: of the traces.
        rules: by which a rating changes the flag of a trace.
        minutes: rollups by the minute; what changes in them is added.
        keep: is given all ratings of a trace, to be kept elsewhere.
    """
    if not ids:
        return 0
    if not connection.execute(_ANY_WAITS).scalar_one():
        return 0
    taken = connection.execute(_TAKE, {"ids": list(ids)}).mappings()
    found = sorted(taken, key=lambda row: (row["trace_id"], row["user_id"]))
    for row in found:
        count_in(connection, Feedback(**row), rules, minutes, keep)
    return len(found)


def count_all_waiting(database: Database, rules: QualityRules, keep: Keep) -> int:
    """Let what waits for traces that are stored count, which a rebuild may have left; gives how many ratings that were.

    Raises:
        StorageError: the database did not do all of it; another run goes on.
    """
    stored = select(waiting_feedback.c.trace_id).join(traces, traces.c.trace_id == waiting_feedback.c.trace_id)
    counted = 0
    while True:
        with database.write(limited="in all") as connection:
            ids = connection.execute(stored.distinct().limit(_AT_A_TIME)).scalars().all()
            minutes: dict[Key, Rollup] = {}
            counted += count_waiting_for(connection, ids, rules, minutes, keep)
            add_rollups(connection, coarser(minutes))
        if not ids:
            return counted


def give_up_waiting(database: Database, before: datetime, now: datetime) -> int:
    """Remove what waits since before then, and enter it into the ledger as dropped; gives how many ratings that were.

    Raises:
        StorageError: nothing was removed.
    """
    with database.write(limited="in all") as connection:
        gone = connection.execute(delete(waiting_feedback).where(waiting_feedback.c.updated_at < before)).rowcount
        ledger = Ledger()
        ledger.note(now.date(), RATINGS, Outcome.DROPPED, "the trace that it is of did not come in time", gone)
        add_to_ledger(connection, ledger)
    return gone


def _claim(connection: Connection, trace_id: str) -> bool:
    """Hold the id of a trace until the end of the transaction, as one does who stores it; False when it is stored.

    The row is gone again before anybody could see it. Who stores the trace meanwhile waits for this transaction, and this
    waits for one that is storing it now.
    """
    row: Mapping[str, Any] = {
        "trace_id": trace_id, "project": "", "name": "", "source": "", "status": "", "started_at": func.now(),
        "quality_flag": "NORMAL", "span_count": 0, "decision_count": 0, "schema_version": 0,
    }  # fmt: skip
    claimed = connection.execute(insert(traces).values(row).on_conflict_do_nothing()).rowcount
    if claimed:
        connection.execute(delete(traces).where(traces.c.trace_id == trace_id))
    return bool(claimed)


def _upsert(given: Feedback) -> Any:
    values = {column.name: getattr(given, column.name) for column in waiting_feedback.columns}
    changed = {name: values[name] for name in ("rating", "comment", "updated_at")}
    statement = insert(waiting_feedback).values(values)
    statement = statement.on_conflict_do_update(index_elements=["trace_id", "user_id"], set_=changed)
    return statement.returning(*waiting_feedback.columns)
