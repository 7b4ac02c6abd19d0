"""A time range is covered by buckets without a gap and without an overlap."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracing_core.query.time_buckets import WIDTHS, Piece, bucket_starts, chart_granularity, pieces

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
moments = st.datetimes(datetime(2026, 10, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - zone follows


@given(moments, moments)
def test_pieces_cover_the_range_once(one: datetime, other: datetime) -> None:
    """In order they go on where the one before ends, and stick out of the range by less than a minute."""
    start, end = min(one, other), max(one, other) + timedelta(seconds=1)
    covered = sorted(pieces(start, end), key=lambda piece: piece.start or start)
    for before, after in itertools.pairwise(covered):
        assert before.end == after.start
    first, last = covered[0].start, covered[-1].end
    assert first is not None
    assert last is not None
    assert timedelta(0) <= start - first < MINUTE
    assert timedelta(0) <= last - end < MINUTE


@given(moments, moments)
def test_pieces_are_whole_buckets(one: datetime, other: datetime) -> None:
    """Each begins and ends on a boundary of its own granularity, and there are at most five of them."""
    found = pieces(min(one, other), max(one, other) + timedelta(seconds=1))
    assert len(found) <= 5
    midnight = NOON.replace(hour=0)
    for piece in found:
        for edge in (piece.start, piece.end):
            assert edge is not None
            assert (edge - midnight) % WIDTHS[piece.granularity] == timedelta(0)


def test_an_open_range_is_whole_days() -> None:
    """Without bounds the day rollups tell everything."""
    assert pieces(None, None) == (Piece(granularity="day", start=None, end=None),)


def test_an_empty_range_has_no_pieces() -> None:
    """A range that ends where it starts covers nothing."""
    assert pieces(NOON, NOON) == ()


@pytest.mark.parametrize(
    ("length", "granularity"),
    [
        (timedelta(hours=3), "minute"),
        (timedelta(hours=4), "hour"),
        (timedelta(days=8), "hour"),
        (timedelta(days=9), "day"),
    ],
)
def test_a_chart_has_at_most_about_200_points(length: timedelta, granularity: str) -> None:
    """The granularity follows from the length of the range."""
    assert chart_granularity(length) == granularity
    assert len(bucket_starts(NOON, NOON + length, granularity)) <= 200


def test_bucket_starts_include_the_bucket_of_each_edge() -> None:
    """Half an hour over two hours touches both of them."""
    start = NOON + timedelta(minutes=45)
    assert bucket_starts(start, start + timedelta(minutes=30), "hour") == (NOON, NOON + timedelta(hours=1))


def test_too_many_buckets_are_not_spelled_out() -> None:
    """A year by the minute is not filled up with empty buckets."""
    assert bucket_starts(NOON, NOON + timedelta(days=365), "minute") == ()
