"""What happened to an alert rule, as it is kept and sent. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from tracing_core.alerts.rule import AlertRule
from tracing_core.alerts.state import EventKind, Happening, Sample
from tracing_core.alerts.words import message


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertEvent:
    """An event of a rule.

    Args:
        event_id: the same for the same event, whoever finds it, so that it is there once.
        kind: what happened.
        happened_at: when.
        rule_id: of the rule, which may be gone.
        rule: as it was.
        value: its number; None of no traces.
        message: one sentence about it.
        window_end: the end of the window that the number is of; it began `rule.window` before.
        count: what the number was taken of.
        last_week: the number a week before, where the rule asks for it.
    """

    event_id: str
    kind: EventKind
    happened_at: datetime
    rule_id: str
    rule: AlertRule
    value: float | None
    message: str
    window_end: datetime
    count: float = 0.0
    last_week: float | None = None

    @property
    def window_start(self) -> datetime:
        """The start of the window."""
        return self.window_end - self.rule.window

    def document(self) -> dict[str, Any]:
        """What the columns of the table do not say."""
        return {
            "rule": self.rule.document(),
            "window_end": self.window_end.isoformat(),
            "count": self.count,
            "last_week": self.last_week,
        }


def event_of(
    rule_id: str, rule: AlertRule, happening: Happening, at: datetime, sample: Sample, window_end: datetime
) -> AlertEvent:
    """The event of a look at `at`, at a window that ended before."""
    return AlertEvent(
        event_id=event_id(rule_id, happening.kind, at),
        kind=happening.kind,
        happened_at=at,
        rule_id=rule_id,
        rule=rule,
        value=sample.value,
        message=message(rule, happening.kind, sample),
        window_end=window_end,
        count=sample.count,
        last_week=sample.last_week,
    )


def switched_off(rule_id: str, rule: AlertRule, at: datetime, by: str) -> AlertEvent:
    """Told to whom a firing was told, when a person ends the watching before it is over."""
    return AlertEvent(
        event_id=event_id(rule_id, EventKind.RECOVERED, at),
        kind=EventKind.RECOVERED,
        happened_at=at,
        rule_id=rule_id,
        rule=rule,
        value=None,
        message=f"Not watched any more: {by or 'somebody'} switched the rule off while it was firing",
        window_end=at,
    )


def event_id(rule_id: str, kind: EventKind, at: datetime) -> str:
    """`evt_` and 32 hex digits."""
    return "evt_" + blake2b(f"{rule_id}\n{kind.value}\n{at.isoformat()}".encode(), digest_size=16).hexdigest()
