"""What the page of costs reads, kept for a while as in `data`; what is read from contents, which takes longer, for a minute."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from dashboard import data, filters
from dashboard.data import VIEWER, store
from tracing_core import budget_setting
from tracing_core.budget import EVERYTHING, Budget
from tracing_core.clock import SystemClock
from tracing_core.cost import CostTracker
from tracing_core.query import cost_projection as projection_query
from tracing_core.query import costs as costs_query
from tracing_core.query import models as models_query
from tracing_core.query import token_classes as classes_query
from tracing_core.query.cost_projection import BudgetStanding, CostProjection
from tracing_core.query.costs import CostBy, Dearest, GoodAnswers, Spending
from tracing_core.query.filters import TraceFilter
from tracing_core.query.models import UnknownModel
from tracing_core.query.token_classes import TokenClasses
from tracing_core.query.traces import TraceRow
from tracing_core.settings import settings


@st.cache_data(ttl=10, max_entries=50, show_spinner=False)
def spending(chosen: TraceFilter, by: CostBy) -> Spending:
    """Where the money went."""
    return costs_query.spending(store().database, chosen, by)


@st.cache_data(ttl=10, max_entries=50, show_spinner=False)
def good_answers(chosen: TraceFilter) -> GoodAnswers:
    """What a good answer costs."""
    return costs_query.good_answers(store().database, chosen)


@st.cache_data(ttl=30, max_entries=50, show_spinner=False)
def dearest(chosen: TraceFilter, operation: str | None) -> Dearest:
    """The traces that cost the most."""
    return costs_query.dearest(store().database, chosen, operation=operation)


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def classes(chosen: TraceFilter) -> TokenClasses:
    """Tokens by class."""
    return classes_query.token_classes(store().database, chosen, CostTracker(settings().prices))


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def unknown_models(chosen: TraceFilter) -> tuple[UnknownModel, ...]:
    """Models without a price."""
    return models_query.unknown_models(store().database, chosen, CostTracker(settings().prices))


@st.cache_data(ttl=30, max_entries=20, show_spinner=False)
def unpriced(chosen: TraceFilter) -> tuple[TraceRow, ...]:
    """The newest traces whose cost is not known."""
    return costs_query.unpriced_traces(store().database, chosen)


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def projection(project: str | None, now: datetime) -> CostProjection:
    """What a project will cost."""
    return projection_query.cost_projection(store().database, project, now)


@st.cache_data(ttl=60, max_entries=5, show_spinner=False)
def standings(now: datetime) -> tuple[BudgetStanding, ...]:
    """How all budgets stand."""
    return projection_query.budget_standings(store().database, now)


def minute() -> datetime:
    """The present to the minute, so that what is foretold is reckoned once within it."""
    return filters.now().replace(second=0, microsecond=0)


def set_budget(project: str, given: str) -> Budget:
    """Set what a project may spend in a month.

    Raises:
        InvalidInput: the project or the amount cannot be used.
        StorageError: it was not kept.
    """
    budget = budget_setting.set_budget(store().database, SystemClock(), project=project, monthly_usd=given, by=VIEWER)
    standings.clear()
    return budget


def remove_budget(project: str) -> None:
    """Take a budget away.

    Raises:
        StorageError: it is still there.
    """
    budget_setting.remove_budget(store().database, project)
    standings.clear()


def projects() -> tuple[str, ...]:
    """What a budget can be for: everything, or a project."""
    return (EVERYTHING, *data.projects())
