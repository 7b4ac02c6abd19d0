"""The page Explain: which traces, against which, the heat map to draw a box on, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

import streamlit as st

from dashboard import (
    data,
    decisions_panels,
    explain_data,
    explain_findings,
    filters,
    heat_map,
    navigation,
    saved_views,
    states,
    words,
)
from dashboard.explain_view import (
    AGAINST,
    PARAMS,
    THESE,
    Against,
    Asked,
    Box,
    These,
    asked,
    both,
    cohort,
    missing,
    reference,
)
from dashboard.view import View
from tracing_core.errors import InvalidInput, TraceNotFound
from tracing_core.query.heat import Heat
from tracing_core.saved_view import SavedView

_ALWAYS: tuple[These, ...] = ("slow", "failed", "flagged", "low_rated", "expensive", "box", "all", "saved")
_HEAT = "explain.heat"


def choose(view: View) -> Asked:
    """The controls that say which traces are explained, and against which; returns what the URL says."""
    question = _asked()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _these(view, question)
        if question.these == "saved":
            _saved(question)
        _against(question)
    if question.against == "time":
        _other_time(question)
    return question


def heat(view: View, question: Asked) -> None:
    """The heat map; a box that is drawn on it becomes the traces to explain."""
    found = explain_data.heat(both(view, question).trace_filter(filters.present()))
    with decisions_panels.panel("Latency over time", "The darker, the more traces. Drag a box around those to explain"):
        if not found.cells:
            st.caption("No trace of this time was timed.")
            return
        st.plotly_chart(
            heat_map.heat_map(found, question.box),
            key=_HEAT,
            on_select=partial(_drawn, found),
            selection_mode="box",
            config=decisions_panels.PLAIN,
            alt="Latency over time as a heat map",
        )
        if question.box is not None:
            _boxed(view, question.box)


def answer(view: View, question: Asked) -> None:
    """What sets the chosen traces apart; what is missing where that cannot be said."""
    saved = next((each for each in saved_views.views() if each.view_id == question.saved), None)
    if said := missing(view, question, saved):
        states.empty(said)
        return
    now = filters.present().replace(second=0)
    try:
        asked_about = cohort(view, question, now, saved)
        with st.spinner("Holding these traces against the others, fact by fact …", show_time=True):
            found = explain_data.explanation(asked_about, reference(view, question, now), now)
    except TraceNotFound:
        states.empty("There is no trace with this id.", hint="It may not be stored yet, or not any more.")
    except InvalidInput as error:
        states.empty(f"This cannot be explained: {error.problem}.")
    else:
        explain_findings.show(found)


def _these(view: View, question: Asked) -> None:
    options = [*_ALWAYS]
    if view.without("project").chips():
        options.append("filter")
    if question.these not in options:
        options.append(question.these)
    st.session_state["explain.these"] = question.these
    st.segmented_control(
        "Explain",
        options,
        key="explain.these",
        format_func=THESE.__getitem__,
        required=True,
        wrap=True,
        on_change=_set_these,
    )


def _against(question: Asked) -> None:
    options: list[Against] = [each for each in AGAINST if (question.these, each) != ("all", "rest")]
    st.session_state["explain.against"] = question.against
    st.selectbox(
        "against",
        options,
        key="explain.against",
        format_func=AGAINST.__getitem__,
        on_change=_set_against,
        width=190,
    )


def _saved(question: Asked) -> None:
    names: Mapping[str, SavedView] = {each.view_id: each for each in saved_views.views()}
    st.session_state["explain.saved"] = question.saved if question.saved in names else None
    st.selectbox(
        "View",
        list(names),
        key="explain.saved",
        index=None,
        format_func=lambda view_id: words.label(names[view_id].name, 40),
        placeholder="Choose a view" if names else "None is saved yet",
        on_change=_set_saved,
        width=220,
    )


def _other_time(question: Asked) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for name, label in (("ref_start", "Against, from (UTC)"), ("ref_end", "to (UTC)")):
            moment: datetime = getattr(question, name) or filters.present()
            st.session_state[f"explain.{name}"] = moment.replace(tzinfo=None)
            st.datetime_input(label, key=f"explain.{name}", on_change=partial(_set_moment, name), width=220)


def _boxed(view: View, box: Box) -> None:
    """How many are in the box, and the way to their list."""
    inside = replace(
        view, range="custom", start=box.start, end=box.end, min_ms=round(box.low_ms, 2), max_ms=round(box.high_ms, 2)
    )
    counted = data.trace_count(inside.trace_filter(box.end))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f"**{'' if counted.exact else 'more than '}{words.count(counted.count)} traces** of "
            f"{words.duration(box.low_ms)} to {words.duration(box.high_ms)}, "
            f"{box.start:%d %b %H:%M} to {box.end:%d %b %H:%M} UTC",
            width="content",
        )
        navigation.link("traces", "Open", inside.params(), icon=":material/list_alt:")


def _drawn(found: Heat) -> None:
    selection: dict[str, Any] = st.session_state[_HEAT]["selection"]
    box = heat_map.drawn(found, selection)
    if box is not None:
        _ask(replace(_asked(), these="box", box=box))


def _set_these() -> None:
    _ask(replace(_asked(), these=cast(These, st.session_state["explain.these"] or "slow")))


def _set_saved() -> None:
    _ask(replace(_asked(), saved=st.session_state["explain.saved"]))


def _set_against() -> None:
    question = _asked()
    chosen = cast(Against, st.session_state["explain.against"])
    if chosen == "time" and question.ref_start is None:
        day = timedelta(days=1)
        now = filters.present()
        question = replace(question, ref_start=now - 2 * day, ref_end=now - day)
    _ask(replace(question, against=chosen))


def _set_moment(name: str) -> None:
    moment = st.session_state[f"explain.{name}"]
    if moment is None:
        return
    changed = replace(_asked(), **{name: moment.replace(tzinfo=UTC)})
    start, end = changed.ref_start, changed.ref_end
    if start is not None and end is not None and start >= end:
        hour = timedelta(hours=1)
        changed = (
            replace(changed, ref_end=start + hour) if name == "ref_start" else replace(changed, ref_start=end - hour)
        )
    _ask(changed)


def _asked() -> Asked:
    """What the URL says, which may be newer than what the page drew its controls for."""
    return asked(st.query_params.to_dict())


def _ask(question: Asked) -> None:
    """Write what is asked into the URL, beside the filters."""
    others = {name: value for name, value in st.query_params.to_dict().items() if name not in PARAMS}
    st.query_params.from_dict(others | question.params())
