"""What the overview reads to tell what needs attention, and what it marks on its charts."""

from __future__ import annotations

from datetime import datetime, timedelta

import streamlit as st

from dashboard import alerts_data, data, watch_data
from dashboard.time_marks import Mark
from tracing_core.alerts.state import EventKind
from tracing_core.query import alerts as noticed_query
from tracing_core.query import attention as attention_query
from tracing_core.query.alerts import AlertRow
from tracing_core.query.attention import Attention
from tracing_core.query.filters import TraceFilter

_MOST_EVENTS = 100
_A_DAY = timedelta(days=1)


@st.cache_data(ttl=30, max_entries=50, show_spinner=False)
def attention(chosen: TraceFilter, before: TraceFilter | None) -> Attention:
    """What changed, what fails anew, which prices are missing."""
    return attention_query.attention(data.store().database, chosen, before)


@st.cache_data(ttl=30, max_entries=50, show_spinner=False)
def noticed(chosen: TraceFilter) -> tuple[AlertRow, ...]:
    """What calibration noticed."""
    return noticed_query.alerts(data.store().database, chosen)


def untold(now: datetime) -> int:
    """Messages of alerts of the last day that did not arrive, or of which nobody knows."""
    deliveries = watch_data.watching(now - _A_DAY).alerts.deliveries
    return deliveries.get("failed", 0) + deliveries.get("unknown", 0)


@st.cache_data(ttl=30, max_entries=50, show_spinner=False)
def marks(chosen: TraceFilter, buckets: tuple[datetime, ...]) -> tuple[Mark, ...]:
    """When alerts fired and releases began, within these buckets of time."""
    if not buckets:
        return ()
    database = data.store().database
    events = alerts_data.events(None, _MOST_EVENTS)
    fired = [
        Mark(at=each.event.happened_at, name=each.event.rule.name, wrong=True)
        for each in events
        if each.event.kind is EventKind.FIRED
        and each.event.happened_at >= buckets[0]
        and (chosen.end is None or each.event.happened_at < chosen.end)
        and each.event.rule.project in (None, chosen.project or each.event.rule.project)
    ]
    releases = attention_query.first_of_releases(database, chosen, buckets)
    return (*fired, *(Mark(at=at, name=name) for at, name in releases))
