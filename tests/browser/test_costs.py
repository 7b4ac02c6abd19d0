"""Where the money went: the numbers of the page Costs are those of the queries, and its bars and rows lead to their traces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from dashboard import words
from tests.browser.browsing import Application, click_bar, settled
from tests.pages.test_costs_page import spent
from tests.postgres.writing import rate, store
from tracing_core.clock import SystemClock
from tracing_core.query import costs, overview
from tracing_core.query.budgets import budgets
from tracing_core.query.filters import TraceFilter
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url

pytestmark = pytest.mark.browser
PROJECT = "costs-demo"
CHOSEN = TraceFilter(project=PROJECT)
DEAR = 12


@pytest.fixture(scope="module")
def paid(running: Application) -> Iterator[Database]:
    """Twelve dear answers of ann, ten cheap ones of bob, and one of a model without a price; one of each kind is rated."""
    database = Database(embedded_url(running.data_dir))
    at = SystemClock().now() - timedelta(minutes=20)
    dear = [spent(at, 0.25 + number / 100, project=PROJECT, user_id="ann") for number in range(DEAR)]
    cheap = [spent(at, 0.001, project=PROJECT, user_id="bob") for _ in range(10)]
    store(database, *dear, *cheap, spent(at, None, project=PROJECT, user_id="bob"))
    rate(database, dear[0], 5)
    rate(database, cheap[0], 1)
    yield database
    database.close()


def opened(running: Application, page: Page, **params: str) -> Page:
    """The page of this project, once all of it is there."""
    asked = "&".join(f"{name}={value}" for name, value in params.items())
    page.goto(f"{running.url}/costs?project={PROJECT}&range=1h&{asked}")
    expect(page.get_by_role("heading", name="What could cost less")).to_be_visible()
    return settled(page)


def cells(table: Locator) -> list[list[str]]:
    """What a table says, by row."""
    return [row.locator("td").all_text_contents() for row in table.locator("tbody tr").all()]


def test_the_numbers_are_those_of_the_queries(running: Application, page: Page, paid: Database) -> None:
    """Spend, a request, a good answer, what has no price, and each user's part; the address says by what it is split."""
    opened(running, page)
    found, good = overview.totals(paid, CHOSEN), costs.good_answers(paid, CHOSEN)
    assert found.cost_usd is not None
    for label, value in {
        "Spent": words.money(found.cost_usd),
        "A request": words.money(found.cost_usd / (found.count - found.unpriced_count)),
        "A good answer": words.money(good.each_usd),
        "Without a price": words.count(found.unpriced_count),
    }.items():
        shown = page.get_by_test_id("stMetric").filter(has=page.get_by_text(label, exact=True))
        expect(shown.get_by_test_id("stMetricValue")).to_have_text(value)
    page.get_by_role("radio", name="User", exact=True).click()
    page.wait_for_url(re.compile("by=user"))
    table = page.get_by_role("table", name="Spend by user")
    expect(table.get_by_role("cell", name="ann")).to_be_visible()
    said = {row[0]: row[1:] for row in cells(table)}
    assert set(said) == {"ann", "bob"}
    for line in costs.spending(paid, CHOSEN, "user").lines:
        numbers = [words.money(line.cost_usd), words.share(line.share), words.count(line.requests)]
        assert said[line.key][:3] == numbers


def test_a_bar_leads_to_its_traces_and_the_dearest_to_itself(running: Application, page: Page, paid: Database) -> None:
    """The bar of ann's spend lists her traces of that time; Back splits as before; the dearest trace comes first."""
    opened(running, page, by="user")
    click_bar(page, "Spend over time by user")
    page.wait_for_url(re.compile(r"/traces\?.*user=ann"))
    expect(page.locator("tbody tr")).to_have_count(DEAR)
    settled(page).go_back()
    page.wait_for_url(re.compile(r"/costs\?.*by=user"))
    expect(page.get_by_role("table", name="Spend by user")).to_be_visible()
    dearest = costs.dearest(paid, CHOSEN).rows[0]
    first = settled(page).locator(".frame tbody tr:has(a)").first
    expect(first).to_contain_text(words.money(dearest.cost_usd))
    first.click()
    page.wait_for_url(re.compile(rf"/trace\?.*id={dearest.trace_id}"))


def test_a_budget_is_set_and_taken_away(running: Application, page: Page, paid: Database) -> None:
    """The form begins with the project of the page; the share that is used is that of what the project spent."""
    opened(running, page)
    page.get_by_text("Set a budget").click()
    page.get_by_label("Dollars a month").fill("lots")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("The amount")
    page.get_by_label("Dollars a month").fill("100")
    page.get_by_role("button", name="Set", exact=True).click()
    spend = overview.totals(paid, CHOSEN).cost_usd
    assert spend is not None
    expect(page.get_by_text(f"{PROJECT} · {words.share(float(spend) / 100)} used")).to_be_visible()
    assert [each.project for each in budgets(paid)] == [PROJECT]
    settled(page).get_by_role("button", name="Remove").click()
    expect(page.get_by_text("None is set.")).to_be_visible()
    assert budgets(paid) == ()
