"""What the cards of advice read, kept for some minutes: it is read from the traces themselves, which takes seconds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import streamlit as st

from dashboard.data import store
from tracing_core.cost import CostTracker
from tracing_core.query import advice as advice_query
from tracing_core.query.advice import AdviceReport
from tracing_core.query.filters import TraceFilter
from tracing_core.settings import settings

_STEP_MINUTES = 5


def report(chosen: TraceFilter) -> AdviceReport:
    """Advice on what the chosen traces cost; a range that reaches to the present is read anew every five minutes."""
    return _report(steady(chosen))


def steady(chosen: TraceFilter) -> TraceFilter:
    """The filter with a start that stays the same for five minutes, so that what takes seconds is read once within them."""
    return replace(chosen, start=None if chosen.start is None else floor(chosen.start))


def floor(moment: datetime) -> datetime:
    """The last full five minutes before a moment."""
    return moment.replace(minute=moment.minute - moment.minute % _STEP_MINUTES, second=0, microsecond=0)


@st.cache_data(ttl=300, max_entries=20, show_spinner="Looking for what could cost less …")
def _report(chosen: TraceFilter) -> AdviceReport:
    return advice_query.advice_report(store().database, chosen, CostTracker(settings().prices))
