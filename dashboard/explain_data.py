"""What the page Explain reads, kept for a while as in `data`. Apart from it for what this page alone loads."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from dashboard.data import store
from tracing_core.explain.result import Cohort, Explanation, Reference
from tracing_core.query import explain as explain_query
from tracing_core.query import heat as heat_query
from tracing_core.query.filters import TraceFilter
from tracing_core.query.heat import Heat

FRESH_SECONDS = 300
"""For which an answer is kept; it takes seconds to find."""


@st.cache_data(ttl=FRESH_SECONDS, max_entries=50, show_spinner=False)
def explanation(cohort: Cohort, against: Reference, now: datetime) -> Explanation:
    """What sets the cohort apart.

    Raises:
        InvalidInput: the cohort cannot be asked about.
        TraceNotFound: it is one trace, and that is not there.
    """
    return explain_query.explain(store().database, cohort, against, now=now)


@st.cache_data(ttl=30, max_entries=50, show_spinner=False)
def heat(chosen: TraceFilter) -> Heat:
    """How many traces took how long when."""
    return heat_query.heat(store().database, chosen)
