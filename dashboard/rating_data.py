"""What the pages Feedback and Review read besides `data`."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from dashboard import data
from dashboard.data import store
from tracing_core.clock import SystemClock
from tracing_core.ledger import RATINGS, Outcome
from tracing_core.query import feedback as feedback_query
from tracing_core.query import rating_groups, review_queue
from tracing_core.query.filters import TraceFilter
from tracing_core.query.rating_groups import Dimension, RatedGroup, RatingPoint
from tracing_core.query.review_queue import ReviewItem
from tracing_core.review import label as write_labels
from tracing_core.review import settle as write_settled

LOOKED_BACK = timedelta(days=30)


@st.cache_data(ttl=5, max_entries=50, show_spinner=False)
def groups(chosen: TraceFilter, dimension: Dimension | None) -> tuple[RatedGroup, ...]:
    """Ratings by model or library, or of all."""
    return rating_groups.ratings_by(store().database, chosen, dimension)


@st.cache_data(ttl=5, max_entries=50, show_spinner=False)
def over_time(chosen: TraceFilter) -> tuple[RatingPoint, ...]:
    """Ratings by bucket of time."""
    return rating_groups.ratings_over_time(store().database, chosen)


@st.cache_data(ttl=10, show_spinner=False)
def waiting() -> tuple[int, int]:
    """How many ratings wait for their traces, and how many waited in vain in the last days."""
    waits = feedback_query.waiting_count(store().database)
    lines = data.ledger((SystemClock().now() - LOOKED_BACK).date())
    return waits, sum(each.count for each in lines if (each.source, each.outcome) == (RATINGS, Outcome.DROPPED))


@st.cache_data(ttl=5, max_entries=20, show_spinner=False)
def queue(chosen: TraceFilter) -> tuple[str, ...]:
    """The ids of the traces that wait for a review."""
    return review_queue.waiting_for_review(store().database, chosen)


@st.cache_data(ttl=5, max_entries=50, show_spinner=False)
def item(trace_id: str) -> ReviewItem | None:
    """One of them; None when it is gone."""
    return review_queue.review_item(store().database, trace_id)


@st.cache_data(ttl=30, show_spinner=False)
def labels() -> tuple[str, ...]:
    """All labels that are in use."""
    return review_queue.labels_in_use(store().database)


def data_set(chosen: TraceFilter) -> str:
    """What people said of traces, as JSON lines."""
    return "".join(review_queue.data_set(store().database, chosen))


def settle(trace_id: str) -> None:
    """Take a trace out of the queue.

    Raises:
        TraceNotFound: there is no such trace any more.
        StorageError: the database did not take it.
    """
    write_settled(store().database, trace_id=trace_id)
    forget()


def put_labels(trace_id: str, chosen: tuple[str, ...]) -> None:
    """Label a trace.

    Raises:
        InvalidInput: a label cannot be one.
        TraceNotFound: there is no such trace any more.
        StorageError: the database did not take it.
    """
    write_labels(store().database, trace_id=trace_id, labels=chosen)
    forget()


def forget() -> None:
    """Read again whatever a review changes."""
    for read in (queue, item, labels, groups, over_time, data.trace, data.traces, data.trace_count):
        read.clear()
