"""An alert rule from its form to its end, by clicking."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import Application, settled
from tests.factories import make_trace
from tests.postgres.writing import store
from tracing_core.clock import SystemClock
from tracing_core.model import TraceStatus
from tracing_core.query.alert_rules import alert_rule_rows
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url

pytestmark = pytest.mark.browser
NAME = "Slow answers of the shop"


def test_a_rule_is_made_tried_silenced_changed_and_deleted(running: Application, page: Page) -> None:
    """The form says what the rule would have done; what is made is listed, and opens with all that can be done about it."""
    began = SystemClock().now() - timedelta(hours=3)
    database = Database(embedded_url(running.data_dir))
    store(database, *(make_trace(started_at=began, status=TraceStatus.FAILED, project="shop") for _ in range(3)))

    page.goto(f"{running.url}/alerts")
    page.get_by_role("button", name="New rule").click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Name").fill(NAME)
    form.get_by_role("spinbutton", name="Minimum count").fill("1")
    form.get_by_role("spinbutton", name="Threshold, in ms").fill("1000")
    form.get_by_role("spinbutton", name="Threshold, in ms").press("Tab")
    expect(form.get_by_text("above the threshold")).to_be_visible()  # it would recover at 4,500: named, and not kept
    expect(form.get_by_role("button", name="Create rule")).to_be_disabled()
    form.get_by_role("spinbutton", name="Recovers at, in ms").fill("900")
    form.get_by_role("spinbutton", name="Recovers at, in ms").press("Tab")
    expect(form.get_by_text("Would have fired once")).to_be_visible()
    form.get_by_role("button", name="Create rule").click()
    expect(form).to_be_hidden()

    (row,) = [each for each in alert_rule_rows(database) if each.name == NAME]
    database.close()
    expect(page.locator("canvas td", has_text=NAME)).to_have_count(1)
    page.goto(f"{running.url}/alerts?rule={row.rule_id}")
    expect(page.get_by_text("P95 latency above 1 s over 15 minutes")).to_be_visible()
    page.get_by_role("button", name="Silence", exact=True).click()
    page.get_by_role("button", name="For 8 hours").click()
    expect(page.get_by_text(re.compile("silenced until .* UTC"))).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Turn off").click()
    expect(page.get_by_role("button", name="Turn on")).to_be_visible()
    settled(page).get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete this rule").click()
    expect(page.get_by_text("No rule is set up.")).to_be_visible()
    expect(page).to_have_url(f"{running.url}/alerts")
