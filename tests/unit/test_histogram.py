"""The histogram of durations: quantiles within 1 %, merged by adding."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from tracing_core.histogram import RELATIVE_ERROR, bin_of, bin_value, quantile, quantile_bin

durations = st.floats(min_value=0.001, max_value=1e9, allow_nan=False)


def histogram_of(values: list[float]) -> Counter[int]:
    return Counter(bin_of(value) for value in values)


@given(durations)
@example(0.001)
@example(1.0)
@example(100.0)
def test_a_bin_stands_for_what_falls_into_it(milliseconds: float) -> None:
    """Within 1 %."""
    assert math.isclose(bin_value(bin_of(milliseconds)), milliseconds, rel_tol=RELATIVE_ERROR * 1.0101)
    assert abs(bin_value(bin_of(milliseconds)) - milliseconds) <= milliseconds * (RELATIVE_ERROR + 1e-9)


@given(st.lists(durations, min_size=1, max_size=300), st.floats(0, 1))
@example([1.0, 2.0, 3.0], 0.5)
@example([1.0, 2.0], 1.0)
def test_a_quantile_is_within_one_percent(values: list[float], q: float) -> None:
    """Of the value at the nearest rank, `q * n` rounded up, as `percentile_disc` has it."""
    exact = sorted(values)[max(math.ceil(q * len(values)), 1) - 1]
    estimate = quantile(histogram_of(values), q)
    assert estimate is not None
    assert abs(estimate - exact) <= exact * (RELATIVE_ERROR + 1e-9)


@given(st.lists(st.tuples(durations, st.integers(1, 20)), min_size=1, max_size=60), st.floats(0, 1))
def test_a_weighted_quantile_is_that_of_all_that_the_weights_stand_for(
    weighed: list[tuple[float, int]], q: float
) -> None:
    """Within 1 % of the value at the nearest rank among as many of each as its weight says."""
    everything = sorted(value for value, weight in weighed for _ in range(weight))
    exact = everything[max(math.ceil(q * len(everything)), 1) - 1]
    histogram: Counter[int] = Counter()
    for value, weight in weighed:
        histogram[bin_of(value)] += weight
    estimate = quantile(histogram, q)
    assert estimate is not None
    assert abs(estimate - exact) <= exact * (RELATIVE_ERROR + 1e-9)


@given(st.dictionaries(st.integers(-200, 2000), st.floats(1, 1e6), min_size=1), st.floats(0.01, 1), st.floats(0.01, 1))
def test_quantiles_of_weights_grow(histogram: dict[int, float], one: float, other: float) -> None:
    """Whatever the weights, a larger share lies no lower, and each quantile is one of the bins."""
    low, high = quantile_bin(histogram, min(one, other)), quantile_bin(histogram, max(one, other))
    assert low is not None
    assert high is not None
    assert low <= high
    assert {low, high} <= set(histogram)


@given(st.lists(durations), st.lists(durations))
def test_merging_is_adding(left: list[float], right: list[float]) -> None:
    """Two histograms added are the histogram of both."""
    assert histogram_of(left) + histogram_of(right) == histogram_of(left + right)


def test_what_is_too_short_to_measure_shares_a_bin() -> None:
    """Zero and less than a microsecond; nothing raises."""
    assert bin_of(0) == bin_of(0.001) == bin_of(-1)


def test_nothing_has_no_quantile() -> None:
    """Not zero."""
    assert quantile({}, 0.95) is None
    assert quantile({5: 0}, 0.95) is None
