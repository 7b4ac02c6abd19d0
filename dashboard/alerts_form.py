"""The form of an alert rule, in a dialog: what it watches, when it fires, whom it tells; and what it would have done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import alerts_data, alerts_fields, alerts_preview, alerts_words, states
from dashboard.alerts_fields import PREFIX
from dashboard.data import VIEWER
from tracing_core.alerts.rule import AlertRule
from tracing_core.alerts.templates import TEMPLATES
from tracing_core.errors import InvalidInput
from tracing_core.query.alert_rules import RuleRow

_TEMPLATE = f"{PREFIX}template"
_OPEN = "alerts.open"
"""The id of the rule whose form is open, or that of none yet."""
_NEW = "new"
_TITLES: Mapping[str, str] = {name: rule.name for name, rule in TEMPLATES.items()}


def create(first: AlertRule | None = None) -> None:
    """Open the form for a new rule; from one that is there, for its copy."""
    alerts_fields.fill(first or TEMPLATES["latency_objective"])
    st.session_state[_TEMPLATE] = None if first else "latency_objective"
    st.session_state[_OPEN] = _NEW


def edit(row: RuleRow) -> None:
    """Open the form for a rule that is there."""
    if row.rule is not None:
        alerts_fields.fill(row.rule)
        st.session_state[_OPEN] = row.rule_id


def draw(rows: Sequence[RuleRow]) -> None:
    """The form, while it is open."""
    opened = st.session_state.get(_OPEN)
    if opened == _NEW:
        _new_dialog()
    elif (row := next((row for row in rows if row.rule_id == opened), None)) is not None:
        _edit_dialog(row)


def _close() -> None:
    st.session_state.pop(_OPEN, None)


@st.dialog("New alert rule", width="large", on_dismiss=_close)
def _new_dialog() -> None:
    new()


@st.dialog("Edit alert rule", width="large", on_dismiss=_close)
def _edit_dialog(row: RuleRow) -> None:
    change(row)


def new() -> None:
    """A new rule, begun from a template."""
    st.pills("Begin with", list(_TITLES), format_func=_TITLES.__getitem__, key=_TEMPLATE, on_change=_take_template)
    _form("Create rule", lambda rule: alerts_data.desk().create(rule, by=VIEWER))


def change(row: RuleRow) -> None:
    """A rule that is there."""
    _form("Save rule", lambda rule: alerts_data.desk().update(row.rule_id, rule, by=VIEWER))


def _take_template() -> None:
    if chosen := st.session_state[_TEMPLATE]:
        alerts_fields.fill(TEMPLATES[chosen])


def _form(action: str, save: Callable[[AlertRule], Any]) -> None:
    with states.boundary():
        alerts_fields.draw()
        rule, problem = _rule()
        alerts_preview.preview(rule)
        with st.container(horizontal=True, vertical_alignment="center"):
            pressed = st.button(action, key=f"{PREFIX}save", type="primary", disabled=rule is None)
            if problem is not None:
                st.markdown(f":red[:material/error:] {alerts_words.problem(problem)}", width="content")
        if pressed and rule is not None:
            try:
                save(rule)
            except InvalidInput as error:
                st.error(alerts_words.problem(error))
                return
            alerts_data.forget()
            _close()
            st.rerun()


def _rule() -> tuple[AlertRule | None, InvalidInput | None]:
    """The rule that the form describes, or what is wrong with it."""
    try:
        return alerts_fields.rule(), None
    except InvalidInput as error:
        return None, error
