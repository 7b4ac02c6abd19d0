"""Which model is quicker: from two groups to their traces, and from two traces to what they did differently, by clicking."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import Application, settled
from tests.pages.test_compare_page import make_run
from tests.postgres.writing import store
from tracing_core.clock import SystemClock
from tracing_core.model import TraceData
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url

pytestmark = pytest.mark.browser
PROJECT = "compare-demo"


@pytest.fixture(scope="module")
def runs(running: Application) -> list[TraceData]:
    """Twenty runs a model, the second of which takes half the time and drops a document."""
    now = SystemClock().now()
    made = [
        replace(make_run(now - timedelta(minutes=5 + number), model, seconds + number / 50, choice), project=PROJECT)
        for model, seconds, choice in (("gpt-4o", 2.0, "bm25"), ("gpt-4o-mini", 1.0, "semantic"))
        for number in range(20)
    ]
    database = Database(embedded_url(running.data_dir))
    store(database, *made)
    database.close()
    return made


def test_the_quicker_model_leads_to_its_traces(running: Application, page: Page, runs: list[TraceData]) -> None:
    """The sentence says which is quicker; changed about, it says slower; its link lists the runs, and Back comes back."""
    page.goto(f"{running.url}/compare?project={PROJECT}&range=1h&by=model&a=gpt-4o&b=gpt-4o-mini")
    expect(page.get_by_text(re.compile(r"^B is \d+ % to \d+ % quicker"))).to_be_visible()
    settled(page).get_by_role("button", name="Swap").click()
    expect(page.get_by_text(re.compile(r"^B is .* slow"))).to_be_visible()
    settled(page).get_by_role("link", name="Its traces").first.click()
    page.wait_for_url(re.compile(r"/traces\?.*model=gpt-4o-mini"))
    expect(page.locator("tbody tr")).to_have_count(20)
    page.go_back()
    page.wait_for_url(re.compile(r"/compare\?.*a=gpt-4o-mini"))
    expect(page.get_by_text(re.compile(r"^B is .* slow"))).to_be_visible()


def test_two_traces_show_what_they_did_differently(running: Application, page: Page, runs: list[TraceData]) -> None:
    """What became of the evidence, and decisions line by line once one is clicked; it opens in its trace."""
    page.goto(f"{running.url}/compare?trace={runs[0].trace_id}&with={runs[-1].trace_id}")
    settled(page).get_by_role("tab", name="Evidence 1 of 2 differ").click()
    expect(page.get_by_text("A found 1 and kept 1 · B found 2 and kept 1")).to_be_visible()
    settled(page).get_by_role("tab", name="Decisions 1 of 1 differ").click()
    settled(page).get_by_role("table", name="Decisions of both traces").locator("tbody tr").first.click()
    expect(page.get_by_test_id("stCode")).to_contain_text("-chose bm25")
    expect(page.get_by_test_id("stCode")).to_contain_text("+chose semantic")
    page.get_by_role("link", name="Open it in A").click()
    page.wait_for_url(re.compile(rf"/trace\?.*id={runs[0].trace_id}.*span="))
