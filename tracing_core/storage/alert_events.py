"""Enter states of alert rules, events, and whom to tell of them, in the transaction of the caller: all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from tracing_core.alerts.event import AlertEvent
from tracing_core.alerts.state import AlertState
from tracing_core.storage.monitoring_tables import alert_deliveries, alert_events, alert_states

_TRANSACTION_LOCK = 7_201_113_120_006


def enter_states(connection: Connection, states: Mapping[str, AlertState]) -> None:
    """Keep the states of rules, by rule, in the place of what they were."""
    rows = [{"rule_id": rule_id, **_columns(states[rule_id])} for rule_id in sorted(states)]
    if rows:
        statement = insert(alert_states).values(rows)
        new = {name: statement.excluded[name] for name in rows[0] if name != "rule_id"}
        connection.execute(statement.on_conflict_do_update(index_elements=["rule_id"], set_=new))


def _columns(state: AlertState) -> dict[str, Any]:
    return {
        "state": state.name.value, "since": state.since, "value": state.sample.value, "evaluated_at": state.looked_at,
        "document": {
            "verdict": state.verdict.value, "count": state.sample.count, "last_week": state.sample.last_week,
            "last_week_count": state.sample.last_week_count, "told": list(state.told),
            "told_at": None if state.told_at is None else state.told_at.isoformat(),
        },
    }  # fmt: skip


def enter_event(connection: Connection, event: AlertEvent, tell: Iterable[str]) -> None:
    """Keep an event, with a delivery for each destination in `tell`; one that is there already stays as it is."""
    row = {
        "event_id": event.event_id, "rule_id": event.rule_id, "rule_name": event.rule.name, "kind": event.kind.value,
        "happened_at": event.happened_at, "value": event.value, "message": event.message, "document": event.document(),
    }  # fmt: skip
    entered = insert(alert_events).values(row).on_conflict_do_nothing().returning(alert_events.c.event_id)
    if connection.execute(entered).one_or_none() is None:
        return
    deliveries = [
        {"event_id": event.event_id, "destination": each, "status": "waiting", "next_attempt_at": event.happened_at}
        for each in tell
    ]
    if deliveries:
        connection.execute(insert(alert_deliveries).values(deliveries))


def evaluate_alone(connection: Connection) -> None:
    """Let no other transaction judge rules until this one is over, whatever became of the lock that is held beside it."""
    connection.execute(select(func.pg_advisory_xact_lock(_TRANSACTION_LOCK)))
