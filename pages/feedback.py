"""What people think of the answers."""

import streamlit as st

from dashboard import data, feedback_page, filters

view = filters.current("feedback", filters.EVERYTHING)
filters.bar(view, facets=True)
chosen = view.trace_filter(filters.present())

feedback_page.numbers(data.totals(chosen))
left, right = st.columns([2, 3])
with left:
    feedback_page.distribution(chosen)
with right:
    feedback_page.comments(chosen)
feedback_page.low_rated(chosen, view)
feedback_page.rate_by_id()
