"""The fields in which the two times that are compared can be changed: from when to when, of A and of B."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import streamlit as st

from dashboard import compare_page, compare_view, filters
from dashboard.compare_view import Asked

_HOUR = timedelta(hours=1)
_FIELDS = (("a", 0, "A, from (UTC)"), ("a", 1, "to (UTC)"), ("b", 0, "B, from (UTC)"), ("b", 1, "to (UTC)"))


def choose(asked: Asked) -> None:
    """Draw the four fields; the URL holds what they say."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for group, end, label in _FIELDS:
            key = f"compare.{group}.{end}"
            st.session_state[key] = _ends(asked, group)[end].replace(tzinfo=None, second=0)  # as it is shown
            st.datetime_input(label, key=key, on_change=partial(_set, asked, group, end), width=220)


def _ends(asked: Asked, group: str) -> tuple[datetime, datetime]:
    """Start and end of a group; the last hour where it has none that can be understood."""
    now = filters.present()
    return compare_view.range_of(getattr(asked, group)) or (now - _HOUR, now)


def _set(asked: Asked, group: str, end: int) -> None:
    chosen = st.session_state[f"compare.{group}.{end}"]
    if chosen is None:
        return
    asked = compare_page.newest(asked)
    moment, other = chosen.replace(tzinfo=UTC), _ends(asked, group)[1 - end]
    if end:
        start, last = min(other, moment - _HOUR) if other >= moment else other, moment
    else:
        start, last = moment, max(other, moment + _HOUR) if other <= moment else other
    compare_page.go(replace(asked, **{group: compare_view.range_said(start, last)}))
