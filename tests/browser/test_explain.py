"""Why were the answers slow: from the page Explain to the cause, and through it to its traces, by clicking and dragging."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import Application, settled
from tests.postgres.writing import store
from tests.slow_source import traces_with_a_cause
from tracing_core.clock import SystemClock
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url

pytestmark = pytest.mark.browser
CAUSE = re.compile(r"1 · .*source_choice chose archive")


@pytest.fixture(scope="module")
def project(running: Application) -> str:
    """A project with slow answers of one cause."""
    database = Database(embedded_url(running.data_dir))
    made = traces_with_a_cause(SystemClock().now(), project="slow-demo")
    store(database, *made)
    database.close()
    return "slow-demo"


def test_slow_answers_lead_to_their_cause_and_its_traces(running: Application, page: Page, project: str) -> None:
    """The first finding names the decision; its link lists the twelve traces, and ticking two asks about these."""
    page.goto(f"{running.url}/explain?project={project}&range=24h")
    page.get_by_text("Box", exact=True).click()
    expect(page.get_by_text("Draw a box on the heat map")).to_be_visible()
    settled(page)
    drag_over_the_slow_ones(page)
    page.wait_for_url(re.compile(r"these=box.*box="))
    expect(page.get_by_text(CAUSE)).to_be_visible()
    expect(page.get_by_text("12 traces of", exact=False)).to_be_visible()
    page.get_by_role("link", name="Show the 12 traces").click()
    page.wait_for_url(re.compile(r"/traces\?.*decision=source_choice.*what=archive"))
    expect(page.locator("tbody tr")).to_have_count(12)
    expect(page.get_by_text("12 traces", exact=True)).to_be_visible()
    page.locator("tbody input[type=checkbox]").nth(0).check()
    expect(page.get_by_role("link", name="Explain this one")).to_be_visible()
    page.locator("tbody input[type=checkbox]").nth(1).check()
    page.get_by_role("link", name="Explain these 2").click()
    page.wait_for_url(re.compile(r"/explain\?.*these=picked&ids=trc_"))


def drag_over_the_slow_ones(page: Page) -> None:
    """From the left end of the heat map to the right, over the upper part: only the slow ones are there."""
    place = page.locator(".js-plotly-plot .nsewdrag").first
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box is not None
    left, top, right, bottom = box["x"] + 4, box["y"] + 2, box["x"] + box["width"] - 4, box["y"] + 0.3 * box["height"]
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move((left + right) / 2, bottom - 5, steps=4)
    page.mouse.move(right, bottom, steps=4)
    page.mouse.up()
