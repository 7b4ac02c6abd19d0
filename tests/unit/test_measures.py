"""Histograms of rollups, as text from PostgreSQL, are read and added up."""

from __future__ import annotations

from tracing_core.query.measures import histogram_of


def test_one_histogram_is_read_as_it_is() -> None:
    """Bins below a millisecond are negative, counts that stand for traces which sampling left out have fractions."""
    assert histogram_of({"bins": "{-3,0,512}", "bin_counts": "{1,2.5,1e+06}"}) == {-3: 1, 0: 2.5, 512: 1e6}


def test_histograms_are_added_up() -> None:
    """Of all rows behind a key; those in which nothing was timed add nothing."""
    row = {"bins": "{1,2},{},{2,7},{1}", "bin_counts": "{1,2},{},{0.5,4},{3}"}
    assert histogram_of(row) == {1: 4, 2: 2.5, 7: 4}


def test_nothing_timed_is_an_empty_histogram() -> None:
    """With no row behind the key, and with a row without a duration."""
    assert histogram_of({"bins": None, "bin_counts": None}) == {}
    assert histogram_of({"bins": "{}", "bin_counts": "{}"}) == {}
