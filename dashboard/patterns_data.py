"""What the page of patterns reads, kept for some minutes: putting thousands of questions together takes a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from dashboard.advice_data import floor, steady
from dashboard.data import store
from tracing_core.query import failures as failures_query
from tracing_core.query import patterns as patterns_query
from tracing_core.query import user_segments as users_query
from tracing_core.query.failures import Failures
from tracing_core.query.filters import TraceFilter
from tracing_core.query.patterns import QuestionPatterns
from tracing_core.query.traces import TraceRow
from tracing_core.query.user_segments import Activity, Users


def questions(chosen: TraceFilter, before: TraceFilter | None) -> QuestionPatterns:
    """The kinds of questions, and those that got no good evidence."""
    return _questions(steady(chosen), _steady_before(before))


def failures(chosen: TraceFilter, before: TraceFilter | None) -> Failures:
    """What fails."""
    return _failures(steady(chosen), _steady_before(before))


def users(chosen: TraceFilter) -> Users:
    """Who asks."""
    return _users(steady(chosen))


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def activity(chosen: TraceFilter) -> tuple[Activity, ...]:
    """When people ask."""
    return users_query.activity(store().database, chosen)


@st.cache_data(ttl=10, max_entries=50, show_spinner=False)
def rows(ids: Sequence[str]) -> tuple[TraceRow, ...]:
    """Some traces as a list shows them."""
    return patterns_query.trace_rows(store().database, ids)


def _steady_before(before: TraceFilter | None) -> TraceFilter | None:
    """The period before one that is `steady`: it ends where that begins."""
    if before is None or before.start is None or before.end is None:
        return None
    return replace(before, start=floor(before.start), end=floor(before.end))


@st.cache_data(ttl=300, max_entries=20, show_spinner="Putting questions together …")
def _questions(chosen: TraceFilter, before: TraceFilter | None) -> QuestionPatterns:
    return patterns_query.question_patterns(store().database, chosen, before)


@st.cache_data(ttl=60, max_entries=20, show_spinner="Putting failures together …")
def _failures(chosen: TraceFilter, before: TraceFilter | None) -> Failures:
    return failures_query.failures(store().database, chosen, before)


@st.cache_data(ttl=60, max_entries=20, show_spinner="Putting users together …")
def _users(chosen: TraceFilter) -> Users:
    return users_query.users(store().database, chosen)
