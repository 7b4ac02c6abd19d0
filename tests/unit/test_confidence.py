"""What is said of confidence agrees with scipy and scikit-learn where they have it, and adds up."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from tracing_core.confidence import (
    Binning,
    Interval,
    Pairs,
    calibration,
    effective_count,
    reliability_curve,
    wilson,
)
from tracing_core.errors import InvalidInput

CONFIDENCES = st.floats(0, 1) | st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])
ROWS = st.lists(st.tuples(CONFIDENCES, st.booleans(), st.floats(0.1, 100)), min_size=1, max_size=80)
BY = st.sampled_from(["width", "count"])


def said_and_came_true(count: int, *, off: float = 0.0, seed: int = 1) -> Pairs:
    """Pairs that come true as often as they say, less `off`."""
    random = np.random.default_rng(seed)
    said = random.uniform(0.3, 1.0, count)
    came_true = (random.uniform(0, 1, count) < said - off).astype(float)
    return Pairs(confidences=said, outcomes=came_true, weights=np.ones(count))


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_are_those_of_scipy(counted: tuple[int, int]) -> None:
    """Wilson's interval of whole counts is scipy's."""
    good, count = counted
    ours = wilson(good / count, count)
    theirs = binomtest(good, count).proportion_ci(method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@given(ROWS, BY, st.integers(1, 12))
@example([*[(0.0, True, 1.0)] * 4, (0.5, False, 1.0), *[(1.0, False, 1.0)] * 2], "count", 3)  # an edge on a confidence
def test_bins_are_those_of_scikit_learn(rows: list[tuple[float, bool, float]], by: Binning, bins: int) -> None:
    """Means of confidence and outcome by bin are scikit-learn's, which knows no weights."""
    pairs = Pairs.of((confidence, outcome, 1.0) for confidence, outcome, _ in rows)
    ours = reliability_curve(pairs, bins=bins, by=by)
    assume(len(set(pairs.outcomes)) == 2)  # scikit-learn wants to see both outcomes
    strategy = {"width": "uniform", "count": "quantile"}[by]
    good, confidence = calibration_curve(pairs.outcomes, pairs.confidences, n_bins=bins, strategy=strategy)
    assert [each.good for each in ours] == pytest.approx(list(good))
    assert [each.confidence for each in ours] == pytest.approx(list(confidence))


@given(ROWS)
def test_the_brier_score_is_that_of_scikit_learn(rows: list[tuple[float, bool, float]]) -> None:
    """The score is scikit-learn's with the same weights."""
    pairs = Pairs.of(rows)
    found = calibration(pairs, resamples=0)
    assert found is not None
    theirs = brier_score_loss(pairs.outcomes, pairs.confidences, sample_weight=pairs.weights, labels=[0, 1])
    assert found.brier.score == pytest.approx(theirs)


@given(ROWS, BY, st.integers(1, 12))
def test_the_parts_of_the_brier_score_add_up(rows: list[tuple[float, bool, float]], by: Binning, bins: int) -> None:
    """Reliability less resolution plus uncertainty plus what is within the bins is the score, whatever the bins."""
    found = calibration(Pairs.of(rows), bins=bins, by=by, resamples=0)
    assert found is not None
    brier = found.brier
    parts = brier.reliability - brier.resolution + brier.uncertainty + brier.within
    assert parts == pytest.approx(brier.score, abs=1e-9)


@given(st.lists(st.tuples(st.sampled_from([0.15, 0.55, 0.85]), st.booleans(), st.just(2.0)), min_size=1, max_size=60))
def test_nothing_is_within_bins_of_one_confidence(rows: list[tuple[float, bool, float]]) -> None:
    """Where each bin holds one confidence, Murphy's three terms are the whole score."""
    found = calibration(Pairs.of(rows), resamples=0)
    assert found is not None
    assert found.brier.within == pytest.approx(0, abs=1e-12)


@given(ROWS, BY)
def test_bins_hold_every_pair_once(rows: list[tuple[float, bool, float]], by: Binning) -> None:
    """Counts and weights of the bins are those of the pairs; bins follow one another and overlap nowhere."""
    pairs = Pairs.of(rows)
    bins = reliability_curve(pairs, by=by)
    assert sum(each.count for each in bins) == len(rows)
    assert sum(each.weight for each in bins) == pytest.approx(float(np.sum(pairs.weights)))
    assert all(first.high <= second.low + 1e-12 for first, second in pairwise(bins))
    assert all(each.low - 1e-12 <= each.confidence <= each.high + 1e-12 for each in bins)


@given(ROWS)
def test_errors_lie_where_they_must(rows: list[tuple[float, bool, float]]) -> None:
    """The gap of the means is at most the expected error, and that is at most the largest."""
    found = calibration(Pairs.of(rows), resamples=0)
    assert found is not None
    assert abs(found.gap) <= found.expected_error + 1e-9
    assert found.expected_error <= found.largest_error + 1e-9


@given(ROWS, st.integers(2, 4))
def test_a_pair_that_stands_for_many_counts_as_many(rows: list[tuple[float, bool, float]], times: int) -> None:
    """Means and errors of a pair with weight 3 are those of three such pairs; only intervals know the difference."""
    weighted = calibration(Pairs.of((c, o, float(times)) for c, o, _ in rows), resamples=0)
    repeated = calibration(Pairs.of([(c, o, 1.0) for c, o, _ in rows] * times), resamples=0)
    assert weighted is not None
    assert repeated is not None
    assert weighted.expected_error == pytest.approx(repeated.expected_error)
    assert weighted.brier.score == pytest.approx(repeated.brier.score)
    width = weighted.interval.high - weighted.interval.low
    assert width >= repeated.interval.high - repeated.interval.low - 1e-12


@given(ROWS, ROWS)
def test_sets_can_be_joined(some: list[tuple[float, bool, float]], others: list[tuple[float, bool, float]]) -> None:
    """Two sets joined are the set of both; of no sets there is the empty one."""
    joined = Pairs.joined([Pairs.of(some), Pairs.of(others)])
    assert calibration(joined, resamples=0) == calibration(Pairs.of([*some, *others]), resamples=0)
    assert len(Pairs.joined([])) == 0


@given(arrays(np.float64, st.integers(1, 50), elements=st.floats(0.1, 100)))
def test_weights_are_worth_at_most_their_number(weights: np.ndarray) -> None:
    """Equal weights are worth as many as they are, others less."""
    assert effective_count(weights) <= len(weights) * (1 + 1e-9)
    assert effective_count(np.ones(len(weights))) == pytest.approx(len(weights))


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_confidence_that_holds_is_not_called_wrong(seed: int) -> None:
    """Decisions that come true as often as they say have an expected error that may well be nearly nothing."""
    found = calibration(said_and_came_true(2000, seed=seed))
    assert found is not None
    assert found.expected_error < 0.06
    assert found.expected_error_interval is not None
    assert found.expected_error_interval.low < 0.03


def test_overconfidence_is_seen_and_bounded() -> None:
    """Decisions that say 0.25 too much are over-confident, the interval holds that error, and the worst bin is off."""
    found = calibration(said_and_came_true(3000, off=0.25))
    assert found is not None
    assert found.verdict == "over"
    assert found.expected_error_interval is not None
    assert found.expected_error_interval.low < 0.25 < found.expected_error_interval.high
    assert max(found.bins, key=lambda each: each.gap).is_off


def test_underconfidence_has_the_other_sign() -> None:
    """Decisions that say too little have a negative gap."""
    found = calibration(said_and_came_true(500, off=-0.3))
    assert found is not None
    assert found.verdict == "under"
    assert found.gap < 0


def test_the_same_pairs_have_the_same_interval() -> None:
    """Resampling starts from a seed."""
    pairs = said_and_came_true(200, off=0.1)
    first, second = calibration(pairs), calibration(pairs)
    other = calibration(pairs, seed=3)
    assert first == second
    assert other is not None
    assert first is not None
    assert other.expected_error_interval != first.expected_error_interval


def test_of_few_pairs_nothing_is_said() -> None:
    """No pairs have no calibration; one has no interval of its error; nine are too few for a verdict."""
    assert calibration(Pairs.of([])) is None
    one = calibration(Pairs.of([(0.9, False, 1.0)]))
    nine = calibration(Pairs.of([(0.99, False, 1.0)] * 9))
    assert one is not None
    assert nine is not None
    assert one.expected_error_interval is None
    assert nine.verdict == "unknown"
    assert wilson(0.0, 0) == Interval(low=0.0, high=1.0)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ((1.7, True, 1.0), "confidences"),
        ((float("nan"), True, 1.0), "confidences"),
        ((0.5, 0.5, 1.0), "outcomes"),
        ((0.5, True, 0.0), "weights"),
        ((0.5, True, float("inf")), "weights"),
    ],
)
def test_pairs_that_cannot_be_are_refused(row: tuple[float, bool, float], field: str) -> None:
    """The message names what is wrong."""
    with pytest.raises(InvalidInput, match=field):
        Pairs.of([row])


def test_a_number_of_bins_that_cannot_be_is_refused() -> None:
    """There is no curve without bins."""
    with pytest.raises(InvalidInput, match="bins"):
        calibration(Pairs.of([(0.5, True, 1.0)]), bins=0)
