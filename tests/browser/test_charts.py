"""Charts over time: a click on a bar or a point leads to the traces that it stands for."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import Application, click_bar, click_point, settled
from tests.postgres.runs_written import make_run
from tests.postgres.writing import store
from tracing_core.clock import SystemClock
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url

pytestmark = pytest.mark.browser
PROJECT = "charts-demo"
FAILED, GOOD, LATER = 4, 7, 3


@pytest.fixture(scope="module", autouse=True)
def runs(running: Application) -> None:
    """Runs of one minute: four that the gate refused, which have no answer, and seven that passed; three ten minutes later."""
    at = SystemClock().now() - timedelta(minutes=20)
    database = Database(embedded_url(running.data_dir))
    store(database, *(make_run(started_at=at, project=PROJECT, passed=False, answer="No.") for _ in range(FAILED)))
    store(database, *(make_run(started_at=at, project=PROJECT, passed=True) for _ in range(GOOD)))
    later = at + timedelta(minutes=10)
    store(database, *(make_run(started_at=later, project=PROJECT, passed=True) for _ in range(LATER)))
    database.close()


@pytest.mark.parametrize(
    ("where", "chart", "asked"),
    [
        ("", "Quality flags over time", "flag=NORMAL"),
        ("quality", "Quality flags over time", "flag=NORMAL"),
        ("quality", "Passes and failures of the quality gate over time", "gate=yes"),
    ],
)
def test_a_bar_leads_to_its_traces(running: Application, page: Page, where: str, chart: str, asked: str) -> None:
    """The part of a stacked bar that is clicked, and no other part of it."""
    page.goto(f"{running.url}/{where}?project={PROJECT}&range=1h")
    click_bar(page, chart)
    page.wait_for_url(re.compile(rf"/traces\?.*{asked}"))
    expect(page.locator("tbody tr")).to_have_count(GOOD)


def test_a_point_leads_to_the_traces_of_its_time(running: Application, page: Page) -> None:
    """Of the line of latencies the point that is clicked, and no other; whoever comes back can click the next one."""
    page.goto(f"{running.url}/?project={PROJECT}&range=1h")
    for number, count in enumerate((FAILED + GOOD, LATER)):
        click_point(page, "Latency percentiles over time", number)
        page.wait_for_url(re.compile(r"/traces\?.*range=custom.*start=.*end="))
        expect(page.locator("tbody tr")).to_have_count(count)
        settled(page).go_back()
        page.wait_for_url(re.compile(rf"/\?project={PROJECT}"))


def test_a_click_counts_on_a_chart_that_has_changed_since_it_was_drawn(running: Application, page: Page) -> None:
    """Traces come in all the time: the page that is drawn again because of the click has another figure."""
    project = "charts-live"
    at = SystemClock().now() - timedelta(minutes=20)
    database = Database(embedded_url(running.data_dir))
    store(database, *(make_run(started_at=at, project=project, passed=True) for _ in range(GOOD)))
    page.goto(f"{running.url}/?project={project}&range=1h")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(GOOD)
    store(database, make_run(started_at=SystemClock().now(), project=project, passed=True))
    database.close()
    expect(rows).to_have_count(GOOD + 1)  # the list looks again by itself, the charts do not
    click_bar(page, "Quality flags over time")
    page.wait_for_url(re.compile(r"/traces\?.*flag=NORMAL"))
    expect(rows).to_have_count(GOOD)
