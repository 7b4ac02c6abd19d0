"""Looks at every rule once a minute: its number, what that means, and what there is to tell, entered all at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tracing_core.alerts.event import event_of
from tracing_core.alerts.rule import AlertRule
from tracing_core.alerts.state import AlertState, Sample, step
from tracing_core.query.alert_rules import RuleRow, alert_rule_rows, read_rules
from tracing_core.query.alert_values import samples
from tracing_core.rollups import bucket_start
from tracing_core.storage.alert_events import enter_event, enter_states, evaluate_alone
from tracing_core.storage.database import Database
from tracing_core.storage.upkeep_lock import EVALUATION_LOCK, alone


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """What one look came to: rules that were looked at, events that it made, and rules that cannot be read."""

    rules: int
    events: int
    unreadable: tuple[str, ...] = ()


def window_end(at: datetime, delay: timedelta) -> datetime:
    """Where the windows of a look at `at` end: `delay` before, as a trace is stored when it is over, and a window that is
    looked at too early lacks the slowest ones; a whole minute, as rollups are by the minute.
    """
    return bucket_start(at - delay, "minute")


def evaluate(db: Database, now: datetime, delay: timedelta) -> Evaluated:
    """Look at all rules that are on, and that nobody has looked at in this minute.

    Args:
        db: where rules and traces are.
        now: the time of now.
        delay: how long before now the windows end.

    Raises:
        Busy: another process does it.
        StorageError: the database did not do it; nothing was entered, and the next look does it.
    """
    at = bucket_start(now, "minute")
    with alone(db, EVALUATION_LOCK):
        rows = alert_rule_rows(db)
        unreadable = tuple(row.name for row in rows if row.enabled and row.rule is None)
        due = {row.rule_id: row.rule for row in rows if row.rule is not None and _is_due(row, at)}
        if not due:
            return Evaluated(rules=0, events=0, unreadable=unreadable)
        end = window_end(at, delay)
        found = samples(db, list(due.values()), end, now)
        seen = {rule_id: (rule, sample) for (rule_id, rule), sample in zip(due.items(), found, strict=True)}
        return Evaluated(rules=len(due), events=_enter(db, seen, at, end), unreadable=unreadable)


def _is_due(row: RuleRow, at: datetime) -> bool:
    return row.enabled and (row.state is None or row.state.looked_at < at)


def _enter(db: Database, seen: dict[str, tuple[AlertRule, Sample]], at: datetime, end: datetime) -> int:
    """Judge the numbers, and enter what that comes to; a rule that was changed meanwhile waits for the next minute."""
    states: dict[str, AlertState] = {}
    events = 0
    with db.write(limited="in all") as connection:
        evaluate_alone(connection)
        for row in read_rules(connection, hold=True):
            rule, sample = seen.get(row.rule_id, (None, None))
            if rule is None or sample is None or row.rule != rule or not _is_due(row, at):
                continue
            states[row.rule_id], happening = step(rule, row.state, at, sample)
            if happening is not None:
                enter_event(connection, event_of(row.rule_id, rule, happening, at, sample, end), happening.tell)
                events += 1
        enter_states(connection, states)
    return events
