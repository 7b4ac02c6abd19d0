"""What people think of the answers."""

import streamlit as st

from dashboard import data, feedback_page, filters, layout

view = filters.current("feedback", filters.EVERYTHING)
filters.bar(view, facets=True)
chosen = view.trace_filter(filters.present())

feedback_page.numbers(data.totals(chosen), chosen)
left, right = layout.narrow_then_wide()
with left:
    feedback_page.distribution(chosen)
with right:
    feedback_page.comments(chosen)
feedback_page.trend(chosen)
with st.grid(2, min_column_width=360, gap="small"):
    feedback_page.by(chosen, "model")
    feedback_page.by(chosen, "library")
feedback_page.low_rated(chosen, view)
feedback_page.rate_by_id()
