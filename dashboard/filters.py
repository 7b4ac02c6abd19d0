"""The row of filters on top of a page. The URL holds them; every control writes it, and every run reads it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import streamlit as st

from dashboard import compare_view, data, explain_view, words
from dashboard.view import DEFAULT_RANGE, RANGE_WORDS, RANGES, View, parse, rounded
from tracing_core.clock import SystemClock
from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.query.facets import Facet

FRAME = ("project",)
EVERYTHING = (
    "project", "library", "flag", "flagged", "status", "model", "session", "user", "text", "min_ms", "max_ms", "min_cost",
    "max_rating", "sort",
)  # fmt: skip
OF_DECISIONS = ("decision", "what", "stage", "alternative", "sure_from", "sure_to")
"""What decisions are like: for the pages that show them, as no rollup knows it."""
OF_RUNS = ("intent", "domain", "gap", "gate", "review")
"""What research runs are like, which no rollup knows either."""
OWN = frozenset((*explain_view.PARAMS, *compare_view.PARAMS))
"""Parameters that pages have beside the filters, and that stay when a filter changes."""
_MEMORY = "filters.remembered"
_PAGE = "filters.page"


def now() -> datetime:
    """The time that a page's ranges and ages count from."""
    return SystemClock().now()


def present() -> datetime:
    """`now`, rounded so that what is read within ten seconds is read once."""
    return rounded(now())


def current(page: str, names: tuple[str, ...] = FRAME) -> View:
    """What this page shows: what the URL says, or, when one has just come here without filters, what was chosen before.

    Args:
        page: its key in the navigation.
        names: the filters it goes by; others are kept for the pages that do.
    """
    view = _said()
    arrived = st.session_state.get(_PAGE) != page
    remembered: View = st.session_state.get(_MEMORY, View())
    if arrived and not view.params() and remembered.only(names).params():
        view = remembered
        st.query_params.from_dict({**st.query_params.to_dict(), **view.only(names).params()})
    st.session_state[_PAGE] = page
    st.session_state[_MEMORY] = replace(remembered, **_chosen(view, names))
    return view.only(names)


def remembered(**changes: Any) -> dict[str, str]:
    """URL parameters of the view that was shown last, with changes: for links to the traces behind a number."""
    view: View = st.session_state.get(_MEMORY, View())
    return replace(view, **changes).params()


def bar(view: View, *, facets: bool = False, beside: Callable[[], None] | None = None) -> None:
    """Draw the row: time range, project, more filters where `facets`, and the active ones as chips to take away.

    Args:
        beside: draws what the page has at the end of the row.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _range(view)
        _project(view)
        if facets:
            _more(view)
        if beside is not None:
            beside()
    if view.range == "custom":
        _custom(view)
    _chips(view)


def apply(view: View) -> None:
    """Make `view` the one that the page shows, by writing the URL. Pages of results start over."""
    own = {name: value for name, value in st.query_params.to_dict().items() if name in OWN}
    st.query_params.from_dict(own | view.params())


def change(**changes: Any) -> None:
    """Change the view that the URL says. That may be newer than the one that the page drew its controls for."""
    apply(replace(_said(), **changes))


def _said() -> View:
    return parse(st.query_params.to_dict())


def _chosen(view: View, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(view, name) for name in ("range", "start", "end", *names)}


def _range(view: View) -> None:
    st.session_state["filters.range"] = view.range
    st.segmented_control(
        "Time range",
        list(RANGE_WORDS),
        format_func=RANGE_WORDS.__getitem__,
        key="filters.range",
        on_change=_set_range,
        label_visibility="collapsed",
        required=True,
    )


def _set_range() -> None:
    chosen = st.session_state["filters.range"] or DEFAULT_RANGE
    if chosen == "custom":
        start, end = _said().bounds(present())
        change(range="custom", start=start, end=end or present() + timedelta(minutes=1))
    else:
        change(range=chosen, start=None, end=None)


def _custom(view: View) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for name, label in (("start", "From (UTC)"), ("end", "To (UTC)")):
            moment: datetime = getattr(view, name) or present()
            st.session_state[f"filters.{name}"] = moment.replace(tzinfo=None)
            st.datetime_input(label, key=f"filters.{name}", on_change=partial(_set_moment, name), width=220)


def _set_moment(name: str) -> None:
    view = _said()
    moment = st.session_state[f"filters.{name}"]
    chosen = moment.replace(tzinfo=UTC) if moment else None
    start, end = (chosen, view.end) if name == "start" else (view.start, chosen)
    if start and end and start >= end:
        start, end = (start, start + RANGES["1h"]) if name == "start" else (end - RANGES["1h"], end)
    change(start=start, end=end)


def _project(view: View) -> None:
    projects = data.projects()
    if len(projects) > 1 or view.project:
        _choice(view, "project", "Project", list(projects))


def _more(view: View) -> None:
    chosen = view.trace_filter(present())
    with st.popover("More filters", icon=":material/filter_list:"):
        _choice(view, "flag", "Quality flag", list(QualityFlag), words.flag)
        _choice(view, "status", "Status", list(TraceStatus), words.status)
        names: tuple[Facet, ...] = ("library", "model")
        for facet in names:
            found = {each.value: each.count for each in data.facet(facet, chosen)}
            _choice(view, facet, facet.capitalize(), [*found], lambda value, found=found: _counted(value, found))
        for name, label in (("min_ms", "At least, in ms"), ("max_ms", "At most, in ms")):
            st.session_state[f"filters.{name}"] = getattr(view, name)
            st.number_input(label, min_value=0.0, step=100.0, key=f"filters.{name}", on_change=partial(_set, name))


def _counted(value: str, found: dict[str, int]) -> str:
    return f"{words.label(value, 40) or 'none'} · {words.count(found.get(value))}"


def _choice(view: View, name: str, label: str, options: list[Any], say: Any = words.label) -> None:
    value = getattr(view, name)
    st.session_state[f"filters.{name}"] = value
    if value is not None and value not in options:
        options = [value, *options]
    st.selectbox(
        label,
        options,
        key=f"filters.{name}",
        format_func=say,
        placeholder="All projects" if name == "project" else "All",
        label_visibility="collapsed" if name == "project" else "visible",
        on_change=partial(_set, name),
        width=200 if name == "project" else "stretch",
        index=None,
    )


def _set(name: str) -> None:
    change(**{name: st.session_state[f"filters.{name}"]})


def _chips(view: View) -> None:
    chips = view.chips()
    if not chips:
        return
    with st.container(horizontal=True, gap="small"):
        for name, said in chips.items():
            st.button(
                words.label(said, 40),
                key=f"filters.chip.{name}",
                icon=":material/close:",
                icon_position="right",
                help="Take this filter away",
                on_click=partial(_take_away, name),
            )
        if len(chips) > 1:
            st.button("Clear all", key="filters.clear", type="tertiary", on_click=_clear)


def _take_away(name: str) -> None:
    apply(_said().without(name))


def _clear() -> None:
    apply(_said().cleared())
