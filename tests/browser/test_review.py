"""The review by keyboard, without touching the mouse."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import Application, settled
from tests.factories import make_trace
from tests.postgres.writing import rate, store
from tracing_core.clock import SystemClock
from tracing_core.query.filters import TraceFilter
from tracing_core.query.review_queue import review_item, waiting_for_review
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url

pytestmark = pytest.mark.browser
PROJECT = "reviewed"


def test_traces_are_reviewed_by_keyboard(running: Application, page: Page) -> None:
    """N and P walk, a digit rates, F flags, L asks for a label, S settles and goes on; letters typed into fields stay letters."""
    now = SystemClock().now()
    made = [
        make_trace(started_at=now - timedelta(minutes=5 + number), query=f"Why is it {number}?", project=PROJECT)
        for number in range(3)
    ]
    database = Database(embedded_url(running.data_dir))
    store(database, *made)
    for trace in made:
        rate(database, trace, 1)

    page.goto(f"{running.url}/review?project={PROJECT}")
    expect(page.get_by_text("1 of 3")).to_be_visible()
    expect(page.get_by_role("button", name="Export as data set")).to_be_visible()  # the last on the page
    settled(page)
    page.keyboard.press("n")
    expect(page.get_by_text("Why is it 1?")).to_be_visible()
    page.keyboard.press("p")
    expect(page.get_by_text("Why is it 0?")).to_be_visible()
    page.keyboard.press("4")
    expect(page.get_by_text("★★★★☆ anonymous")).to_be_visible()
    page.keyboard.press("f")
    expect(page.get_by_text("flagged for review", exact=True)).to_be_visible()

    page.keyboard.press("l")
    expect(page.locator("input:focus")).to_have_attribute("aria-label", re.compile("Labels"))
    page.keyboard.type("no sources")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Remove no sources")).to_be_visible()
    page.keyboard.press("Escape")

    notes = page.get_by_label("Notes")
    notes.fill("")
    notes.press_sequentially("no sources 5 fps")
    expect(page.get_by_text("1 of 3")).to_be_visible()
    page.get_by_role("button", name="Save notes").click()
    settled(page)
    page.keyboard.press("s")
    expect(page.get_by_text("Why is it 1?")).to_be_visible()
    expect(page.get_by_text("1 of 2")).to_be_visible()

    item = review_item(database, made[0].trace_id)
    assert item is not None
    assert item.review_notes == "no sources 5 fps"
    assert item.labels == ("no sources",)
    assert waiting_for_review(database, TraceFilter(project=PROJECT)) == (made[1].trace_id, made[2].trace_id)
    database.close()
