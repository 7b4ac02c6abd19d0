"""What is said of differences agrees with scipy and statsmodels, holds as often as it says, and knows what a weight is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.nonparametric import rank_compare_2indep
from statsmodels.stats.power import TTestIndPower
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportions_ztest,
    samplesize_proportions_2indep_onetail,
)

from tracing_core.differences import (
    Correction,
    NumberDifference,
    ShareDifference,
    corrected,
    numbers,
    sample_size_means,
    sample_size_shares,
    shares,
)
from tracing_core.errors import InvalidInput
from tracing_core.intervals import Estimate, quantile, ratio_of
from tracing_core.rank_difference import _weighted_rank_p

COUNTED = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
SOME = st.lists(st.floats(-50, 50).map(lambda x: round(x, 2)), min_size=4, max_size=40)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def share_difference(*counts: float, effective: float | None = None) -> ShareDifference:
    found = shares(*counts, effective=effective, other_effective=effective)
    assert found is not None
    return found


def number_difference(these: list[float], others: list[float], weight: float | None = None) -> NumberDifference:
    weights = [None if weight is None else np.full(len(each), weight) for each in (these, others)]
    found = numbers(these, others, weights=weights[0], other_weights=weights[1])
    assert found is not None
    return found


def ends(estimate: Estimate) -> tuple[float, float]:
    return estimate.low, estimate.high


@given(COUNTED, COUNTED)
def test_the_interval_of_a_difference_of_shares_is_newcombes(one: tuple[int, int], other: tuple[int, int]) -> None:
    """As statsmodels has it, for whole counts."""
    found = share_difference(*one, *other)
    theirs = confint_proportions_2indep(*one, *other, compare="diff", method="newcomb")
    assert ends(found.difference) == pytest.approx(theirs, abs=1e-9)
    assert found.difference.value == pytest.approx(one[0] / one[1] - other[0] / other[1])


@given(COUNTED, COUNTED)
def test_the_p_value_of_shares_is_fishers_of_few_and_that_of_chi_square_of_many(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    """SciPy's exact test where fewer than five are expected somewhere, statsmodels' z test elsewhere."""
    table = np.array([[one[0], one[1] - one[0]], [other[0], other[1] - other[0]]])
    assume(0 < table[:, 0].sum() < table.sum())
    expected = stats.contingency.expected_freq(table).min()
    assume(abs(expected - 5) > 1e-6)
    if expected < 5:
        theirs = stats.fisher_exact(table)[1]
    else:
        theirs = proportions_ztest([one[0], other[0]], [one[1], other[1]])[1]
    assert share_difference(*one, *other).p == pytest.approx(theirs, abs=1e-9)


def test_shares_that_all_or_none_have_do_not_differ() -> None:
    """There is nothing to test: p is 1, and the interval holds 0."""
    for hits in (0, 5):
        found = share_difference(hits, 5, hits, 5)
        assert found.p == 1
        assert not found.difference.excludes(0)


@given(st.integers(30, 400), st.integers(30, 400), st.floats(0.2, 0.8), st.floats(0.2, 0.8))
def test_the_interval_of_a_ratio_of_shares_is_near_the_score_interval(
    total: int, other_total: int, share: float, other_share: float
) -> None:
    """Ends within a tenth of statsmodels' (Miettinen and Nurminen, found by search), where nothing is rare."""
    one, other = (round(share * total), total), (round(other_share * other_total), other_total)
    ratio = share_difference(*one, *other).ratio
    assert ratio is not None
    theirs = confint_proportions_2indep(*one, *other, compare="ratio", method="score")
    assert ends(ratio) == pytest.approx(theirs, rel=0.1)


def test_a_ratio_has_no_end_that_is_not_there() -> None:
    """Nothing to divide by is no ratio; nothing on this side is 0 times, at most as often as its interval reaches."""
    assert share_difference(3, 10, 0, 10).ratio is None
    none = share_difference(0, 10, 5, 10).ratio
    assert none is not None
    assert none.value == none.low == 0
    assert 0 < none.high < 2


@given(SOME, SOME)
def test_numbers_are_compared_as_scipy_does(these: list[float], others: list[float]) -> None:
    """Mann's and Whitney's p value, Welch's interval and test, and Cliff's delta by counting each pair."""
    found = number_difference(these, others)
    assert found.p == pytest.approx(stats.mannwhitneyu(these, others).pvalue, nan_ok=True)
    pairs = np.sign(np.subtract.outer(these, others))
    assert found.delta.value == pytest.approx(pairs.mean(), abs=1e-9)
    assert (found.mean, found.other_mean) == pytest.approx((np.mean(these), np.mean(others)))
    assume(np.std(these) > 1e-3 and np.std(others) > 1e-3)
    welch = stats.ttest_ind(these, others, equal_var=False)
    assert found.mean_p == pytest.approx(welch.pvalue, abs=1e-9)
    assert ends(found.mean_difference) == pytest.approx(welch.confidence_interval(), abs=1e-6)
    assert found.deviation == pytest.approx(np.std(these, ddof=1))


@given(SOME, SOME)
def test_the_interval_of_superiority_is_brunners_and_munzels(these: list[float], others: list[float]) -> None:
    """As statsmodels has it, cut off at 0 and 1."""
    assume(abs(np.mean(np.sign(np.subtract.outer(these, others)))) < 1 and len({*these, *others}) > 1)
    found = number_difference(these, others).superiority
    theirs = rank_compare_2indep(these, others)
    assert found.value == pytest.approx(theirs.prob1)
    assert ends(found) == pytest.approx(np.clip(theirs.conf_int(), 0, 1), abs=1e-6)


@given(SOME, SOME)
def test_weighted_ranks_are_tested_as_ranks(these: list[float], others: list[float]) -> None:
    """With weights that are equal, the p value is that of SciPy's normal approximation, ties included."""
    assume(len({*these, *others}) > 1)
    ours, theirs = np.array(these), np.array(others)
    superiority = number_difference(these, others).superiority.value
    p = _weighted_rank_p(superiority, ours, np.full(len(ours), 3.0), theirs, np.full(len(theirs), 3.0))
    assert p == pytest.approx(stats.mannwhitneyu(ours, theirs, method="asymptotic").pvalue, abs=1e-9)


@given(SOME, SOME, st.floats(0.1, 50))
def test_a_weight_is_not_evidence(these: list[float], others: list[float], weight: float) -> None:
    """Runs that stand for many each say no more than themselves."""
    plain, weighted = number_difference(these, others), number_difference(these, others, weight)
    for name in ("superiority", "median", "mean_difference"):
        assert ends(getattr(weighted, name)) == pytest.approx(ends(getattr(plain, name)), abs=1e-6)
    assert weighted.p == pytest.approx(plain.p)
    seen = share_difference(30, 100, 50, 100)
    stands_for = share_difference(30 * weight, 100 * weight, 50 * weight, 100 * weight, effective=100)
    assert stands_for.p == pytest.approx(seen.p)
    assert ends(stands_for.difference) == pytest.approx(ends(seen.difference))


def test_unequal_weights_move_the_numbers_and_widen_their_intervals() -> None:
    """Nine of weight 1 and one of weight 9: half of the weight is that one's, and the spread is known less well."""
    these, others = [*[1.0] * 8, 2.0, 5.0], [1.0, 1.5, 2.0, 2.5] * 5
    weights = np.array([*[1.0] * 9, 9.0])
    found = numbers(these, others, weights=weights)
    assert found is not None
    assert found.mean == pytest.approx((8 + 2 + 45) / 18)
    assert found.count == pytest.approx(18**2 / 90)
    plain = number_difference(these, others).mean_difference
    assert found.mean_difference.high - found.mean_difference.low > plain.high - plain.low


@pytest.mark.parametrize("few", [[], [1.0], [1.0, 2.0]])
def test_too_few_say_nothing(few: list[float]) -> None:
    """Two numbers, or no run at all, are no basis of a difference."""
    assert numbers(few, [1.0, 2.0, 3.0]) is None
    assert numbers([1.0, 2.0, 3.0], few) is None
    assert shares(0, 0, 1, 2) is None


def test_numbers_far_from_nothing_keep_their_spread() -> None:
    """A billion more on either side changes neither deviation nor difference."""
    found = number_difference([1e9 + x for x in (1.0, 2.0, 4.0)], [1e9 + x for x in (1.0, 3.0, 8.0)])
    near = number_difference([1.0, 2.0, 4.0], [1.0, 3.0, 8.0])
    assert found.deviation == pytest.approx(near.deviation)
    assert ends(found.mean_difference) == pytest.approx(ends(near.mean_difference))


def test_sides_without_spread_do_not_claim_certainty() -> None:
    """Three above three are one side of the other every time, yet the interval goes far below 1; equal ones hold 0.5."""
    apart = number_difference([3.0] * 3, [1.0] * 3)
    assert apart.superiority.value == 1
    assert apart.superiority.low < 0.5
    equal = number_difference([2.0] * 3, [2.0] * 3)
    assert equal.p == pytest.approx(1)
    assert not equal.superiority.excludes(0.5)


@given(P_VALUES, st.sampled_from(["holm", "bh"]))
def test_corrections_are_those_of_statsmodels(p_values: list[float], method: Correction) -> None:
    """Holm's and Benjamini's and Hochberg's, in the order given."""
    theirs = multipletests(p_values, method={"holm": "holm", "bh": "fdr_bh"}[method])[1]
    assert list(corrected(p_values, method)) == pytest.approx(list(theirs))


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.sampled_from([0.8, 0.9]))
def test_the_sample_that_shares_need_is_statsmodels(share: float, other: float, power: float) -> None:
    """Rounded up to whole runs."""
    assume(abs(share - other) > 0.005)
    theirs = samplesize_proportions_2indep_onetail(share - other, other, power, alpha=0.05, alternative="two-sided")
    assert sample_size_shares(share, other, power=power) == pytest.approx(theirs, abs=1.01)


@given(st.floats(0.05, 2), st.floats(0.2, 3))
@settings(max_examples=25)
def test_the_sample_that_means_need_is_statsmodels(difference: float, deviation: float) -> None:
    """Within one run of what the non-central t distribution says, from four a side on."""
    assume(difference / deviation < 2)
    theirs = TTestIndPower().solve_power(effect_size=difference / deviation, alpha=0.05, power=0.8)
    assert sample_size_means(difference, deviation) == pytest.approx(theirs, abs=1.5)


@given(st.lists(st.floats(-100, 100), min_size=60, max_size=120), st.sampled_from([0.5, 0.9, 0.95]))
def test_the_interval_of_a_quantile_is_that_of_order_statistics(values: list[float], share: float) -> None:
    """The ends are seen numbers at the ranks that SciPy's interval of a quantile has, or one beside them."""
    found = quantile(np.array(values), share)
    theirs = stats.quantile_test(values, p=share).confidence_interval(0.95)
    ordered = sorted(values)
    assert found.value == np.quantile(values, share, method="inverted_cdf")
    for ours, reference in ((found.low, theirs.low), (found.high, theirs.high)):
        if np.isfinite(ours) and np.isfinite(reference):
            assert abs(ordered.index(ours) - ordered.index(reference)) <= 1 + values.count(ours)


def test_a_quantile_of_few_is_not_bounded_above() -> None:
    """Twenty runs cannot say how large the 95th percentile is at most."""
    found = quantile(np.arange(20.0), 0.95)
    assert found.high == np.inf
    assert ratio_of(found, quantile(np.arange(100.0), 0.5)).high == np.inf  # type: ignore[union-attr]


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Over 400 draws of exponential times, a fixed seed: ratios of medians and of 95th percentiles, and superiority."""
    random, held = np.random.default_rng(7), dict.fromkeys(("median", "p95", "superiority"), 0)
    for _ in range(400):
        slow, quick = random.exponential(1.3, 120), random.exponential(1.0, 150)
        found = numbers(slow, quick)
        tail = ratio_of(quantile(slow, 0.95), quantile(quick, 0.95))
        assert found is not None
        assert found.ratio is not None
        assert tail is not None
        held["median"] += not found.ratio.excludes(1.3)
        held["p95"] += not tail.excludes(1.3)
        held["superiority"] += not found.superiority.excludes(1.3 / 2.3)
    assert all(0.93 <= each / 400 <= 0.99 for each in held.values()), held


def test_weighted_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Over 300 draws in which slow runs are kept and one of four others is: the numbers are those of all, not of the kept."""
    random, held = np.random.default_rng(11), dict.fromkeys(("median", "mean", "superiority"), 0)
    for _ in range(300):
        kept = []
        for scale in (1.0, 1.0):
            drawn = random.exponential(scale, 400)
            chance = np.where(drawn > 2, 1.0, 0.25)
            stays = random.uniform(size=400) < chance
            kept.append((drawn[stays], 1 / chance[stays]))
        found = numbers(kept[0][0], kept[1][0], weights=kept[0][1], other_weights=kept[1][1])
        assert found is not None
        held["median"] += not found.median.excludes(np.log(2))
        held["mean"] += not found.mean_difference.excludes(0)
        held["superiority"] += not found.superiority.excludes(0.5)
    assert all(each / 300 >= 0.92 for each in held.values()), held


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (lambda: shares(3, 2, 1, 2), "hits"),
        (lambda: shares(1, 2, -1, 2), "other_hits"),
        (lambda: numbers([1.0, np.nan, 2.0], [1.0, 2.0, 3.0]), "these"),
        (lambda: numbers([1.0] * 3, [2.0] * 3, other_weights=np.zeros(3)), "weights of others"),
        (lambda: corrected([0.5, 1.5]), "p_values"),
        (lambda: sample_size_shares(0.5, 0.5), "share"),
        (lambda: sample_size_means(0.0, 1.0), "difference"),
    ],
)
def test_what_cannot_be_is_refused_by_name(wrong: object, field: str) -> None:
    """The error names the argument and how to mend it."""
    assert callable(wrong)
    with pytest.raises(InvalidInput, match=field):
        wrong()
