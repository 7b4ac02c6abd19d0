"""Write alert rules, and by hand what is done about them: switch on and off, silence, send again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from tracing_core.alerts.event import switched_off
from tracing_core.alerts.rule import AlertRule
from tracing_core.alerts.rule_document import rule_of
from tracing_core.alerts.state import StateName
from tracing_core.clock import Clock
from tracing_core.errors import InvalidInput
from tracing_core.ids import IdSource
from tracing_core.storage.alert_events import enter_event
from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import alert_deliveries, alert_rules, alert_states

_LONGEST_PERSON = 200


def create_rule(db: Database, rule: AlertRule, *, by: str, clock: Clock, ids: IdSource, enabled: bool = True) -> str:
    """Keep a new rule.

    Args:
        db: where.
        rule: what it is.
        by: who makes it, for the page.
        clock, ids: for its time and id.
        enabled: whether it is watched at once.

    Returns:
        Its id.

    Raises:
        StorageError: the database did not do it.
    """
    now, rule_id = clock.now(), f"rule_{ids.span_id()}"
    row = {
        "rule_id": rule_id, "name": rule.name, "enabled": enabled, "document": rule.document(), "created_at": now,
        "updated_at": now, "updated_by": _person(by),
    }  # fmt: skip
    with db.write(limited="in all") as connection:
        connection.execute(insert(alert_rules).values(row))
    return rule_id


def update_rule(db: Database, rule_id: str, rule: AlertRule, *, by: str, clock: Clock) -> None:
    """Put a rule in the place of what it was; its state stays, and the next look judges by the new rule.

    Raises:
        InvalidInput: there is no such rule.
        StorageError: the database did not do it.
    """
    with db.write(limited="in all") as connection:
        _change(connection, rule_id, by, clock.now(), name=rule.name, document=rule.document())


def silence_rule(db: Database, rule_id: str, until: datetime | None, *, by: str, clock: Clock) -> None:
    """Tell nobody of a rule before `until` (aware); None ends the silence.

    Raises:
        InvalidInput: there is no such rule, or the time has no zone.
        StorageError: the database did not do it.
    """
    with db.write(limited="in all") as connection:
        rule = replace(_rule(connection, rule_id), silenced_until=until)
        _change(connection, rule_id, by, clock.now(), document=rule.document())


def enable_rule(db: Database, rule_id: str, enabled: bool, *, by: str, clock: Clock) -> None:
    """Switch a rule on, or off; whom a firing was told are told that it is watched no more.

    Raises:
        InvalidInput: there is no such rule.
        StorageError: the database did not do it.
    """
    now = clock.now()
    with db.write(limited="in all") as connection:
        _change(connection, rule_id, by, now, enabled=enabled)
        if not enabled:
            _end(connection, rule_id, now, by)


def delete_rule(db: Database, rule_id: str, *, by: str, clock: Clock) -> None:
    """Remove a rule; its events stay. Whom a firing was told are told that it is watched no more.

    Raises:
        InvalidInput: there is no such rule.
        StorageError: the database did not do it.
    """
    with db.write(limited="in all") as connection:
        _locked(connection, rule_id)
        _end(connection, rule_id, clock.now(), by)
        connection.execute(delete(alert_rules).where(alert_rules.c.rule_id == rule_id))


def send_again(db: Database, event_id: str, destination: str, *, clock: Clock) -> None:
    """Send an event once more to a destination where it failed, or where nobody knows whether it arrived.

    Raises:
        InvalidInput: there is no such delivery that is over without having arrived.
        StorageError: the database did not do it.
    """
    d = alert_deliveries.c
    over = (d.event_id == event_id, d.destination == destination, d.status.in_(["failed", "unknown"]))
    values = {"status": "waiting", "next_attempt_at": clock.now(), "finished_at": None}
    with db.write(limited="in all") as connection:
        if not connection.execute(update(alert_deliveries).where(*over).values(values)).rowcount:
            raise InvalidInput("destination", "has no failed or unknown delivery of this event; nothing was sent")


def _person(by: str) -> str:
    return by.strip()[:_LONGEST_PERSON]


def _locked(connection: Connection, rule_id: str) -> dict[str, Any]:
    """The row of a rule, which nobody else changes or looks at meanwhile."""
    asked = select(alert_rules).where(alert_rules.c.rule_id == rule_id).with_for_update()
    found = connection.execute(asked).mappings().one_or_none()
    if found is None:
        raise InvalidInput("rule_id", "is of no rule that is there; it may have been deleted meanwhile")
    return dict(found)


def _rule(connection: Connection, rule_id: str) -> AlertRule:
    return rule_of(_locked(connection, rule_id)["document"])


def _change(connection: Connection, rule_id: str, by: str, now: datetime, **values: Any) -> None:
    _locked(connection, rule_id)
    changed = update(alert_rules).where(alert_rules.c.rule_id == rule_id)
    connection.execute(changed.values(**values, updated_at=now, updated_by=_person(by)))


def _end(connection: Connection, rule_id: str, now: datetime, by: str) -> None:
    """Forget the state of a rule, and tell who was told that it fires."""
    of_rule = alert_states.c.rule_id == rule_id
    state = connection.execute(select(alert_states).where(of_rule).with_for_update()).mappings().one_or_none()
    if state is None:
        return
    connection.execute(delete(alert_states).where(of_rule))
    if state["state"] != StateName.FIRING.value:
        return
    with suppress(InvalidInput):  # a rule that cannot be read fires no more, and must still be removable
        event = switched_off(rule_id, _rule(connection, rule_id), now, _person(by))
        enter_event(connection, event, state["document"].get("told") or ())
