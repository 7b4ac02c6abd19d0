"""How far the mean of some lies from the mean of all (section on calibration)."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from tracing_core.mean_difference import Moments, difference

NUMBERS = st.lists(st.floats(0, 3), min_size=4, max_size=30)


def moments(numbers: Sequence[float], weight: float = 1.0) -> Moments:
    return Moments(
        count=weight * len(numbers),
        squares=weight**2 * len(numbers),
        total=weight * sum(numbers),
        total_squares=weight * sum(each * each for each in numbers),
    )


@given(NUMBERS, NUMBERS)
def test_it_is_welchs_interval_of_the_difference_to_the_others(some: list[float], others: list[float]) -> None:
    """As SciPy has it, made smaller by the share of the others, since the average that is compared with holds both."""
    found = difference(moments(some), moments([*some, *others]))
    part = len(others) / (len(some) + len(others))
    if max(some) - min(some) < 1e-3 or max(others) - min(others) < 1e-3:
        return  # no spread: numbers of nothing but rounding
    theirs = ttest_ind(some, others, equal_var=False).confidence_interval(0.95)
    assert found == pytest.approx((theirs.low * part, theirs.high * part), abs=1e-6)


def test_the_interval_holds_the_difference_as_often_as_it_says() -> None:
    """Of 400 draws, about 95 in a hundred intervals hold what is true; a fixed seed makes this one number."""
    source = random.Random(5)
    held = 0
    for _ in range(400):
        some = [source.gauss(1.5, 0.4) for _ in range(15)]
        others = [source.gauss(2.0, 0.8) for _ in range(45)]
        low, high = difference(moments(some), moments([*some, *others])) or (0.0, 0.0)
        held += low <= -0.5 * 45 / 60 <= high
    assert 0.92 <= held / 400 <= 0.98


def test_a_weight_is_not_evidence() -> None:
    """Runs that stand for ten each make an interval no narrower."""
    some, others = [1.0, 2.0, 1.5, 1.2], [2.5, 2.0, 2.8, 3.0]
    assert difference(moments(some, 10), moments([*some, *others], 10)) == pytest.approx(
        difference(moments(some), moments([*some, *others]))
    )


@pytest.mark.parametrize(("some", "others"), [([1.0, 2.0], [1.0] * 9), ([1.0] * 9, []), ([1.0] * 9, [2.0, 3.0])])
def test_too_few_have_no_interval(some: list[float], others: list[float]) -> None:
    """Two runs, or nothing beside the ones in question, say nothing of chance."""
    assert difference(moments(some), moments([*some, *others])) is None


def test_numbers_without_spread_have_an_interval_without_width() -> None:
    """All of them equal on either side."""
    assert difference(moments([1.0] * 4), moments([1.0] * 4 + [2.0] * 4)) == (-0.5, -0.5)
