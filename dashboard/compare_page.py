"""What the page Compare has on top: whether groups or two traces are compared."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from dashboard import compare_view
from dashboard.compare_view import Asked

_GROUPS, _TRACES = "Groups", "Two traces"


def kind(asked: Asked) -> None:
    """Draw the choice between groups and two traces; the URL holds it."""
    st.session_state["compare.kind"] = _TRACES if asked.of_traces else _GROUPS
    st.segmented_control(
        "Kind", [_GROUPS, _TRACES], key="compare.kind", label_visibility="collapsed", required=True, on_change=_set
    )


def go(asked: Asked) -> None:
    """Write what is asked into the URL, beside the filters."""
    kept = {name: value for name, value in st.query_params.to_dict().items() if name not in compare_view.PARAMS}
    st.query_params.from_dict({**kept, **asked.params()})


def newest(asked: Asked) -> Asked:
    """`asked`, with the groups that the URL says by now: another field may have been changed with this one."""
    said = compare_view.parse(st.query_params.to_dict())
    return replace(asked, a=said.a or asked.a, b=said.b or asked.b)


def _set() -> None:
    go(Asked(trace="") if st.session_state["compare.kind"] == _TRACES else Asked())
