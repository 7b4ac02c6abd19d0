"""How many alert rules are in which state, and deliveries in which status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from tracing_core.alerts.state import StateName
from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import alert_deliveries, alert_rules, alert_states

STATUSES = ("waiting", "sending", "delivered", "failed", "unknown")


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertCounts:
    """Rules that are on by state, and deliveries by destination and status; each known state and status is there."""

    states: Mapping[str, int]
    deliveries: Mapping[tuple[str, str], int]


def alert_counts(db: Database) -> AlertCounts:
    """How many there are.

    Raises:
        StorageError: the database did not answer.
    """
    r, s, d = alert_rules.c, alert_states.c, alert_deliveries.c
    states = select(func.coalesce(s.state, StateName.UNKNOWN.value), func.count()).join_from(
        alert_rules, alert_states, isouter=True
    )
    deliveries = select(d.destination, d.status, func.count()).group_by(d.destination, d.status)
    with db.read() as connection:
        found: dict[str, int] = dict(connection.execute(states.where(r.enabled).group_by(s.state)).all())
        told = {(name, status): count for name, status, count in connection.execute(deliveries)}
    return AlertCounts(
        states={name.value: found.get(name.value, 0) for name in StateName},
        deliveries={(name, status): told.get((name, status), 0) for name, _ in told for status in STATUSES},
    )
