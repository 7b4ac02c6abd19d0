"""What the page of quality reads, kept for a few seconds as in `data`. Apart from it for what this page alone loads."""

from __future__ import annotations

import streamlit as st

from dashboard.data import store
from tracing_core.query import alerts as alerts_query
from tracing_core.query import quality as quality_query
from tracing_core.query import runs as runs_query
from tracing_core.query.alerts import AlertRow
from tracing_core.query.filters import TraceFilter
from tracing_core.query.quality import GatePoint, QualityReport
from tracing_core.query.runs import RunMeasures


@st.cache_data(ttl=10, max_entries=50, show_spinner=False)
def measures(chosen: TraceFilter) -> RunMeasures:
    """The runs in numbers."""
    return runs_query.measure_runs(store().database, chosen)


@st.cache_data(ttl=10, max_entries=50, show_spinner=False)
def gate(chosen: TraceFilter) -> tuple[GatePoint, ...]:
    """What the quality gate said over time."""
    return quality_query.gate_over_time(store().database, chosen)


@st.cache_data(ttl=30, max_entries=50, show_spinner=False)
def report(chosen: TraceFilter) -> QualityReport:
    """Principles, domains and intents."""
    return quality_query.quality_report(store().database, chosen)


@st.cache_data(ttl=10, max_entries=50, show_spinner=False)
def alerts(chosen: TraceFilter) -> tuple[AlertRow, ...]:
    """What calibration noticed."""
    return alerts_query.alerts(store().database, chosen)
