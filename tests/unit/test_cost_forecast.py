"""What will be spent, and how sure that is (D3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracing_core.cost_forecast import FEWEST, LONGEST, Numbers, forecast

FIRST = date(2026, 9, 1)
WEEK = np.array([1.2, 1.2, 1.2, 1.2, 1.2, 0.5, 0.5])
Chance = np.random.Generator
days = st.lists(st.floats(0, 1e5, allow_nan=False), min_size=FEWEST, max_size=40)


def weekly(many: int) -> Numbers:
    """Ten dollars a day, less on two days of seven."""
    return 10 * np.resize(WEEK, many)


def steady(many: int, chance: Chance) -> Numbers:
    return 10 + chance.normal(0, 2, many)


def of_weeks(many: int, chance: Chance) -> Numbers:
    return weekly(many) * chance.lognormal(0, 0.15, many)


def rising(many: int, chance: Chance) -> Numbers:
    return (10 + 0.1 * np.arange(many)) * np.resize(WEEK, many) * chance.lognormal(0, 0.15, many)


def wandering(many: int, chance: Chance) -> Numbers:
    return np.maximum(10 + np.cumsum(chance.normal(0, 0.3, many)), 0.5) * chance.lognormal(0, 0.1, many)


@pytest.mark.parametrize("kind", [steady, of_weeks, rising, wandering])
@pytest.mark.parametrize(("seen", "horizon"), [(14, 14), (60, 30)])
def test_the_interval_holds_as_often_as_it_says(
    kind: Callable[[int, Chance], Numbers], seen: int, horizon: int
) -> None:
    """Of 30 series of each kind, the sum of the days to come lies within the interval of 95 % at least 26 times."""
    chance = np.random.default_rng(20261121)
    held = 0
    for _ in range(30):
        whole = kind(seen + horizon, chance)
        found = forecast(whole[:seen].tolist(), FIRST, [horizon])
        assert found is not None
        band = found.over(horizon)
        held += band.low <= whole[seen:].sum() <= band.high
    assert held >= 26


def test_too_few_days_foretell_nothing() -> None:
    """Two points make a line, and no forecast."""
    assert forecast([1.0] * (FEWEST - 1), FIRST, [30]) is None
    assert forecast([1.0] * FEWEST, FIRST, [30]) is not None


def test_a_steady_series_goes_on() -> None:
    """What costs a dollar each day costs thirty in thirty, nearly surely."""
    found = forecast([1.0] * 60, FIRST, [30])
    assert found is not None
    assert (found.seen, found.first) == (60, FIRST + timedelta(days=60))
    band = found.over(30)
    assert band.expected == pytest.approx(30, rel=0.01)
    assert 28 < band.low < 30 < band.high < 32
    assert found.over(0).expected == 0


def test_the_week_is_seen() -> None:
    """After six weeks a weekend is expected to cost what weekends cost, and a Monday what Mondays do."""
    found = forecast(weekly(42 + 5).tolist(), FIRST, [2, 3])
    assert found is not None
    weekend, monday = found.over(2).expected, found.over(3).expected - found.over(2).expected
    assert weekend == pytest.approx(10, rel=0.1)
    assert monday == pytest.approx(12, rel=0.1)


def test_a_trend_goes_on() -> None:
    """What rises by 0.2 a day is expected to rise further, and not to stay at its mean."""
    found = forecast([10 + 0.2 * day for day in range(60)], FIRST, [30])
    assert found is not None
    assert found.over(30).expected == pytest.approx(sum(10 + 0.2 * day for day in range(60, 90)), rel=0.03)


def test_a_wilder_series_is_less_sure() -> None:
    """The interval is wider where days differ more, where fewer were seen, and further ahead."""
    chance = np.random.default_rng(7)
    noise = chance.normal(0, 1, 60)
    calm, wild = (forecast((10 + size * noise).tolist(), FIRST, [30, 300]) for size in (0.3, 3))
    short = forecast((10 + 3 * noise[-10:]).tolist(), FIRST, [30])
    assert calm
    assert wild
    assert short

    def width(found: object, over: int) -> float:
        band = found.over(over)  # type: ignore[attr-defined]
        return float(band.high - band.low)

    assert width(calm, 30) < width(wild, 30) < width(short, 30)
    assert width(wild, 30) / 30 < width(wild, 300) / 30


def test_only_the_newest_days_count() -> None:
    """What was spent before them changes nothing."""
    newest = of_weeks(LONGEST, np.random.default_rng(3)).tolist()
    long, short = forecast([9999.0] * 7 + newest, FIRST, [5]), forecast(newest, FIRST + timedelta(days=7), [5])
    assert long == short


def test_nothing_spent_foretells_nothing_spent() -> None:
    """Zero, and not a number that cannot be."""
    found = forecast([0.0] * 20, FIRST, [30])
    assert found is not None
    assert found.over(30).high == 0


@settings(max_examples=25, deadline=None)
@given(days)
def test_sums_never_fall(daily: list[float]) -> None:
    """More days never cost less, and what is expected lies in its interval, whatever the days were."""
    found = forecast(daily, FIRST, range(1, 41))
    assert found is not None
    bands = [found.over(many) for many in range(1, 41)]
    assert all(0 <= band.low <= band.expected <= band.high < float("inf") for band in bands)
    for name in ("expected", "low", "high"):
        values = [getattr(band, name) for band in bands]
        assert values == sorted(values)


@settings(max_examples=25, deadline=None)
@given(days, st.floats(1e-6, 1e6))
def test_the_currency_does_not_matter(daily: list[float], rate: float) -> None:
    """The same days in another currency have the same forecast in that currency."""
    one, other = forecast(daily, FIRST, [1, 10]), forecast([day * rate for day in daily], FIRST, [1, 10])
    assert one is not None
    assert other is not None
    for here, there in zip(one.together.values(), other.together.values(), strict=True):
        assert there.expected == pytest.approx(here.expected * rate, rel=1e-4, abs=1e-9)
        assert there.high == pytest.approx(here.high * rate, rel=1e-4, abs=1e-9)
