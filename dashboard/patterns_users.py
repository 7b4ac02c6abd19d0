"""The part of the page of patterns about who asks: when in the week, how much, and how content they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import streamlit as st

from dashboard import (
    clickable,
    decisions_panels,
    filters,
    layout,
    navigation,
    patterns_charts,
    patterns_data,
    states,
    words,
)
from dashboard.fitting_table import fitting_table
from dashboard.view import View
from tracing_core.query.user_segments import Activity, Users
from tracing_core.user_segments import Focus, Mood, User, Volume

_MOST_ROWS = 200


def show(view: View) -> None:
    """Users by segment, and the hours of the week."""
    chosen = view.trace_filter(filters.present())
    hours, found = patterns_data.activity(chosen), patterns_data.users(chosen)
    if not hours:
        states.empty("No questions in this time.", hint="Choose a longer time range, or ask some.", chat=True)
        return
    if found.users:
        _numbers(found)
    left, right = layout.wide_then_narrow()
    with (
        left,
        decisions_panels.panel("When people ask", "By weekday and hour, in UTC; a cell leads to its newest hour"),
    ):
        picked = clickable.chart(patterns_charts.activity(hours), "patterns.activity", "Questions by hour of the week")
        if picked:
            _open_hour(view, hours, picked[0][0], picked[0][1])
    with right, decisions_panels.panel("Segments", "Users by how much they ask and how they rate; a bar shows them"):
        if not found.users:
            st.caption("No trace of this time says whose it is.")
            return
        segment = clickable.chart(
            patterns_charts.segments(found.segments), "patterns.segments", "Users by volume and mood"
        )
    _table(view, found, (segment[0][0], segment[0][1]) if segment else None)


def _numbers(found: Users) -> None:
    heavy = [each for each in found.users if each.volume is Volume.HEAVY]
    unhappy = [each for each in found.users if each.mood is Mood.UNHAPPY]
    focused = [each for each in found.users if each.focus is Focus.ONE]
    rated = [each for each in found.users if each.mood is not Mood.SILENT]
    whole = sum(each.facts.questions for each in found.users)
    with st.grid(5, min_column_width=150, gap="small"):
        st.metric("Users", words.count(len(found.users)), border=True)
        st.metric(
            "Heavy", words.count(len(heavy)), border=True,
            help=f"Who ask {words.share(sum(each.facts.questions for each in heavy) / whole)} of all questions",
        )  # fmt: skip
        st.metric("Unhappy", words.count(len(unhappy)), border=True, help="Mean rating of 2.5 or less")
        st.metric("Rated something", words.share(len(rated) / len(found.users)), border=True)
        st.metric(
            "Stay with one library", words.share(len(focused) / len(found.users)), border=True,
            help="Four of five of their questions are about it",
        )  # fmt: skip
    if not found.whole:
        st.caption(f"From the newest {words.count(found.looked_at)} traces of known users.")


def _open_hour(view: View, hours: Sequence[Activity], weekday: int, hour: int) -> None:
    newest = next((each.newest for each in hours if (each.weekday, each.hour) == (weekday, hour)), None)
    if newest is not None:
        _open(view, newest)


def _open(view: View, start: datetime) -> None:
    changed = replace(view, range="custom", start=start, end=start + timedelta(hours=1))
    navigation.open_page("traces", changed.params())


def _table(view: View, found: Users, segment: tuple[str, str] | None) -> None:
    shown = [each for each in found.users if segment is None or (each.volume, each.mood) == segment]
    st.subheader(f"{segment[0].capitalize()} users, {segment[1]}" if segment else "Users", anchor=False)
    rows = [_row(each) for each in shown[:_MOST_ROWS]]
    at = fitting_table(
        rows, "patterns.users", alt="Users with what they ask, think and cost",
        numbers=("Questions", "Rating", "Flagged", "Cost"), lesser=("Rating", "Cost", "Last asked"), click="opens",
    )  # fmt: skip
    if len(shown) > _MOST_ROWS:
        st.caption(f"The first {_MOST_ROWS} of {words.count(len(shown))}")
    if at is not None:
        navigation.open_page("traces", replace(view, user=shown[at].facts.user_id).params())


def _row(each: User) -> dict[str, str]:
    facts = each.facts
    return {
        "User": facts.user_id,
        "Segment": f"{each.volume}, {each.mood}",
        "Questions": words.count(round(facts.questions)),
        "Rating": words.ABSENT if facts.rating is None else f"{facts.rating:.1f} ({facts.rated})",
        "Flagged": words.share(each.flagged_share),
        "Mostly about": _about(each),
        "Cost": words.money(facts.cost_usd),
        "Last asked": words.ago(facts.last_at, filters.now()),
    }


def _about(each: User) -> str:
    if each.favourite is None:
        return words.ABSENT
    share = each.facts.libraries[each.favourite] / sum(each.facts.libraries.values())
    return f"{each.favourite} ({share * 100:.0f} %)"
