"""What the page Compare reads, kept for a while as in `data`. Apart from it for what this page alone loads."""

from __future__ import annotations

import streamlit as st

from dashboard.data import store
from tracing_core.cohort import Cohort, CohortSample
from tracing_core.comparison import Comparison, compare
from tracing_core.query import cohorts as cohorts_query
from tracing_core.query import trace as trace_query
from tracing_core.query.cohorts import Dimension
from tracing_core.query.filters import TraceFilter
from tracing_core.query.trace import SpanPayload


@st.cache_data(ttl=60, max_entries=50, show_spinner=False)
def dimensions(chosen: TraceFilter) -> tuple[Dimension, ...]:
    """What tells groups of the chosen runs apart."""
    return cohorts_query.dimensions(store().database, chosen)


@st.cache_resource(ttl=60, max_entries=20, show_spinner=False)
def sample(chosen: TraceFilter, cohort: Cohort) -> CohortSample:
    """The numbers of some runs of a group; they are never changed, so they need not be copied for each reader."""
    return cohorts_query.cohort_sample(store().database, chosen, cohort)


@st.cache_resource(ttl=60, max_entries=20, show_spinner=False)
def compared(chosen: TraceFilter, a: Cohort, b: Cohort) -> Comparison:
    """The two groups compared."""
    return compare(sample(chosen, a), sample(chosen, b), apart_by=a.by)


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def payloads(trace_id: str) -> dict[str, SpanPayload]:
    """What all spans of a trace hold."""
    return trace_query.payloads(store().database, trace_id)


@st.cache_data(ttl=60, max_entries=100, show_spinner=False)
def previous_of(trace_id: str) -> str | None:
    """The run before this one that did the same."""
    return cohorts_query.previous_of(store().database, trace_id)
