"""The tests behind Explain, held against those of scipy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, fisher_exact, mannwhitneyu, spearmanr
from statsmodels.stats.contingency_tables import StratifiedTable  # type: ignore[import-untyped]

from tracing_core.explain.facts import Candidate
from tracing_core.explain.ranks import (
    NONE,
    Groups,
    difference,
    flag_differences,
    held_fixed,
    number_difference,
    rank_correlation,
    share_p_values,
)
from tracing_core.explain.result import Part

NUMBERS = st.lists(st.integers(0, 9).map(float), min_size=3, max_size=40)


def groups_of(ours: list[float], theirs: list[float], weight: float = 1.0) -> tuple[np.ndarray, Groups]:
    """The numbers of two groups, one after the other."""
    count = len(ours) + len(theirs)
    these = np.arange(count) < len(ours)
    return np.array([*ours, *theirs]), Groups(these=these, weights=np.full(count, weight))


@given(NUMBERS, NUMBERS)
def test_numbers_are_compared_as_mann_and_whitney_do(ours: list[float], theirs: list[float]) -> None:
    """The p value is scipy's by the normal approximation, with ties; the effect follows from its U."""
    values, groups = groups_of(ours, theirs)
    assume(len(set(values)) > 1)
    found = difference(values, groups)
    reference = mannwhitneyu(ours, theirs, use_continuity=False, method="asymptotic")
    assert found.p == pytest.approx(reference.pvalue, rel=1e-9)
    assert found.effect == pytest.approx(2 * reference.statistic / (len(ours) * len(theirs)) - 1, abs=1e-12)


@given(NUMBERS, NUMBERS, st.floats(0.5, 100))
def test_equal_weights_change_nothing(ours: list[float], theirs: list[float], weight: float) -> None:
    """Traces that each stand for as many are no more evidence than as many traces."""
    plain, weighted = (difference(*groups_of(ours, theirs, each)) for each in (1.0, weight))
    assert weighted.effect == pytest.approx(plain.effect, abs=1e-9)
    assert weighted.p == pytest.approx(plain.p, rel=1e-6)


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_shares_are_compared_as_fisher_does(total: int, other_total: int, data: st.DataObject) -> None:
    """Where it matters the p value is the doubled one of Fisher's test to that side, else that of the chi-square test."""
    hits, other_hits = data.draw(st.integers(0, total)), data.draw(st.integers(0, other_total))
    table = [[hits, total - hits], [other_hits, other_total - other_hits]]
    (found,) = share_p_values(
        np.array([hits / total]), np.array([total]), np.array([other_hits / other_total]), np.array([other_total])
    )
    if not 0 < hits + other_hits < total + other_total:
        assert found == 1.0
        return
    likely = chi2_contingency(table, correction=False).pvalue
    sides = [fisher_exact(table, alternative=side).pvalue for side in ("less", "greater")]
    expected = likely if likely >= 0.05 else min(2 * min(sides), 1.0)
    assert found == pytest.approx(expected, rel=1e-6)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 2)), min_size=10, max_size=120))
def test_what_is_held_fixed_is_as_cochran_mantel_and_haenszel_have_it(rows: list[tuple[bool, bool, int]]) -> None:
    """Of flags in strata, the p value is that of their test."""
    these, having, strata = (np.array(column) for column in zip(*rows, strict=True))
    tables = [
        np.array([[np.sum(having[inside] & these[inside]), np.sum(~having[inside] & these[inside])],
                  [np.sum(having[inside] & ~these[inside]), np.sum(~having[inside] & ~these[inside])]])
        for inside in (strata == stratum for stratum in np.unique(strata))
    ]  # fmt: skip
    telling = [table for table in tables if table.sum(axis=0).all() and table.sum(axis=1).all()]
    assume(telling)
    found = held_fixed(having.astype(float), Groups(these=these, weights=np.ones(len(rows))), strata.astype(np.intp))
    reference = StratifiedTable([table.astype(float) for table in telling]).test_null_odds(correction=False)
    assert found.p == pytest.approx(reference.pvalue, rel=1e-6)


@given(NUMBERS, NUMBERS)
def test_one_stratum_is_no_stratum(ours: list[float], theirs: list[float]) -> None:
    """Where nothing differs within a stratum, holding it fixed changes nothing."""
    values, groups = groups_of(ours, theirs)
    alone, fixed = difference(values, groups), held_fixed(values, groups, np.zeros(len(values), dtype=np.intp))
    assert (fixed.effect, fixed.p) == pytest.approx((alone.effect, alone.p))


@given(st.lists(st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6)), max_size=30), st.data())
def test_anything_can_be_compared(values: list[float], data: st.DataObject) -> None:
    """Whatever is unknown, equal, or on one side alone, there is an effect from -1 to 1 and a p value from 0 to 1."""
    these = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))), dtype=bool)
    groups = Groups(these=these, weights=np.ones(len(values)))
    numbers = np.array(values)
    flag = Candidate(
        parts=(Part(kind="tag", subject="tag", value="x"),),
        flag=True,
        values=np.where(np.isnan(numbers), numbers, numbers > 0),
    )
    fixed = held_fixed(numbers, groups, np.zeros(len(values), dtype=np.intp))
    for found in (difference(numbers, groups), *(flag_differences([flag], groups) if values else []), fixed):
        assert -1 <= found.effect <= 1
        assert 0 <= found.p <= 1


def test_a_number_that_is_mostly_zero_is_judged_by_having_another() -> None:
    """Of five traces two have a number above 0, as 2 of 95 others have: no surer than Fisher's test, which is exact."""
    values, groups = groups_of([1.0, 2.0, 0.0, 0.0, 0.0], [3.0, 4.0] + [0.0] * 93)
    exact = min(2 * fisher_exact([[2, 3], [2, 93]], alternative="greater").pvalue, 1.0)
    assert difference(values, groups).p < exact / 10
    assert number_difference(values, groups).p == pytest.approx(exact)


def test_nothing_to_compare_is_no_difference() -> None:
    """Without a second group there is none."""
    assert difference(np.array([1.0, 2.0]), Groups(these=np.array([True, True]), weights=np.ones(2))) == NONE
    assert flag_differences([], Groups(these=np.array([True, False]), weights=np.ones(2))) == []


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=10, max_size=60))
def test_rank_correlation_is_spearmans(pairs: list[tuple[int, int]]) -> None:
    """As scipy has it; 0 where one side never changes."""
    one, other = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    found = rank_correlation(one, other)
    if len(set(one)) == 1 or len(set(other)) == 1:
        assert found == 0.0
    else:
        assert found == pytest.approx(spearmanr(one, other).statistic, abs=1e-9)
