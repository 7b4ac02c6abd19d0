"""Where what grows will be, and how sure that is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tracing_core.forecast import CERTAINTY, FEWEST_DAYS, MOST_DAYS, days_left, forecast

AMOUNTS = st.lists(st.floats(-1e9, 1e9), min_size=FEWEST_DAYS, max_size=60)


def test_few_days_say_nothing() -> None:
    """No line is drawn through two points."""
    assert forecast([1.0] * (FEWEST_DAYS - 1), 30) is None
    assert days_left([1.0] * (FEWEST_DAYS - 1), 30) is None


def test_even_days_go_on() -> None:
    """Where no day differs from another, there is no doubt."""
    found = forecast([10.0] * 7, 30)
    assert found is not None
    assert (found.expected, found.low, found.high) == (300, 300, 300)
    left = days_left([10.0] * 7, 95)
    assert left is not None
    assert (left.expected, left.soonest, left.latest) == (10, 10, 10)


def test_what_shrinks_is_never_full() -> None:
    """Days that free room leave it for ever."""
    left = days_left([-1.0] * 9, 5)
    assert left is not None
    assert left.expected is None
    assert left.latest is None


@given(AMOUNTS, st.integers(1, MOST_DAYS))
@examples(max_examples=50)
def test_the_interval_is_about_the_mean(daily: list[float], days: int) -> None:
    """What is expected is the mean day as often as there are days, between low and high, which part as days go by."""
    near, far = forecast(daily, days), forecast(daily, days + 1)
    assert near is not None
    assert far is not None
    assert near.low <= near.expected <= near.high
    assert near.expected == pytest.approx(days * float(np.mean(daily)), rel=1e-9, abs=1e-3)
    assert far.high - far.low >= (near.high - near.low) * (1 - 1e-9) - 1e-3


@given(st.lists(st.floats(0, 1e6), min_size=FEWEST_DAYS, max_size=40), st.floats(1, 1e8))
@examples(max_examples=50)
def test_soonest_comes_before_latest(daily: list[float], room: float) -> None:
    """The days left are those after which the forecast is over the room, and the day before it is not."""
    left = days_left(daily, room)
    assert left is not None
    ends = [MOST_DAYS + 1 if each is None else each for each in (left.soonest, left.expected, left.latest)]
    assert ends == sorted(ends)
    if left.expected is not None:
        after, before = forecast(daily, left.expected), forecast(daily, left.expected - 1)
        assert after is not None
        assert before is not None
        assert before.expected <= room < after.expected


@pytest.mark.parametrize("alike", [0.0, 0.4])
def test_the_interval_holds_as_often_as_it_says(alike: float) -> None:
    """Of many made-up histories, with days alone or alike, about 80 in a hundred end between low and high."""
    random = np.random.default_rng(20261121)
    inside = 0
    histories = 400
    for _ in range(histories):
        noise = random.normal(0, 30, 70)
        for at in range(1, 70):
            noise[at] += alike * noise[at - 1]
        days = 100 + noise
        found = forecast(days[:40].tolist(), 30)
        assert found is not None
        inside += found.low <= days[40:].sum() <= found.high
    assert abs(inside / histories - CERTAINTY) < 0.08
