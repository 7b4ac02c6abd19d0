"""What a person does with alert rules: the one door for pages and commands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tracing_core.alerts.dry_run import DryRun, dry_run
from tracing_core.alerts.message import trial
from tracing_core.alerts.rule import AlertRule
from tracing_core.alerts.sending import Attempt, send
from tracing_core.clock import Clock
from tracing_core.errors import InvalidInput
from tracing_core.ids import IdSource
from tracing_core.settings import Settings
from tracing_core.storage import alert_write
from tracing_core.storage.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertDesk:
    """Works on the rules in one database.

    Args:
        database: where they are.
        settings: where alerts may be sent.
        clock, ids: for times and ids of what is written.

    Its methods raise InvalidInput where there is no such rule or delivery, and StorageError where the database did not do it.
    """

    database: Database
    settings: Settings
    clock: Clock
    ids: IdSource

    def create(self, rule: AlertRule, *, by: str, enabled: bool = True) -> str:
        """Keep a new rule; its id."""
        return alert_write.create_rule(self.database, rule, by=by, clock=self.clock, ids=self.ids, enabled=enabled)

    def update(self, rule_id: str, rule: AlertRule, *, by: str) -> None:
        """Put a rule in the place of what it was."""
        alert_write.update_rule(self.database, rule_id, rule, by=by, clock=self.clock)

    def delete(self, rule_id: str, *, by: str) -> None:
        """Remove a rule; its events stay."""
        alert_write.delete_rule(self.database, rule_id, by=by, clock=self.clock)

    def enable(self, rule_id: str, enabled: bool, *, by: str) -> None:
        """Switch a rule on, or off."""
        alert_write.enable_rule(self.database, rule_id, enabled, by=by, clock=self.clock)

    def silence(self, rule_id: str, until: datetime | None, *, by: str) -> None:
        """Tell nobody of a rule before `until` (aware); None ends the silence."""
        alert_write.silence_rule(self.database, rule_id, until, by=by, clock=self.clock)

    def send_again(self, event_id: str, destination: str) -> None:
        """Send an event once more to where it failed, or where nobody knows whether it arrived."""
        alert_write.send_again(self.database, event_id, destination, clock=self.clock)

    def dry_run(self, rule: AlertRule, start: datetime, end: datetime) -> DryRun:
        """What a rule would have done in a past time; InvalidInput when that is not known."""
        return dry_run(self.database, rule, start, end, timedelta(seconds=self.settings.alert_delay_seconds))

    def unknown(self, rule: AlertRule) -> tuple[str, ...]:
        """The destinations of a rule that the settings do not name, where nothing will arrive as they are."""
        return tuple(name for name in rule.destinations if name not in self.settings.alert_destinations)

    def test(self, name: str) -> Attempt:
        """Send a message to try a destination, at once and once; InvalidInput when there is none of that name."""
        destination = self.settings.alert_destinations.get(name)
        if destination is None:
            known = ", ".join(sorted(self.settings.alert_destinations)) or "none yet"
            raise InvalidInput("destination", f"{name} is not in TRACEWHY_ALERT_DESTINATIONS; there are: {known}")
        message = trial(name, f"evt_{self.ids.draw(128):032x}", self.clock.now(), self.settings.public_url)
        return send(message, name, destination, self.settings)
