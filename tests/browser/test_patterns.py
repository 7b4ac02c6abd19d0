"""What is asked: from a topic to its traces, by clicking its bar."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import Application, click_bar, settled
from tests.factories import make_trace
from tests.postgres.writing import store
from tests.unit.test_question_clusters import QUESTIONS
from tracing_core.clock import SystemClock
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url

pytestmark = pytest.mark.browser
PROJECT = "patterns-demo"


def test_a_topic_leads_to_its_traces(running: Application, page: Page) -> None:
    """All questions are counted; the longest bar opens a topic, whose row opens a trace; Back comes back to the topic.

    A row of the table picks a topic, too, and lets it go. On a narrow page all of the table is there, without what matters less.
    """
    now = SystemClock().now()
    database = Database(embedded_url(running.data_dir))
    for number, question in enumerate(QUESTIONS):
        store(
            database, make_trace(query=question, project=PROJECT, started_at=now - timedelta(minutes=9, seconds=number))
        )
    database.close()
    page.goto(f"{running.url}/patterns?project={PROJECT}&range=1h")
    expect(page.get_by_test_id("stMetric").filter(has_text="Questions")).to_contain_text(str(len(QUESTIONS)))
    click_bar(page, "Questions by topic")
    page.wait_for_url(re.compile(r"/patterns\?.*topic="))
    expect(page.get_by_text("of this topic looked at")).to_be_visible()
    settled(page).locator(".frame tbody tr:has(a)").first.click()
    page.wait_for_url(re.compile(r"/trace\?.*id="))
    page.go_back()
    page.wait_for_url(re.compile(r"/patterns\?.*topic="))
    expect(page.get_by_text("of this topic looked at")).to_be_visible()
    page.goto(f"{running.url}/patterns?project={PROJECT}&range=1h")
    table = page.get_by_role("table", name="Topics in numbers")
    expect(table.get_by_role("columnheader", name="P95")).to_be_visible()
    settled(page)
    last = table.locator("tbody tr").last
    name = last.locator("td.wide").inner_text().splitlines()[0]
    last.click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(table.locator("tr[aria-selected=true]")).to_contain_text(name)
    settled(page)
    table.locator("tbody tr").last.click()
    expect(page.get_by_role("heading", name=name)).to_be_hidden()
    page.set_viewport_size({"width": 900, "height": 900})
    expect(table.get_by_role("columnheader", name="P95")).to_be_hidden()
    frame, inside = page.locator(".frame").first.bounding_box(), table.bounding_box()
    assert frame is not None
    assert inside is not None
    assert inside["width"] <= frame["width"]
