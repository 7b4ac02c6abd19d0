"""Tables fit their page, however narrow; their rows lead on by click and by key, and their links to traces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import Application, settled
from tests.postgres.runs_written import choice, make_run
from tests.postgres.writing import store
from tracing_core.clock import SystemClock
from tracing_core.model import TraceData
from tracing_core.source_report import FUTURE, Finding, SourceReport
from tracing_core.storage.database import Database
from tracing_core.storage.diagnostics_write import SOURCE, Note, keep_notes
from tracing_core.storage.embedded import embedded_url

pytestmark = pytest.mark.browser
PROJECT = "tables-demo"
ASKED = f"project={PROJECT}&range=1h"
TABLES = {
    f"decisions?{ASKED}": ("Types of decisions",),
    f"decisions?{ASKED}&part=Confidence": ("Calibration",),
    f"decisions?{ASKED}&part=By component": ("What components declare and what was seen",),
    f"decisions?{ASKED}&decision=chosen_data_source_of_the_run": (
        "Alternatives not taken",
        "By how much surer the choice was than the best alternative",
        "Decisions with their traces, the worst first",
    ),
    f"quality?{ASKED}": ("Principles with how often they fail",),
    "system": (
        "Sources of spans", "Wrong times", "Sizes to come", "Sizes of tables", "Slowest questions", "Settings in force",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def runs(running: Application) -> Iterator[list[TraceData]]:
    """Runs with decisions of long names and judged principles; and a sender of an odd clock, whose example is the first."""
    now = SystemClock().now()
    made = []
    for number in range(12):
        at = now - timedelta(minutes=20, seconds=number)
        sure = choice(
            "the_documentation_of_the_library", 0.9, "questions_and_answers (0.4)",
            decision="chosen_data_source_of_the_run", timestamp=at,
        )  # fmt: skip
        told = choice("short", 0.6, decision="length", timestamp=at)
        made.append(
            make_run(
                started_at=at, project=PROJECT, passed=number % 3 == 0, scores={"META-12": number % 4}, score=2.0,
                decisions=(sure, told),
            )
        )  # fmt: skip
    database = Database(embedded_url(running.data_dir))
    store(database, *made)
    finding = Finding(count=3, trace_id=made[0].trace_id, span_id=made[0].spans[0].span_id, worst_ms=90_000)
    source = SourceReport(
        source="a-service-with-a-long-name-in-eu-west-1", scope="opentelemetry.instrumentation.openai_v2 2.0b0",
        sdk="opentelemetry python 1.39.0", first_seen=now, last_seen=now, requests=2, spans=5, looked_at=5,
        conventions={"gen_ai": 5, "openinference": 2}, problems={FUTURE: finding},
        unmapped={"acme.tenant.subscription.plan_of_the_month": replace(finding, worst_ms=0)},
    )  # fmt: skip
    keep_notes(database, "tables", [Note(kind=SOURCE, name=source.source, seen_at=now, document=source.document())])
    yield made
    database.close()


@pytest.mark.parametrize("where", TABLES, ids=lambda where: where.removeprefix("decisions?").replace(ASKED, ""))
def test_tables_fit_a_narrow_page(running: Application, page: Page, runs: list[TraceData], where: str) -> None:
    """In a window of 900 pixels no table is wider than its frame, and each has rows."""
    page.set_viewport_size({"width": 900, "height": 1200})
    page.goto(f"{running.url}/{where}")
    for name in TABLES[where]:
        expect(page.get_by_role("table", name=name)).to_be_visible()
    settled(page)
    for name in TABLES[where]:
        table = page.get_by_role("table", name=name)
        expect(table.locator("tbody tr").first).to_be_visible()
        frame, inside = table.locator("..").bounding_box(), table.bounding_box()
        assert frame is not None
        assert inside is not None
        assert inside["width"] <= frame["width"], name


def test_a_row_is_opened_by_its_key(running: Application, page: Page, runs: list[TraceData]) -> None:
    """Arrows go from row to row, Enter opens the type of decision."""
    page.goto(f"{running.url}/decisions?{ASKED}")
    rows = page.get_by_role("table", name="Types of decisions").locator("tbody tr")
    expect(rows).to_have_count(2)
    settled(page)
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    expect(rows.last).to_be_focused()
    name = rows.last.locator("td").first.inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/decisions\?.*decision={name}"))
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def test_an_example_opens_beside_the_page(running: Application, page: Page, runs: list[TraceData]) -> None:
    """The link of what is odd opens its trace at its span, in a tab of its own."""
    page.goto(f"{running.url}/system")
    table = page.get_by_role("table", name="Wrong times")
    expect(table).to_contain_text("a-service-with-a-long-name-in-eu-west-1")
    settled(page)
    with page.expect_popup() as opened:
        table.get_by_role("link", name="open trace").click()
    opened.value.wait_for_url(re.compile(rf"/trace\?id={runs[0].trace_id}&span={runs[0].spans[0].span_id}"))
    opened.value.close()


def test_a_click_leads_to_the_traces_of_a_row(running: Application, page: Page, runs: list[TraceData]) -> None:
    """The row of a principle lists the runs that fall short of it."""
    page.goto(f"{running.url}/quality?{ASKED}")
    row = page.get_by_role("table", name="Principles with how often they fail").locator("tbody tr")
    expect(row).to_contain_text("META-12")
    settled(page)
    row.click()
    page.wait_for_url(re.compile(r"/traces\?.*gap=META-12"))
