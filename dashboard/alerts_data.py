"""What the page Alerts reads, and the desk at which it changes rules."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from dashboard import data
from tracing_core.alerts.desk import AlertDesk
from tracing_core.alerts.dry_run import DryRun
from tracing_core.alerts.rule import AlertRule
from tracing_core.clock import SystemClock
from tracing_core.ids import IdSource
from tracing_core.query import alert_rules as rules_query
from tracing_core.query.alert_rules import DestinationHealth, EventRow, RuleRow
from tracing_core.settings import settings


@st.cache_data(ttl=10, max_entries=2, show_spinner=False)
def rules() -> tuple[RuleRow, ...]:
    """The alert rules with their states."""
    return rules_query.alert_rule_rows(data.store().database)


@st.cache_data(ttl=10, max_entries=50, show_spinner=False)
def events(rule_id: str | None, limit: int) -> tuple[EventRow, ...]:
    """The newest events, of all rules or of one."""
    return rules_query.newest_events(data.store().database, rule_id=rule_id, limit=limit)


@st.cache_data(ttl=10, max_entries=50, show_spinner=False)
def event(event_id: str) -> EventRow | None:
    """One event."""
    return rules_query.alert_event(data.store().database, event_id)


@st.cache_data(ttl=10, max_entries=2, show_spinner=False)
def destinations() -> tuple[DestinationHealth, ...]:
    """Where alerts may be sent, and how that goes."""
    return rules_query.destination_health(data.store().database, settings().alert_destinations)


@st.cache_data(ttl=60, max_entries=200, show_spinner=False)
def dry_run(rule: AlertRule, start: datetime, end: datetime) -> DryRun:
    """What a rule would have done in a past time.

    Raises:
        InvalidInput: that is not known.
    """
    return desk().dry_run(rule, start, end)


def desk() -> AlertDesk:
    """Where rules are changed."""
    return AlertDesk(database=data.store().database, settings=settings(), clock=SystemClock(), ids=IdSource())


def forget() -> None:
    """Read again whatever a change of rules or a message sent changes."""
    for read in (rules, events, event, destinations):
        read.clear()
