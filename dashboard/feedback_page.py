"""The parts of the feedback page: the numbers, how ratings are spread, what was said, and rating an answer by its id."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from dashboard import charts, data, filters, navigation, states, words
from dashboard.rating import COMMENT_CHARS, try_saving
from dashboard.trace_list import SHORT_COLUMNS, trace_list
from dashboard.view import View
from tracing_core.query.feedback import LOW_RATING, RatedTrace
from tracing_core.query.filters import TraceFilter
from tracing_core.query.overview import Totals

_MOST_COMMENTS = 20
_MOST_LOW_RATED = 20


def numbers(totals: Totals) -> None:
    """Average rating, how many there are, and how many answers somebody rated."""
    with st.grid(3, min_column_width=150, gap="small"):
        st.metric("Average rating", words.rating(totals.rating_mean), border=True)
        st.metric("Ratings", words.count(totals.rating_count), border=True)
        st.metric(
            "Answers rated", words.share(totals.feedback_rate), border=True, help="Share of answers with a rating"
        )


def distribution(chosen: TraceFilter) -> None:
    """How often each rating was given; a bar leads to the answers rated so or worse."""
    with st.container(border=True, height="stretch"):
        st.markdown("**Ratings**")
        event = st.plotly_chart(
            charts.ratings(data.rating_distribution(chosen)),
            key="feedback.ratings",
            on_select="rerun",
            selection_mode=("points",),
            config={"displayModeBar": False},
            alt="How often each rating was given",
        )
        if event["selection"]["points"]:
            rating = event["selection"]["points"][0]["customdata"][0]
            navigation.open_page("traces", filters.remembered(max_rating=int(rating)))


def low_rated(chosen: TraceFilter, view: View) -> None:
    """The newest answers that somebody rated badly."""
    st.subheader("Rated low", anchor=False)
    page = data.traces(replace(chosen, max_rating=LOW_RATING), "newest", None, _MOST_LOW_RATED)
    if page.rows:
        trace_list(page.rows, key="feedback.low", now=filters.now(), columns=SHORT_COLUMNS)
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
