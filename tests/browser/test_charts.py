"""Charts over time: a click on a bar leads to the traces that it stands for."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import Application, click_bar
from tests.postgres.runs_written import make_run
from tests.postgres.writing import store
from tracing_core.clock import SystemClock
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url

pytestmark = pytest.mark.browser
PROJECT = "charts-demo"
FAILED, GOOD = 4, 7


@pytest.fixture(scope="module", autouse=True)
def runs(running: Application) -> None:
    """Runs of one minute: four that the gate refused, which have no answer, and seven that passed."""
    at = SystemClock().now() - timedelta(minutes=20)
    database = Database(embedded_url(running.data_dir))
    store(database, *(make_run(started_at=at, project=PROJECT, passed=False, answer="No.") for _ in range(FAILED)))
    store(database, *(make_run(started_at=at, project=PROJECT, passed=True) for _ in range(GOOD)))
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
