"""Who decides: what components declare that they decide, beside what was seen; and decisions that nobody declares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard import decisions_data, decisions_words, filters, navigation, words
from dashboard.fitting_table import fitting_table
from dashboard.view import View
from tracing_core.component_schema import ComponentSchema
from tracing_core.query.decision_groups import Group
from tracing_core.query.decisions import DecisionType

AS_DECLARED, NOT_SEEN, NOT_DECLARED, NO_COMPONENT = "as declared", "not seen", "not declared", "no component"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """A type of decision in a stage. `group` is None where it was not seen, `component` empty where nobody declares it."""

    component: str
    stage: str
    decision: str
    state: str
    group: Group | None


def show(view: View, types: Sequence[DecisionType]) -> None:
    """The components and stages, each with its decisions; a row leads to the traces behind it."""
    components = decisions_data.components(view.project)
    if not components:
        st.caption(
            "No component is registered, so these are the stages with what was decided in them. Components that derive from "
            "TracingComponent and are registered appear here with what they declare."
        )
    rows = decided(components, types)
    at = fitting_table(
        [_row(each, with_component=bool(components)) for each in rows], f"decisions.components.{view.project}",
        alt="What components declare and what was seen", numbers=("Seen", "Confidence", "Right"), lesser=("Confidence",),
        click="opens",
    )  # fmt: skip
    if at is not None and rows[at].group is not None:
        navigation.open_page("traces", filters.remembered(stage=rows[at].stage, decision=rows[at].decision))


def decided(components: Sequence[ComponentSchema], types: Sequence[DecisionType]) -> list[Decided]:
    """What components declare, each with where it was seen, then what else was seen; what is amiss comes first.

    Args:
        components: those that are known, each once.
        types: what was seen.
    """
    seen = {(each.decision, stage): group for each in types for stage, group in each.stages.items()}
    rows = [row for component in components for row in _of(component, seen)]
    covered = {(row.decision, row.stage) for row in rows if row.group is not None}
    owned = {stage: component.component for component in components for stage in component.owned_stages}
    rows += [
        Decided(
            component=owned.get(stage, ""),
            stage=stage,
            decision=decision,
            state=NOT_DECLARED if stage in owned else NO_COMPONENT,
            group=group,
        )
        for (decision, stage), group in seen.items()
        if (decision, stage) not in covered
    ]
    order = (NOT_DECLARED, NOT_SEEN, AS_DECLARED, NO_COMPONENT)
    return sorted(rows, key=lambda row: (order.index(row.state), row.component, row.stage, row.decision))


def _of(component: ComponentSchema, seen: dict[tuple[str, str], Group]) -> Iterator[Decided]:
    for declared in component.decisions:
        where = [stage for decision, stage in seen if decision == declared.decision]
        found = [stage for stage in where if component.declared(declared.decision, stage) is not None]
        for stage in found or [", ".join(component.stages or ())]:
            yield Decided(
                component=component.component,
                stage=stage,
                decision=declared.decision,
                state=AS_DECLARED if found else NOT_SEEN,
                group=seen[declared.decision, stage] if found else None,
            )


def _row(each: Decided, *, with_component: bool) -> dict[str, str]:
    group = each.group
    named = {"Component": each.component or words.ABSENT} if with_component else {}
    state = {"Declared": each.state} if with_component else {}
    anywhere = words.ABSENT if group is None else "the trace itself"
    return {
        **named,
        "Stage": each.stage or anywhere,
        "Decision": each.decision,
        **state,
        "Seen": words.ABSENT if group is None else words.count(round(group.count)),
        "Confidence": words.confidence(group.confidence if group else None),
        "Right": words.ABSENT if group is None else decisions_words.good(group),
    }
