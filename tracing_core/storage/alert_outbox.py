"""The deliveries of events as an outbox: each is marked in a transaction of its own before it is sent, and after."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, or_, select, update

from tracing_core.alerts.event import AlertEvent
from tracing_core.query.alert_rules import event_in
from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import alert_deliveries, alert_events

INTERRUPTED = "the process that sent it ended meanwhile; it may have arrived"
_OPEN = ("waiting", "sending")


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A delivery that is to be sent now: the event, where to, and the how many-th attempt it is."""

    event: AlertEvent
    destination: str
    attempt: int


def take_up(db: Database, idempotent: Collection[str], now: datetime) -> tuple[tuple[str, str], ...]:
    """Settle what a process that is gone was sending: again where an event is taken once, else it is unknown.

    Only for who holds the lock of delivery, so that nobody else is sending.

    Args:
        db: where the outbox is.
        idempotent: the destinations that take an event once however often it comes.
        now: the time of now.

    Returns:
        Event id and destination of those that are unknown now.

    Raises:
        StorageError: the database did not do it.
    """
    d = alert_deliveries.c
    known = d.destination.in_(sorted(idempotent))
    again = {"status": "waiting", "next_attempt_at": now, "last_error": INTERRUPTED}
    lost = {"status": "unknown", "finished_at": now, "last_error": INTERRUPTED}
    with db.write(limited="in all") as connection:
        connection.execute(update(alert_deliveries).where(d.status == "sending", known).values(again))
        left = update(alert_deliveries).where(d.status == "sending").values(lost)
        return tuple(
            (row.event_id, row.destination) for row in connection.execute(left.returning(d.event_id, d.destination))
        )


def claim(db: Database, now: datetime, without: Collection[str]) -> Claimed | None:
    """Mark the oldest delivery that is due as being sent, for good; None when none is.

    What a destination hears of one rule it hears in order: a recovery waits until the firing has arrived, or will not.

    Args:
        db: where the outbox is.
        now: the time of now.
        without: destinations that are left for later.

    Raises:
        StorageError: the database did not do it; nothing may be sent.
    """
    d, e = alert_deliveries.c, alert_events.c
    due = (d.status == "waiting", d.next_attempt_at <= now, d.destination.not_in(sorted(without)), ~_has_earlier())
    oldest = select(d.event_id, d.destination).join_from(alert_deliveries, alert_events).where(*due)
    chosen = oldest.order_by(e.happened_at, d.event_id).limit(1).with_for_update(of=alert_deliveries, skip_locked=True)
    marked = update(alert_deliveries).values(status="sending", attempts=d.attempts + 1, finished_at=None)
    with db.write(limited="in all") as connection:
        found = connection.execute(chosen).one_or_none()
        if found is None:
            return None
        this = and_(d.event_id == found.event_id, d.destination == found.destination)
        attempt = connection.execute(marked.where(this).returning(d.attempts)).scalar_one()
        event = connection.execute(select(alert_events).where(e.event_id == found.event_id)).mappings().one()
        return Claimed(event=event_in(event), destination=found.destination, attempt=attempt)


def settle(
    db: Database, claimed: Claimed, status: str, now: datetime, *, error: str | None, again_at: datetime | None = None
) -> None:
    """Enter what became of an attempt.

    Args:
        db: where the outbox is.
        claimed: which.
        status: waiting, delivered, failed or unknown.
        now: the time of now.
        error: what went wrong; None for nothing.
        again_at: of what waits, when it is sent again.

    Raises:
        StorageError: the database did not do it.
    """
    d = alert_deliveries.c
    values: dict[str, object] = {"status": status, "last_error": error}
    values |= {"next_attempt_at": again_at} if again_at is not None else {"finished_at": now}
    # Also of what was taken for unknown meanwhile: who sent it knows better. A later attempt is not spoken for.
    this = (d.event_id == claimed.event.event_id, d.destination == claimed.destination, d.attempts == claimed.attempt)
    with db.write(limited="in all") as connection:
        connection.execute(update(alert_deliveries).where(*this, d.status.in_(["sending", "unknown"])).values(values))


def _has_earlier() -> ColumnElement[bool]:
    """Whether the destination waits for something earlier about the same rule."""
    e, other, of_other = alert_events.c, alert_deliveries.alias(), alert_events.alias()
    before = or_(
        of_other.c.happened_at < e.happened_at,
        and_(of_other.c.happened_at == e.happened_at, of_other.c.event_id < e.event_id),
    )
    return exists(
        select(1)
        .select_from(other.join(of_other, other.c.event_id == of_other.c.event_id))
        .where(
            other.c.status.in_(_OPEN), other.c.destination == alert_deliveries.c.destination,
            of_other.c.rule_id == e.rule_id, before,
        )
    )  # fmt: skip
