"""Saved views: the filters of a page under a name, to come back to. Kept in the database, for everybody who looks."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard import filters, words
from dashboard.data import VIEWER, store
from dashboard.view import View, parse
from tracing_core.clock import SystemClock
from tracing_core.errors import InvalidInput
from tracing_core.ids import IdSource
from tracing_core.query import saved_views as views_query
from tracing_core.saved_view import LONGEST_NAME, SavedView
from tracing_core.view_keeping import forget_view, keep_view

_NAME = "views.name"
_PROBLEM = "views.problem"


@st.cache_data(ttl=30, show_spinner=False)
def views() -> tuple[SavedView, ...]:
    """All that are saved, by name."""
    return views_query.saved_views(store().database)


def popover(view: View) -> None:
    """Draw the button behind which views are opened, saved and deleted."""
    with st.popover("Saved views", icon=":material/bookmark:"):
        for each in views():
            _one(each)
        _new(view)


def _one(saved: SavedView) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            words.label(saved.name, 40),
            key=f"views.open.{saved.view_id}",
            type="tertiary",
            width="stretch",
            help=", ".join(words.label(said, 40) for said in parse(saved.params).chips().values()) or None,
            on_click=partial(filters.apply, parse(saved.params)),
        )
        st.button(
            "Delete",
            key=f"views.delete.{saved.view_id}",
            icon=":material/delete:",
            type="tertiary",
            on_click=partial(_delete, saved),
        )


def _new(view: View) -> None:
    with st.form("views.form", border=False, clear_on_submit=False):
        st.text_input("Save these filters as", key=_NAME, max_chars=LONGEST_NAME, placeholder="Slow answers of pandas")
        st.form_submit_button("Save", icon=":material/bookmark_add:", on_click=partial(_save, view))
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(words.label(problem, 300))


def _save(view: View) -> None:
    try:
        keep_view(
            store().database,
            st.session_state[_NAME],
            view.params(),
            by=VIEWER,
            clock=SystemClock(),
            ids=IdSource(),
        )
    except InvalidInput as error:
        st.session_state[_PROBLEM] = f"The name {error.problem}." if error.field == "name" else str(error)
        return
    st.session_state[_NAME] = ""
    views.clear()


def _delete(saved: SavedView) -> None:
    forget_view(store().database, saved.view_id)
    views.clear()
