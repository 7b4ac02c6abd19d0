"""Whether what keeps watch works itself: ratings that come in, costs that are known, alerts that are looked at and told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from tracing_core.query import metrics
from tracing_core.query.feedback import rated_count
from tracing_core.query.filters import TraceFilter
from tracing_core.query.measures import NOTHING, measures
from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import (
    alert_deliveries,
    alert_events,
    alert_rules,
    alert_states,
    waiting_feedback,
)

UNSEEN = "not looked at"
"""The state of a rule that is on and that nobody has evaluated yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertHealth:
    """How alerts are.

    Args:
        rules: those that are on, by state: ok, pending, firing, unknown, or UNSEEN.
        off: rules that are turned off.
        evaluated_at: when a rule was last looked at; None when none was ever.
        deliveries: of the events of the time asked for, by status: waiting, sending, delivered, failed or unknown.
    """

    rules: Mapping[str, int]
    off: int
    evaluated_at: datetime | None
    deliveries: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Watching:
    """What there is to say of a time.

    Args:
        traces: how many began in it; `rated` of these somebody rated, and `unpriced` used a model without a price.
        waiting_ratings: ratings whose trace has not come, of any time.
    """

    traces: int
    rated: float
    unpriced: int
    waiting_ratings: int
    alerts: AlertHealth

    @property
    def feedback_rate(self) -> float | None:
        """The share of traces that somebody rated, 0 to 1."""
        return metrics.feedback_rate(self.rated, self.traces)

    @property
    def unpriced_share(self) -> float | None:
        """The share of traces whose cost is not known, 0 to 1."""
        return metrics.share(self.unpriced, self.traces)


def watching(db: Database, since: datetime) -> Watching:
    """How watching went since then.

    Raises:
        StorageError: the database did not answer.
    """
    chosen = TraceFilter(start=since)
    with db.read() as connection:
        found = measures(connection, chosen, "all", histograms=False).get("", NOTHING)
        return Watching(
            traces=found.count,
            rated=rated_count(connection, chosen),
            unpriced=found.unpriced_count,
            waiting_ratings=connection.scalar(select(func.count()).select_from(waiting_feedback)) or 0,
            alerts=_alerts(connection, since),
        )


def _alerts(connection: Connection, since: datetime) -> AlertHealth:
    state = func.coalesce(alert_states.c.state, UNSEEN)
    on = alert_rules.c.enabled
    rules = select(on, state, func.count()).join_from(alert_rules, alert_states, isouter=True).group_by(on, state)
    found = connection.execute(rules).all()
    told = select(alert_deliveries.c.status, func.count()).join_from(alert_deliveries, alert_events)
    told = told.where(alert_events.c.happened_at >= since).group_by(alert_deliveries.c.status)
    return AlertHealth(
        rules={each: count for enabled, each, count in found if enabled},
        off=sum(count for enabled, _, count in found if not enabled),
        evaluated_at=connection.scalar(select(func.max(alert_states.c.evaluated_at))),
        deliveries=dict(connection.execute(told).all()),
    )
