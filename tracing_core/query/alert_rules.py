"""Alert rules with their states, what happened to them, and what became of the messages about it.

What calibration notices about runs is in `query.alerts`; these are the rules that people set up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on

from tracing_core.alert_settings import Destination
from tracing_core.alerts.event import AlertEvent
from tracing_core.alerts.rule import AlertRule
from tracing_core.alerts.rule_document import rule_of
from tracing_core.alerts.state import AlertState, EventKind, Sample, StateName, Verdict
from tracing_core.errors import InvalidInput
from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import alert_deliveries, alert_events, alert_rules, alert_states

_OPEN = ("waiting", "sending")


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleRow:
    """A rule as it is kept.

    Args:
        rule: None when what is kept cannot be read; `problem` says why.
        state: None as long as nobody has looked, and of a rule that is switched off.
    """

    rule_id: str
    name: str
    enabled: bool
    rule: AlertRule | None
    problem: str | None
    state: AlertState | None
    created_at: datetime
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryRow:
    """What became of telling one destination of one event.

    Args:
        status: waiting, sending, delivered, failed, or unknown: it may have arrived, and is not sent again by itself.
        attempts: how often it was sent so far.
        next_attempt_at: of what waits.
        last_error: what went wrong the last time.
        finished_at: None as long as it is open.
    """

    event_id: str
    destination: str
    status: str
    attempts: int
    next_attempt_at: datetime
    last_error: str | None
    finished_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class EventRow:
    """An event and its deliveries by name of destination; nobody was told of one without any."""

    event: AlertEvent
    deliveries: tuple[DeliveryRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DestinationHealth:
    """A destination and what became of what was sent there.

    Args:
        kind, shown: what it is and where it leads, without secrets; kind None when the settings do not name it any more.
        idempotent: whether it takes an event once however often it comes.
        waiting, failed, unknown, delivered: deliveries in that state; waiting includes the one that is being sent.
        last_delivered_at: None when nothing arrived yet.
        last_error: of the newest attempt that went wrong; None when there is none.
    """

    name: str
    kind: str | None
    shown: str
    idempotent: bool
    waiting: int
    delivered: int
    failed: int
    unknown: int
    last_delivered_at: datetime | None
    last_error: str | None


def alert_rule_rows(db: Database) -> tuple[RuleRow, ...]:
    """All rules by name.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        return read_rules(connection)


def alert_rule_row(db: Database, rule_id: str) -> RuleRow | None:
    """One rule; None when there is no such.

    Raises:
        StorageError: the database did not answer.
    """
    with db.read() as connection:
        found = connection.execute(_rules().where(alert_rules.c.rule_id == rule_id)).mappings().one_or_none()
    return None if found is None else _rule_row(found)


def read_rules(connection: Connection, *, hold: bool = False) -> tuple[RuleRow, ...]:
    """All rules by name, in the transaction of the caller; held, nobody changes them before it is over."""
    asked = _rules().order_by(alert_rules.c.name, alert_rules.c.rule_id)
    if hold:
        asked = asked.with_for_update(of=alert_rules, read=True)
    return tuple(map(_rule_row, connection.execute(asked).mappings()))


def newest_events(
    db: Database, *, rule_id: str | None = None, before: AlertEvent | None = None, limit: int = 50
) -> tuple[EventRow, ...]:
    """Events, the newest first.

    Args:
        db: where they are.
        rule_id: only those of one rule.
        before: only those that come after this one in the list, for the next page.
        limit: how many at most.

    Raises:
        StorageError: the database did not answer.
    """
    e = alert_events.c
    asked = select(alert_events).order_by(e.happened_at.desc(), e.event_id.desc()).limit(limit)
    if rule_id is not None:
        asked = asked.where(e.rule_id == rule_id)
    if before is not None:
        asked = asked.where(tuple_(e.happened_at, e.event_id) < (before.happened_at, before.event_id))
    return _events(db, asked)


def alert_event(db: Database, event_id: str) -> EventRow | None:
    """One event; None when there is no such.

    Raises:
        StorageError: the database did not answer.
    """
    found = _events(db, select(alert_events).where(alert_events.c.event_id == event_id))
    return found[0] if found else None


def destination_health(db: Database, destinations: Mapping[str, Destination]) -> tuple[DestinationHealth, ...]:
    """How sending goes: the destinations of the settings by name, then those that only past deliveries name.

    Args:
        db: where the deliveries are.
        destinations: `settings.alert_destinations`.

    Raises:
        StorageError: the database did not answer.
    """
    d = alert_deliveries.c
    counted = select(d.destination, d.status, func.count().label("n"), func.max(d.finished_at).label("last"))
    errors = select(d.destination, d.last_error).where(d.last_error.is_not(None)).ext(distinct_on(d.destination))
    newest = errors.order_by(d.destination, func.coalesce(d.finished_at, d.next_attempt_at).desc())
    counts: dict[str, dict[str, tuple[int, datetime | None]]] = defaultdict(dict)
    with db.read() as connection:
        for name, status, n, last in connection.execute(counted.group_by(d.destination, d.status)):
            counts[name][status] = (n, last)
        said: dict[str, str] = dict(connection.execute(newest).all())
    names = [*sorted(destinations), *sorted(set(counts) - set(destinations))]
    return tuple(_health(name, destinations.get(name), counts.get(name, {}), said.get(name)) for name in names)


def _health(
    name: str, about: Destination | None, counts: Mapping[str, tuple[int, datetime | None]], error: str | None
) -> DestinationHealth:
    def of(*statuses: str) -> int:
        return sum(counts.get(status, (0, None))[0] for status in statuses)

    return DestinationHealth(
        name=name,
        kind=None if about is None else about.kind,
        shown="not in TRACEWHY_ALERT_DESTINATIONS" if about is None else about.shown,
        idempotent=about is not None and about.idempotent,
        waiting=of(*_OPEN),
        delivered=of("delivered"),
        failed=of("failed"),
        unknown=of("unknown"),
        last_delivered_at=counts.get("delivered", (0, None))[1],
        last_error=error,
    )


def _rules() -> Select[Any]:
    s = alert_states.c
    states = (s.state, s.since, s.value, s.evaluated_at, s.document.label("state_document"))
    return select(*alert_rules.c, *states).outerjoin_from(alert_rules, alert_states)


def _rule_row(row: RowMapping) -> RuleRow:
    rule, problem = None, None
    try:
        rule = rule_of(row["document"])
    except InvalidInput as error:
        problem = str(error)
    same = ("rule_id", "name", "enabled", "created_at", "updated_at", "updated_by")
    return RuleRow(**{name: row[name] for name in same}, rule=rule, problem=problem, state=_state(row))


def _state(row: RowMapping) -> AlertState | None:
    if row["state"] is None:
        return None
    said = row["state_document"]
    told_at = said.get("told_at")
    return AlertState(
        name=StateName(row["state"]),
        since=row["since"],
        looked_at=row["evaluated_at"],
        verdict=Verdict(said.get("verdict", Verdict.UNKNOWN)),
        sample=Sample(
            value=row["value"],
            count=said.get("count", 0.0),
            last_week=said.get("last_week"),
            last_week_count=said.get("last_week_count", 0.0),
        ),
        told=tuple(said.get("told", ())),
        told_at=None if told_at is None else datetime.fromisoformat(told_at),
    )


def _events(db: Database, asked: Select[Any]) -> tuple[EventRow, ...]:
    d = alert_deliveries.c
    deliveries: dict[str, list[DeliveryRow]] = defaultdict(list)
    with db.read() as connection:
        rows: Sequence[RowMapping] = connection.execute(asked).mappings().all()
        of_these = select(alert_deliveries).where(d.event_id.in_([row["event_id"] for row in rows]))
        for each in connection.execute(of_these.order_by(d.event_id, d.destination)).mappings():
            deliveries[each["event_id"]].append(DeliveryRow(**each))
    return tuple(EventRow(event=event_in(row), deliveries=tuple(deliveries[row["event_id"]])) for row in rows)


def event_in(row: Mapping[str, Any] | RowMapping) -> AlertEvent:
    """The event of a row of `alert_events`."""
    said = row["document"]
    return AlertEvent(
        event_id=row["event_id"],
        kind=EventKind(row["kind"]),
        happened_at=row["happened_at"],
        rule_id=row["rule_id"],
        rule=rule_of(said["rule"]),
        value=row["value"],
        message=row["message"],
        window_end=datetime.fromisoformat(said["window_end"]),
        count=said["count"],
        last_week=said["last_week"],
    )
