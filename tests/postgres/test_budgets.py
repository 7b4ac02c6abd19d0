"""Budgets and what comes: how much of a month is spent, what it will have cost, and on which day a budget ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.factories import make_span, make_trace
from tests.postgres.writing import store
from tracing_core.budget import EVERYTHING, Budget, checked_project, checked_usd, month_of
from tracing_core.errors import InvalidInput
from tracing_core.model import SpanKind, TraceData
from tracing_core.query.budgets import budget_used, budgets
from tracing_core.query.cost_projection import budget_standings, cost_projection
from tracing_core.storage.budget_write import put_budget, remove_budget
from tracing_core.storage.database import Database

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def spent(at: datetime, dollars: object, project: str = "shop") -> TraceData:
    """A trace whose sender says what it cost."""
    root = make_span(name="request", kind=SpanKind.ROOT, started_at=at)
    attributes = {"model": "home-made", "prompt_tokens": 10, "completion_tokens": 1, "gen_ai.usage.cost": dollars}
    call = make_span(
        parent_id=root.span_id, name="llm_generation", kind=SpanKind.GENERATION, started_at=at, attributes=attributes
    )
    return make_trace(started_at=at, spans=(root, call), project=project)


def budget(project: str, dollars: object) -> Budget:
    return Budget(project=project, monthly_usd=Decimal(str(dollars)), updated_at=NOW, updated_by="a test")


@pytest.fixture
def filled(database: Database) -> Database:
    """A dollar on each of sixty days at noon, the last of them today; and two in another project."""
    store(database, *[spent(NOW - number * DAY, 1) for number in range(60)], spent(NOW - DAY, 2, "default"))
    return database


def test_a_budget_is_kept_changed_and_removed(database: Database) -> None:
    """One a project, the one for everything first; removing what is not there says so."""
    for each in (budget("shop", 5), budget(EVERYTHING, 10), budget("shop", "7.50")):
        put_budget(database, each)
    assert budgets(database) == (budget(EVERYTHING, 10), budget("shop", "7.50"))
    assert remove_budget(database, "shop")
    assert not remove_budget(database, "shop")
    assert [each.project for each in budgets(database)] == [EVERYTHING]


def test_how_much_of_a_budget_is_used(filled: Database) -> None:
    """Of this month alone; a project's budget by its own traces, that for everything by all; None without one."""
    put_budget(filled, budget("shop", 42))
    put_budget(filled, budget(EVERYTHING, 10))
    with filled.read() as connection:
        assert budget_used(connection, "shop", NOW) == 0.5
        assert budget_used(connection, EVERYTHING, NOW) == budget_used(connection, None, NOW) == pytest.approx(2.3)
        assert budget_used(connection, "default", NOW) is None
        assert budget_used(connection, "shop", NOW + 20 * DAY) == 0


def test_a_steady_month_ends_where_it_leads(filled: Database) -> None:
    """A dollar a day makes thirty in November, thirty in thirty days, and 365 in a year, within a narrow interval."""
    found = cost_projection(filled, "shop", NOW)
    assert (found.month, found.seen, found.unpriced) == (date(2026, 11, 1), 59, 0)
    assert found.spent == 21
    assert [(day.day, dollars) for day, dollars in found.spent_by] == [
        (number, Decimal(number)) for number in range(1, 22)
    ]
    assert [point.day for point in found.ahead] == [date(2026, 11, number) for number in range(21, 31)]
    end = found.at_the_end
    assert end is not None
    assert found.next_month is not None
    assert found.next_year is not None
    for band, dollars in ((end, 30), (found.next_month, 30), (found.next_year, 365)):
        assert band.low <= dollars <= band.high
        assert band.expected == pytest.approx(dollars, rel=0.02)


def test_what_is_spent_is_never_foretold_away(filled: Database) -> None:
    """A day that cost more than was expected of it counts with what it cost."""
    store(filled, spent(NOW, 50))
    found = cost_projection(filled, "shop", NOW)
    assert found.spent == 71
    assert all(point.band.low >= 71 for point in found.ahead)


def test_too_few_days_say_so(database: Database) -> None:
    """Five days foretell nothing, ten no year; today counts for none, since it is not over."""
    store(database, *[spent(NOW - number * DAY, 1) for number in range(6)])
    few = cost_projection(database, None, NOW)
    assert (few.seen, few.ahead, few.at_the_end, few.next_month, few.next_year) == (5, (), None, None, None)
    store(database, *[spent(NOW - number * DAY, 1) for number in range(6, 11)])
    more = cost_projection(database, None, NOW)
    assert more.seen == 10
    assert more.next_month is not None
    assert more.next_year is None


def test_what_is_not_known_is_not_foretold(database: Database) -> None:
    """Days of a model without a price are not days without spending: no sum, no forecast, no share of a budget."""
    store(database, *[spent(NOW - number * DAY, None) for number in range(20)])
    put_budget(database, budget("shop", 5))
    found = cost_projection(database, "shop", NOW)
    assert (found.spent, found.ahead, found.next_month, found.unpriced) == (None, (), None, 20)
    (standing,) = budget_standings(database, NOW)
    assert (standing.used, standing.exceeded_on, standing.earliest) == (None, None, None)


def test_nothing_is_foretold_of_nothing(database: Database) -> None:
    """Without traces nothing was spent, on each day of the month so far."""
    found = cost_projection(database, None, NOW)
    assert found.spent == 0
    assert (found.seen, len(found.spent_by), found.ahead) == (0, 21, ())


def test_a_budget_says_when_it_ends(filled: Database) -> None:
    """The day on which it is expected to, the day on which it did, or none of this month; the earliest is not later."""
    for each in (budget("shop", "25.5"), budget(EVERYTHING, "5.5"), budget("default", 1000)):
        put_budget(filled, each)
    everything, default, shop = budget_standings(filled, NOW)
    assert everything.exceeded_on == everything.earliest == date(2026, 11, 6)
    assert everything.used == pytest.approx(23 / 5.5)
    assert (default.exceeded_on, default.earliest) == (None, None)
    assert shop.exceeded_on == date(2026, 11, 26)
    assert shop.earliest is not None
    assert shop.earliest <= shop.exceeded_on


@pytest.mark.parametrize(
    ("given", "dollars"), [("250", 250), ("$1,200.50", Decimal("1200.50")), (0.5, Decimal("0.5")), (" 3 ", 3)]
)
def test_an_amount_can_be_written_as_people_do(given: object, dollars: object) -> None:
    """With a dollar sign, with commas, or as a number."""
    assert checked_usd(given) == dollars


@pytest.mark.parametrize("given", ["", "ten", "-5", "0", "NaN", "Infinity", "1e12", "1.2.3", None])
def test_what_is_no_amount_is_refused(given: object) -> None:
    """The error names the field, and says what can be."""
    with pytest.raises(InvalidInput, match="monthly_usd: must be"):
        checked_usd(given)


def test_a_budget_is_for_a_project_that_can_be() -> None:
    """A name that no project can have is refused with the nearest one; none is that for everything."""
    assert (checked_project(" shop "), checked_project("")) == ("shop", EVERYTHING)
    with pytest.raises(InvalidInput, match=r"project: .*did you mean a-b"):
        checked_project("a/b")


def test_months_are_of_the_calendar() -> None:
    """In UTC, with the right length, over the end of a year."""
    assert month_of(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == (
        datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC),
    )  # fmt: skip
