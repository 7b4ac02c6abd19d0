"""From a type of decision to the traces behind one of its choices, by clicking."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import Application, click_bar
from tests.postgres.runs_written import choice, make_run
from tests.postgres.writing import store
from tracing_core.clock import SystemClock
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url

pytestmark = pytest.mark.browser


def test_a_choice_leads_to_its_traces(running: Application, page: Page) -> None:
    """The page says that a sure choice is often wrong, and a click on its bar shows the traces in which it was made."""
    now = SystemClock().now()
    database = Database(embedded_url(running.data_dir))
    for number in range(20):
        at = now - timedelta(minutes=number + 1)
        made = choice("exa", 0.9, "reddit (0.4)", decision="source_bet", timestamp=at)
        store(
            database,
            make_run(started_at=at, passed=number % 5 == 0, query=f"Which robots {number}?", decisions=(made,)),
        )
    database.close()
    page.goto(f"{running.url}/decisions?decision=source_bet")
    expect(page.get_by_text("Says 0.90, is right 20 % of the time")).to_be_visible()
    click_bar(page, "Choices and their outcomes")
    page.wait_for_url(re.compile(r"/traces\?.*decision=source_bet.*what=exa"))
    expect(page.get_by_text("20 traces")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(20)
