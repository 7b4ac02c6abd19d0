"""The page Costs: what was spent and where, where the month leads, budgets, and what has no price."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from dashboard import costs_charts, theme
from tests.factories import make_span, make_trace
from tests.pages.conftest import OpenPage, drawn, tables, texts
from tests.postgres.writing import rate, store
from tracing_core.budget import Budget
from tracing_core.clock import SystemClock
from tracing_core.cost_forecast import Band
from tracing_core.model import SpanKind, TraceData
from tracing_core.query.budgets import budgets
from tracing_core.query.cost_projection import CostProjection, MonthPoint
from tracing_core.query.costs import Spending, SpendLine
from tracing_core.storage.budget_write import put_budget
from tracing_core.storage.database import Database

HOUR = timedelta(hours=1)


@pytest.fixture
def now() -> datetime:
    return SystemClock().now()


def spent(at: datetime, dollars: object, **overrides: object) -> TraceData:
    """A trace of one call; its sender says what it cost, or nobody knows."""
    root = make_span(name="request", kind=SpanKind.ROOT, started_at=at)
    said = {"model": "home-made"} if dollars is None else {"model": "gpt-4o-mini", "gen_ai.usage.cost": dollars}
    call = make_span(
        parent_id=root.span_id, name="llm_generation", kind=SpanKind.GENERATION, started_at=at,
        attributes={"prompt_tokens": 1000, "completion_tokens": 100, "cached_tokens": 250, **said},
    )  # fmt: skip
    return make_trace(started_at=at, spans=(root, call), **overrides)


@pytest.fixture
def paid(database: Database, now: datetime) -> list[TraceData]:
    """Of the last hour: a dear answer that is good, a cheap one that is not, one without a price; two cheap ones of the day before."""
    made = [
        spent(now - HOUR / 2, 1.5, project="shop", user_id="ann"),
        spent(now - HOUR / 2, 0.00002, user_id="bob"),
        spent(now - HOUR / 2, None),
        spent(now - 30 * HOUR, 0.5),
        spent(now - 31 * HOUR, 0.5),
    ]
    store(database, *made)
    rate(database, made[0], 5)
    rate(database, made[1], 2)
    return made


def test_the_numbers_are_those_of_the_traces(open_page: OpenPage, paid: list[TraceData]) -> None:
    """What was spent, a request, a good answer with the bad one it took, cached tokens, and what has no price."""
    app = open_page("costs")
    assert not app.exception
    numbers = {metric.label: metric.value for metric in app.metric}
    assert numbers == {
        "Spent": "$1.50", "Month, expected": "–", "A request": "$0.7500", "A good answer": "$1.50",
        "Cached tokens": "25.0 %", "Without a price": "1",
    }  # fmt: skip
    deltas = {metric.label: metric.delta for metric in app.metric}
    assert (deltas["Spent"], deltas["A request"]) == ("+50 %", "+50 %")


def test_a_cost_that_is_small_is_not_nothing(open_page: OpenPage, database: Database, now: datetime) -> None:
    """No number of the page says $0.00 of money that was spent."""
    store(database, spent(now - HOUR / 2, 0.00002))
    app = open_page("costs")
    said = [str(metric.value) for metric in app.metric] + [texts(app)]
    said += [cell for table in tables(app) for row in table for cell in row.values()]
    assert not [each for each in said if "$0.00 " in each or each.endswith("$0.00")]
    assert {metric.label: metric.value for metric in app.metric}["Spent"] == "$0.00002"


@pytest.mark.parametrize(
    ("by", "column", "keys"),
    [
        ("model", "Model", ["gpt-4o-mini", "home-made"]),
        ("project", "Project", ["shop", "default"]),
        ("user", "User", ["ann", "bob", "user-1"]),
        ("operation", "Operation", ["llm_generation"]),
        ("library", "Library", ["fastapi"]),
    ],
)
def test_spend_is_split_as_is_chosen(
    open_page: OpenPage, paid: list[TraceData], by: str, column: str, keys: list[str]
) -> None:
    """The table has a row for each, the dearest first; the choice is in the URL."""
    app = open_page("costs", by=by)
    assert not app.exception
    assert [row[column] for row in tables(app)[0]] == keys
    assert app.segmented_control(key="costs.by").value == by
    app.segmented_control(key="costs.by").set_value("model").run()
    assert app.query_params["by"] in ("model", ["model"])


def test_what_is_not_known_is_a_dash(open_page: OpenPage, paid: list[TraceData]) -> None:
    """The model without a price has no cost, no share and no mean, and is said to need one, with its trace."""
    app = open_page("costs")
    row = tables(app)[0][1]
    assert (row["Model"], row["Spent"], row["Share"], row["Each"]) == ("home-made", "–", "–", "–")
    (unknown,) = (table for table in tables(app) if "To do" in table[0])
    assert [(row["Model"], row["To do"]) for row in unknown] == [("home-made", "set a price")]
    assert [code.value for code in app.code] == ["""TRACEWHY_PRICES='{"home-made": {"input": …, "output": …}}'"""]
    assert "1 of 5 requests has no known price, and is not in this." in texts(app)
    assert paid[2].trace_id in {row["id"] for listed in drawn(app, "trace_list") for row in listed["rows"]}


def test_the_dearest_traces_are_listed(open_page: OpenPage, paid: list[TraceData]) -> None:
    """By what they cost; those of another time, and those without a price, are not among them."""
    listed = drawn(open_page("costs"), "trace_list")[0]
    assert [row["id"] for row in listed["rows"]] == [paid[0].trace_id, paid[1].trace_id]
    assert [row["cost"] for row in listed["rows"]] == ["$1.50", "$0.00002"]


def test_token_classes_have_prices(open_page: OpenPage, paid: list[TraceData]) -> None:
    """Each class with its tokens, its price, and which book that is from; those without a price say so."""
    (classes,) = (table for table in tables(open_page("costs")) if "Class" in table[0])
    found = {(row["Model"], row["Class"]): row for row in classes}
    cached = found["gpt-4o-mini", "cache read"]
    assert (cached["Tokens"], cached["Price"]) == ("500", "$0.075")
    assert cached["Price of"].startswith("genai-prices")
    assert found["home-made", "input"]["Price of"] == "no price"


def test_a_filter_holds_for_all_of_the_page(open_page: OpenPage, paid: list[TraceData]) -> None:
    """With a user only the traces of that user count."""
    app = open_page("costs", user="ann")
    assert {metric.label: metric.value for metric in app.metric}["Spent"] == "$1.50"
    assert [row["id"] for row in drawn(app, "trace_list")[0]["rows"]] == [paid[0].trace_id]


def test_a_month_that_can_be_foretold_is(open_page: OpenPage, database: Database, now: datetime) -> None:
    """From seven whole days on the page says where the month leads, with an interval."""
    store(database, *[spent(now - timedelta(days=number), 2) for number in range(11)])
    app = open_page("costs")
    assert {metric.label: metric.value for metric in app.metric}["Month, expected"].startswith("$")
    assert "judging by 10 whole days. The next 30 days: " in texts(app)
    assert "A year is foretold once there are 28 days." in texts(app)


def test_a_month_without_prices_is_not_free(open_page: OpenPage, database: Database, now: datetime) -> None:
    """Where no cost is known, nothing reads as $0: not the month, not what is foretold, not what of a budget is used."""
    store(database, *[spent(now - timedelta(days=number), None) for number in range(11)])
    put_budget(database, Budget(project="", monthly_usd=Decimal(5), updated_at=now, updated_by="a test"))
    app = open_page("costs")
    said = texts(app)
    assert "What this month costs is not known. " in said
    assert r"– of \$5.00. What this month costs is not known." in said
    assert "requests have no known price" in said
    numbers = {metric.label: metric.value for metric in app.metric}
    assert (numbers["Spent"], numbers["Month, expected"], numbers["A request"]) == ("–", "–", "–")
    assert r"\$0" not in said


def set_budget(open_page: OpenPage, project: str, amount: str) -> object:
    app = open_page("costs")
    app.selectbox(key="costs.budget.project.").select(project)
    app.text_input(key="costs.budget.amount").input(amount)
    return next(button for button in app.button if button.label == "Set").click().run()


def test_a_budget_is_set_and_removed(open_page: OpenPage, paid: list[TraceData], database: Database) -> None:
    """The form keeps it, the page says how much of it is used, and a click takes it away."""
    app = set_budget(open_page, "shop", "$2")
    assert [(each.project, each.monthly_usd) for each in budgets(database)] == [("shop", Decimal(2))]
    assert "**shop** · 75.0 % used" in texts(app)  # type: ignore[arg-type]
    assert r"\$1.50 of \$2.00" in texts(app)  # type: ignore[arg-type]
    app.button(key="costs.budget.remove.shop").click().run()  # type: ignore[attr-defined]
    assert budgets(database) == ()


@pytest.mark.parametrize("amount", ["", "ten", "-5"])
def test_a_budget_that_is_none_is_refused(
    open_page: OpenPage, paid: list[TraceData], database: Database, amount: str
) -> None:
    """The form says which field is wrong and what can be in it."""
    app = set_budget(open_page, "", amount)
    assert "The amount must be" in texts(app)  # type: ignore[arg-type]
    assert budgets(database) == ()


def test_a_budget_that_is_spent_says_since_when(
    open_page: OpenPage, paid: list[TraceData], database: Database, now: datetime
) -> None:
    """In red, with the day."""
    put_budget(database, Budget(project="", monthly_usd=Decimal("0.1"), updated_at=now, updated_by="a test"))
    assert ":red[Spent since " in texts(open_page("costs"))


def test_without_traces_budgets_can_still_be_set(open_page: OpenPage) -> None:
    """The page says that there is nothing, and has the form all the same."""
    app = open_page("costs")
    assert not app.exception
    assert "Nothing was asked in this time." in texts(app)
    assert app.text_input(key="costs.budget.amount").label == "Dollars a month"


def test_more_keys_than_colours_are_one() -> None:
    """The dearest have a colour each, the others are added up."""
    at = datetime(2026, 11, 21, tzinfo=UTC)
    keys = [f"m{number:02}" for number in range(20)]
    lines = tuple(
        SpendLine(key=key, cost_usd=Decimal(20 - at), requests=1, unpriced=0, tokens=1, share=0.1)
        for at, key in enumerate(keys)
    )
    found = Spending(
        by="model", granularity="day", lines=lines, buckets=(at,), sample=None,
        over_time={line.key: {at: line.cost_usd or Decimal(0)} for line in lines},
    )  # fmt: skip
    figure = costs_charts.over_time(found)
    assert len(figure.data) == len(theme.SERIES) + 1
    assert sum(bar.y[0] for bar in figure.data) == sum(range(21))
    assert figure.data[-1].customdata[0][0] == costs_charts.OTHERS
    assert len(costs_charts.over_time(replace(found, lines=lines[:3])).data) == 3


def test_the_month_has_its_band() -> None:
    """The interval lies around what is expected, from today on."""
    day = datetime(2026, 11, 21, tzinfo=UTC).date()
    projection = CostProjection(
        month=day.replace(day=1), spent_by=((day, Decimal(3)),), next_month=None, next_year=None, seen=9, requests=1, unpriced=0,
        ahead=(MonthPoint(day=day, band=Band(expected=4, low=3, high=6)),),
    )  # fmt: skip
    high, low, expected, now = costs_charts.month(projection, Decimal(5)).data
    assert (high.y[0], low.y[0], expected.y[0], now.y[0]) == (6, 3, 4, 3)
    assert low.fill == "tonexty"


def test_a_budget_begins_with_the_project_of_the_page(open_page: OpenPage, paid: list[TraceData]) -> None:
    """Who looks at a project sets its budget without choosing it again; without one it is of everything."""
    app = open_page("costs", project="shop")
    assert app.selectbox(key="costs.budget.project.shop").value == "shop"
    app.button(key="filters.chip.project").click().run()
    assert app.selectbox(key="costs.budget.project.").value == ""


def test_a_budget_of_a_project_that_just_began_is_not_one_of_all(
    open_page: OpenPage, paid: list[TraceData], database: Database
) -> None:
    """The form knows the project of the page, also where the list of projects does not know it yet."""
    app = open_page("costs", project="just-begun")
    app.text_input(key="costs.budget.amount").input("5")
    next(button for button in app.button if button.label == "Set").click().run()
    assert not app.exception
    assert [each.project for each in budgets(database)] == ["just-begun"]
