"""What the page of decisions reads, kept for a few seconds as in `data`. Apart from it for what this page alone loads."""

from __future__ import annotations

import streamlit as st

from dashboard.data import store
from tracing_core.component_schema import ComponentSchema
from tracing_core.confidence import Calibration, calibration
from tracing_core.query import alternatives as alternatives_query
from tracing_core.query import components as components_query
from tracing_core.query import confidence as confidence_query
from tracing_core.query import decisions as decisions_query
from tracing_core.query import outcomes as outcomes_query
from tracing_core.query.alternatives import Alternatives
from tracing_core.query.confidence import By, WrongDecision
from tracing_core.query.decisions import DecisionTypes
from tracing_core.query.filters import TraceFilter
from tracing_core.query.outcomes import Outcome


@st.cache_data(ttl=30, max_entries=100, show_spinner=False)
def outcomes(chosen: TraceFilter) -> tuple[Outcome, ...]:
    """By what it is known how the traces turned out."""
    return outcomes_query.known_outcomes(store().database, chosen)


@st.cache_data(ttl=30, max_entries=50, show_spinner=False)
def types(chosen: TraceFilter, outcome: Outcome, before: TraceFilter | None, over_time: bool = False) -> DecisionTypes:
    """The types of decisions."""
    return decisions_query.decision_types(store().database, chosen, outcome, before=before, over_time=over_time)


@st.cache_data(ttl=30, max_entries=50, show_spinner=False)
def calibrations(
    chosen: TraceFilter, outcome: Outcome, by: By = "all"
) -> tuple[Calibration | None, dict[str, Calibration]]:
    """How well confidence foretells the outcome: of all decisions together, and by what they are taken apart by."""
    found = confidence_query.confidence_pairs(store().database, chosen, outcome, by)
    judged = {name: calibration(pairs) for name, pairs in found.pairs.items()}
    whole = judged.get("") if by == "all" else calibration(found.whole)
    return whole, {name: each for name, each in judged.items() if each is not None}


@st.cache_data(ttl=30, max_entries=50, show_spinner=False)
def alternatives(chosen: TraceFilter, outcome: Outcome) -> Alternatives:
    """What was not taken."""
    return alternatives_query.alternatives(store().database, chosen, outcome)


@st.cache_data(ttl=30, max_entries=50, show_spinner=False)
def wrong(chosen: TraceFilter, outcome: Outcome, which: confidence_query.Wrong) -> tuple[WrongDecision, ...]:
    """Decisions that were wrong about themselves."""
    return confidence_query.wrong_decisions(store().database, chosen, outcome, which)


@st.cache_data(ttl=30, max_entries=20, show_spinner=False)
def components(project: str | None) -> tuple[ComponentSchema, ...]:
    """What components declare; of one that several projects have, what was declared last."""
    known = components_query.known_components(store().database, project)
    newest = {each.schema.component: each.schema for each in sorted(known, key=lambda each: each.declared_at)}
    return tuple(newest[name] for name in sorted(newest))
