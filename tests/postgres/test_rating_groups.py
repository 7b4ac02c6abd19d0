"""Ratings by model, library and time, with counts and intervals (D5)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON, make_trace
from tests.postgres.writing import rate, store
from tracing_core.query import feedback as query
from tracing_core.query.filters import TraceFilter
from tracing_core.query.rating_groups import rating_interval, ratings_by, ratings_over_time
from tracing_core.storage.database import Database

ALL = TraceFilter()


def test_groups_have_mean_count_and_share(database: Database) -> None:
    """By library, most ratings first; traces without one are a group of their own, and unrated groups are none."""
    made = [make_trace(library=library) for library in ("fastapi", "fastapi", "pandas", None, "plotly")]
    store(database, *made)
    for trace, rating in zip(made, (1, 4, 5, 3), strict=False):
        rate(database, trace, rating)
    rate(database, made[0], 2, user_id="another")
    first, *others = ratings_by(database, ALL, "library")
    assert (first.name, first.seen, first.answers) == ("fastapi", 3, 2)
    assert first.mean.value == pytest.approx(7 / 3)
    assert first.low.value == pytest.approx(2 / 3)
    assert first.rate.value == 1
    assert first.mean.low < first.mean.value < first.mean.high
    assert {(each.name, each.seen) for each in others} == {("pandas", 1), (None, 1)}
    (everything,) = ratings_by(database, ALL, None)
    assert (everything.seen, everything.answers, everything.rate.value) == (5, 5, 0.8)
    assert everything.mean.value == query.average_rating(database, ALL)
    assert ratings_by(database, TraceFilter(library="plotly"), "model") == ()


def test_ratings_over_time_lie_where_their_traces_began(database: Database) -> None:
    """Empty buckets have no mean."""
    early, late = make_trace(started_at=NOON - timedelta(hours=3)), make_trace(started_at=NOON)
    store(database, early, late)
    rate(database, early, 2)
    rate(database, late, 4)
    points = ratings_over_time(database, TraceFilter(start=NOON - timedelta(hours=4), end=NOON + timedelta(hours=1)))
    rated = [point for point in points if point.count]
    assert [point.mean for point in rated] == [2, 4]
    assert rated[0].bucket < rated[1].bucket
    assert {point.mean for point in points if not point.count} == {None}


@given(st.floats(1, 5), st.floats(0.5, 1e6))
def test_an_interval_holds_its_mean_and_stays_on_the_scale(mean: float, effective: float) -> None:
    """From 1 to 5, and narrower of more."""
    found = rating_interval(mean, effective)
    assert 1 <= found.low <= mean + 1e-9
    assert mean - 1e-9 <= found.high <= 5
    more = rating_interval(mean, effective * 4)
    assert more.high - more.low <= found.high - found.low
