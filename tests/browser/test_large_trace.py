"""A trace of ten thousand spans in the browser."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from dashboard.charts import MOST_BARS
from tests.browser.browsing import Application
from tests.factories import make_span, make_trace, milliseconds
from tests.postgres.writing import store
from tracing_core.clock import SystemClock
from tracing_core.model import TraceData
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url

pytestmark = pytest.mark.browser

SPANS = 10_000
MOST_ROWS_DRAWN = 100


def test_ten_thousand_spans_are_scrolled_through(running: Application, page: Page) -> None:
    """Only the rows in sight are drawn, and both ends of the trace are one key away."""
    trace = large_trace()
    database = Database(embedded_url(running.data_dir))
    store(database, trace)
    database.close()
    page.goto(f"{running.url}/trace?id={trace.trace_id}")
    tree = page.get_by_role("tree", name="Spans of the trace")
    rows = tree.get_by_role("treeitem")
    expect(rows.first).to_contain_text("request")
    assert rows.count() < MOST_ROWS_DRAWN
    tree.focus()
    page.keyboard.press("End")
    expect(tree.get_by_role("treeitem", selected=True)).to_contain_text(f"step {SPANS - 2}")
    assert rows.count() < MOST_ROWS_DRAWN
    page.keyboard.press("Home")
    expect(tree.get_by_role("treeitem", selected=True)).to_contain_text("request")
    page.wait_for_url(f"**span={trace.spans[0].span_id}*")  # the page knows; a script clicks faster than that
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("radio", name="30 days").click()  # what was asked before is kept for seconds, without this trace
    expect(page.get_by_text(f"The first {MOST_BARS} of")).to_be_visible()
    expect(page.locator("tbody tr").first).to_be_visible()


def large_trace() -> TraceData:
    """A root with steps one after another, each tenth of which holds nine others."""
    start = SystemClock().now() - timedelta(minutes=1)
    trace = make_trace(started_at=start, duration_ns=milliseconds(SPANS))
    root = replace(trace.spans[0])
    spans, parent = [root], root
    for number in range(SPANS - 1):
        begins = start + timedelta(milliseconds=number)
        if number % 10 == 0:
            parent = make_span(
                name=f"step {number}", parent_id=root.span_id, started_at=begins, duration_ns=milliseconds(10)
            )
            spans.append(parent)
        else:
            spans.append(
                make_span(
                    name=f"step {number}", parent_id=parent.span_id, started_at=begins, duration_ns=milliseconds(1)
                )
            )
    return replace(trace, spans=tuple(spans))
