"""Budgets on the costs page: how each stands, when it will be spent, and the form that sets one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import streamlit as st

from dashboard import costs_data, words
from dashboard.costs_words import plain, without_price
from dashboard.decisions_panels import panel
from dashboard.view import View
from tracing_core.budget import EVERYTHING
from tracing_core.errors import InvalidInput
from tracing_core.query.cost_projection import BudgetStanding

_FIELDS = {"monthly_usd": "The amount", "project": "The project"}
_SAID = "costs.budget.said"
_PROJECT, _AMOUNT = "costs.budget.project", "costs.budget.amount"


def budget_of(view: View) -> Decimal | None:
    """The budget of what the page shows; None without one."""
    wanted = view.project or EVERYTHING
    found = (each.budget for each in costs_data.standings(costs_data.minute()) if each.budget.project == wanted)
    return next((budget.monthly_usd for budget in found), None)


def budgets(view: View) -> None:
    """How each budget stands, and the form, which begins with the project of the page."""
    with panel("Budgets", "What a project may spend in a month of the calendar, in UTC"):
        standings = costs_data.standings(costs_data.minute())
        for each in standings:
            _standing(each)
        if not standings:
            st.caption("None is set. An alert rule can watch how much of one is used.")
        with st.expander("Set a budget", expanded=False):
            _form(view.project)


def name_of(project: str) -> str:
    """The project of a budget in words."""
    return words.label(project) if project else "All projects"


def _standing(each: BudgetStanding) -> None:
    used = f"{words.money(each.projection.spent)} of {words.money(each.budget.monthly_usd)}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{name_of(each.budget.project)}** · {words.share(each.used)} used", width="stretch")
        st.button(
            "Remove", key=f"costs.budget.remove.{each.budget.project}", type="tertiary", icon=":material/delete:",
            on_click=_remove, args=(each.budget.project,),
        )  # fmt: skip
    if each.used is not None:
        st.progress(min(each.used, 1.0))
    st.caption(plain(f"{used}. {standing_words(each)}"))


def standing_words(each: BudgetStanding) -> str:
    """Whether, and when, a budget will be spent."""
    found = each.projection
    unknown = f" {without_price(found.unpriced)}." if found.unpriced else ""
    return _course(each) + unknown


def _course(each: BudgetStanding) -> str:
    if each.used is None:
        return "What this month costs is not known."
    if each.used > 1 and each.exceeded_on is not None:
        return f":red[Spent since {_day(each.exceeded_on)}.]"
    if each.projection.at_the_end is None:
        return (
            f"Too few days to foretell when it is spent: it takes 7 whole ones, and there are {each.projection.seen}."
        )
    if each.exceeded_on is not None:
        earliest = (
            f", at the earliest on {_day(each.earliest)}" if each.earliest and each.earliest < each.exceeded_on else ""
        )
        return f":red[Expected to be spent on {_day(each.exceeded_on)}{earliest}.]"
    if each.earliest is not None:
        return f"Expected to last the month; {_day(each.earliest)} is the earliest day on which it may be spent."
    return "Lasts the month, as far as can be foretold."


def _day(day: date) -> str:
    return f"{day.day} {day:%B}"


def _form(project: str | None) -> None:
    with st.form("costs.budget", border=False):
        known = costs_data.projects()
        if project is not None and project not in known:  # it began a moment ago
            known = (project, *known)
        chosen = f"{_PROJECT}.{project or EVERYTHING}"  # of its own for each, so that none is left over from another
        st.selectbox("Project", known, known.index(project or EVERYTHING), format_func=name_of, key=chosen)
        st.text_input("Dollars a month", key=_AMOUNT, placeholder="250")
        st.form_submit_button("Set", on_click=_save, args=(chosen,), icon=":material/check:")
    if said := st.session_state.pop(_SAID, None):
        st.error(said, icon=":material/error:")


def _save(chosen: str) -> None:
    try:
        costs_data.set_budget(st.session_state[chosen] or EVERYTHING, st.session_state[_AMOUNT])
    except InvalidInput as error:
        st.session_state[_SAID] = plain(f"{_FIELDS.get(error.field, error.field)} {error.problem}.")


def _remove(project: str) -> None:
    costs_data.remove_budget(project)
