"""The parts of the feedback page: the numbers, how ratings are spread, what was said, and rating an answer by its id."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard import charts, clickable, data, filters, navigation, rating_charts, rating_data, states, words
from dashboard.panels import open_times
from dashboard.rating import COMMENT_CHARS, try_saving
from dashboard.trace_list import trace_list
from dashboard.view import View
from tracing_core.query.feedback import LOW_RATING, RatedTrace
from tracing_core.query.filters import TraceFilter
from tracing_core.query.overview import Totals
from tracing_core.query.rating_groups import Dimension, RatedGroup

_CHANCE = "Beneath is the interval that chance leaves it, in 95 of 100 cases"
_MOST_COMMENTS = 20
_MOST_LOW_RATED = 20
_COLUMNS = ("time", "question", "latency", "rating")
"""Without the flag, which says no more than the rating, and would take its room on a narrow page."""


def numbers(totals: Totals, chosen: TraceFilter) -> None:
    """Average rating and how many answers somebody rated, with their intervals; how many ratings there are, and wait."""
    everything = next(iter(rating_data.groups(chosen, None)), None)
    mean = rate = None
    if everything is not None:
        mean = f"{words.rating(everything.mean.low)} to {words.rating(everything.mean.high)}"
        rate = f"{words.share(everything.rate.low)} to {words.share(everything.rate.high)}"
    with st.grid(3, min_column_width=150, gap="small"):
        _metric("Average rating", words.rating(totals.rating_mean), mean, "The mean of all ratings, 1 to 5. " + _CHANCE)
        _metric("Ratings", words.count(totals.rating_count), _waiting(), None)
        _metric("Answers rated", words.share(totals.feedback_rate), rate, "Share of answers with a rating. " + _CHANCE)


def _metric(label: str, value: str, beneath: str | None, help_text: str | None) -> None:
    st.metric(
        label, value, beneath, delta_color="off", delta_arrow="off", border=True, help=help_text, height="stretch"
    )


def _waiting() -> str | None:
    """What is not counted: ratings whose traces have not come, or did not."""
    waits, in_vain = rating_data.waiting()
    said = ["1 waits for its trace" if waits == 1 else f"{words.count(waits)} wait for their traces"] if waits else []
    said += [f"{words.count(in_vain)} waited in vain"] if in_vain else []
    return " · ".join(said) or None


def trend(chosen: TraceFilter) -> None:
    """The average and the number of ratings over time; a bar or point leads to its traces."""
    with st.container(border=True):
        st.markdown("**Over time**")
        points = rating_data.over_time(chosen)
        if not any(point.count for point in points):
            st.caption("Nobody rated anything in this time.")
            return
        picked = clickable.chart(
            rating_charts.over_time(points), "feedback.trend", "Average rating and number of ratings over time"
        )
        open_times([entry[0] for entry in picked], [point.bucket for point in points], max_rating=5)


def by(chosen: TraceFilter, dimension: Dimension) -> None:
    """The average of each model or library with its interval; a point leads to its low-rated traces."""
    with st.container(border=True, height="stretch"):
        st.markdown(f"**By {dimension}**", help="Average rating. " + _CHANCE)
        rows = rating_data.groups(chosen, dimension)
        if not rows:
            st.caption("Nobody rated anything in this time.")
            return
        figure = rating_charts.groups(rows, f"no {dimension}")
        picked = clickable.chart(figure, f"feedback.by.{dimension}", f"Average rating by {dimension}")
        if picked:
            changes: dict[str, Any] = {dimension: picked[0][0], "max_rating": 5}
            navigation.open_page("traces", filters.remembered(**changes))
        if len(rows) > rating_charts.MOST_GROUPS:
            st.caption(f"The {rating_charts.MOST_GROUPS} with the most ratings of {words.count(len(rows))}")
        st.caption(" · ".join(_told(each, dimension) for each in rows[: rating_charts.MOST_GROUPS]))


def _told(group: RatedGroup, dimension: str) -> str:
    name = words.label(group.name or f"no {dimension}", 24)
    ratings = "1 rating" if group.seen == 1 else f"{words.count(group.seen)} ratings"
    answers = "1 answer" if group.answers == 1 else f"{words.count(group.answers)} answers"
    return f"{name} {ratings} of {answers}"


def distribution(chosen: TraceFilter) -> None:
    """How often each rating was given; a bar leads to the answers rated so or worse."""
    with st.container(border=True, height="stretch"):
        st.markdown("**Ratings**")
        figure = charts.ratings(data.rating_distribution(chosen))
        picked = clickable.chart(figure, "feedback.ratings", "How often each rating was given")
        if picked:
            navigation.open_page("traces", filters.remembered(max_rating=int(picked[0][0])))


def low_rated(chosen: TraceFilter, view: View) -> None:
    """The newest answers that somebody rated badly."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Rated low", anchor=False, width="content")
        st.space("stretch")
        navigation.link("review", "Review them one by one", view.params(), icon=":material/rate_review:")
    page = data.traces(replace(chosen, max_rating=LOW_RATING), "newest", None, _MOST_LOW_RATED)
    if page.rows:
        trace_list(page.rows, key="feedback.low", now=filters.now(), columns=_COLUMNS)
        if page.next_cursor:
            navigation.link("traces", "All of them", replace(view, max_rating=LOW_RATING).params())
    else:
        states.empty(f"No answer is rated {LOW_RATING} or less in this time.")


def comments(chosen: TraceFilter) -> None:
    """What people wrote, the newest first."""
    with st.container(border=True, height="stretch"):
        st.markdown("**Comments**")
        rated = [each for each in data.recent_feedback(chosen, _MOST_COMMENTS * 5) if each.comment][:_MOST_COMMENTS]
        with st.container(height=230, border=False, gap="small"):
            for each in rated:
                _comment(each)
            if not rated:
                st.caption("Nobody wrote anything in this time.")


def rate_by_id() -> None:
    """Rate an answer that one knows the id of."""
    with st.expander("Rate an answer by its id", icon=":material/star:"), st.form("feedback.form", border=False):
        trace_id = st.text_input("Trace id", key="feedback.trace_id", placeholder="trc_20261121_013022_…").strip()
        st.caption("Rating")
        starred = st.feedback("stars", key="feedback.stars")
        comment = st.text_area("Comment", key="feedback.comment", max_chars=COMMENT_CHARS).strip()
        if st.form_submit_button("Save rating"):
            if not trace_id or starred is None:
                st.warning("Give the id of a trace, and one to five stars.")
            else:
                try_saving(lambda rating, text: data.rate(trace_id, rating, text), starred + 1, comment or None)


def _comment(rated: RatedTrace) -> None:
    with st.container(gap=None):
        st.caption(f"{words.stars(rated.rating)} · {words.ago(rated.updated_at, filters.now())}")
        st.text(rated.comment or "")
        navigation.link("trace", words.label(rated.query or rated.trace_id, 80), {"id": rated.trace_id})
