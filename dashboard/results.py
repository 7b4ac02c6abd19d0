"""The list of traces with its search, order, count and paging. Where one is in it is in the URL too."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import streamlit as st

from dashboard import compare_view, data, filters, navigation, states, words
from dashboard.explain_view import Asked
from dashboard.trace_list import trace_list
from dashboard.view import SORTS, View

LIVE_SECONDS = 5
PAGE_SIZE = 50
_AFTER = "after"
_BACK = "traces.cursors"
_ORDER = "traces.order"


def search(view: View) -> None:
    """The search box, the order, and whether to keep looking."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.session_state["traces.text"] = view.text or ""
        st.text_input(
            "Search",
            key="traces.text",
            placeholder="Search questions and answers",
            icon=":material/search:",
            label_visibility="collapsed",
            on_change=_set_text,
        )
        st.session_state["traces.sort"] = view.sort
        st.segmented_control(
            "Order",
            SORTS,
            key="traces.sort",
            format_func=str.capitalize,
            label_visibility="collapsed",
            required=True,
            on_change=_set_sort,
        )
        st.toggle("Live", key="traces.live", help="Read again every few seconds", persist_state="session")


def show(view: View) -> None:
    """One page of traces; read again by itself while it is live and the first page is shown."""
    live = bool(st.session_state.get("traces.live")) and _AFTER not in st.query_params
    st.fragment(_show, run_every=LIVE_SECONDS if live else None)(view)


def neighbours(trace_id: str) -> tuple[str | None, str | None]:
    """The traces before and after this one in the list that was shown last, where it was in it."""
    order: list[str] = st.session_state.get(_ORDER, [])
    if trace_id not in order:
        return None, None
    at = order.index(trace_id)
    return (order[at - 1] if at else None), (order[at + 1] if at + 1 < len(order) else None)


def _show(view: View) -> None:
    with states.boundary():
        chosen = view.trace_filter(filters.present())
        page = data.traces(chosen, view.sort, st.query_params.get(_AFTER), PAGE_SIZE)
        st.session_state[_ORDER] = [row.trace_id for row in page.rows]
        if not page.rows:
            _nothing(view)
            return
        counted = data.trace_count(chosen)
        above = st.container(horizontal=True, vertical_alignment="center", gap="small")
        picked = trace_list(page.rows, key="traces.list", now=filters.now(), text=view.text, pickable=True)
        with above:
            st.caption(f"{'' if counted.exact else 'more than '}{words.count(counted.count)} traces", width="content")
            _explain(view, picked)
            if two := compare_view.of_two(page.rows, picked):
                navigation.link("compare", "Compare these 2", two.params(), icon=":material/compare_arrows:")
        _paging(page.next_cursor)


def _explain(view: View, picked: tuple[str, ...]) -> None:
    """The way to what sets these traces apart: those that are ticked, else those that the filters let through."""
    if picked:
        frame = replace(View(range=view.range, start=view.start, end=view.end), project=view.project)
        one = len(picked) == 1
        question = Asked(these="trace", trace_id=picked[0]) if one else Asked(these="picked", ids=picked)
        text = f"Explain {'this one' if one else f'these {len(picked)}'}"
    else:
        frame = replace(view, sort="newest")
        question = Asked(these="filter" if view.without("project").chips() else "slow")
        text = "Explain these" if question.these == "filter" else "Explain the slow ones"
    navigation.link("explain", text, frame.params() | question.params(), icon=":material/troubleshoot:")


def _nothing(view: View) -> None:
    if view.chips():
        states.empty("No trace fits these filters.", hint="Take one away, or choose a longer time range.")
    else:
        states.empty("No traces in this time.", hint="Choose a longer time range, or make some.", chat=True)


def _paging(next_cursor: str | None) -> None:
    here = st.query_params.get(_AFTER)
    if not here and not next_cursor:
        return
    with st.container(horizontal=True, horizontal_alignment="right"):
        if here:
            st.button("First page", key="traces.first", on_click=partial(_go, None, None))
            st.button("Previous", key="traces.previous", icon=":material/chevron_left:", on_click=_go_back)
        if next_cursor:
            st.button(
                "Next",
                key="traces.next",
                icon=":material/chevron_right:",
                icon_position="right",
                on_click=partial(_go, next_cursor, here or ""),
            )


def _go(cursor: str | None, here: str | None) -> None:
    """Turn to a page; `here` is remembered for the way back, None forgets all."""
    back: list[str] = st.session_state.get(_BACK, [])
    st.session_state[_BACK] = [] if here is None else [*back, here]
    if cursor:
        st.query_params[_AFTER] = cursor
    else:
        st.query_params.pop(_AFTER, None)


def _go_back() -> None:
    back: list[str] = st.session_state.get(_BACK, [])
    cursor = back[-1] if back else None
    _go(cursor, None)
    st.session_state[_BACK] = back[:-1]


def _set_text() -> None:
    filters.change(text=st.session_state["traces.text"].strip() or None)


def _set_sort() -> None:
    filters.change(sort=st.session_state["traces.sort"])
