"""Flagged and low-rated answers, one at a time."""

import streamlit as st

from dashboard import filters, rating_data, review_page

view = filters.current("review", filters.EVERYTHING)
filters.bar(view, facets=True)
chosen = view.trace_filter(filters.present())

review_page.work(rating_data.queue(chosen))
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    st.caption(f"Keys: {review_page.KEYS}", width="content")
    st.space("stretch")
    review_page.export(chosen)
