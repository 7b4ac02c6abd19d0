"""Going through many traces: pages, order, time ranges, and from one trace to the next."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dashboard.results import PAGE_SIZE
from tests.factories import make_trace, milliseconds
from tests.pages.conftest import OpenPage, drawn
from tests.postgres.writing import store
from tracing_core.clock import SystemClock
from tracing_core.model import TraceData
from tracing_core.storage.database import Database

COUNT = PAGE_SIZE + 10


@pytest.fixture
def many(database: Database) -> list[TraceData]:
    """More traces than a page has, the newest first, each a little slower than the older one beneath it."""
    now = SystemClock().now()
    made = [
        make_trace(started_at=now - timedelta(minutes=number), duration_ns=milliseconds(10_000 - number))
        for number in range(COUNT)
    ]
    store(database, *made)
    return made


def test_pages_follow_one_another(open_page: OpenPage, many: list[TraceData]) -> None:
    """Next shows the rest, the address says so, and previous leads back to the first page."""
    app = open_page("traces")
    first = [row["id"] for row in drawn(app, "trace_list")[0]["rows"]]
    app.button(key="traces.next").click().run()
    second = [row["id"] for row in drawn(app, "trace_list")[0]["rows"]]
    assert [*first, *second] == [trace.trace_id for trace in many]
    assert "after" in app.query_params
    app.button(key="traces.previous").click().run()
    assert [row["id"] for row in drawn(app, "trace_list")[0]["rows"]] == first
    assert "after" not in app.query_params


def test_the_order_is_in_the_address(open_page: OpenPage, many: list[TraceData]) -> None:
    """Slowest first is a view of its own, which starts on its first page."""
    app = open_page("traces", sort="slowest")
    listed = [row["id"] for row in drawn(app, "trace_list")[0]["rows"]]
    assert listed == [trace.trace_id for trace in many[:PAGE_SIZE]]


def test_a_custom_range_shows_what_lies_in_it(open_page: OpenPage, many: list[TraceData]) -> None:
    """A range with both ends has the traces between them, the start included and the end not."""
    start, end = many[5].started_at, many[2].started_at
    bounds = {"start": (start - timedelta(seconds=1)).isoformat(), "end": (end - timedelta(seconds=1)).isoformat()}
    app = open_page("traces", range="custom", **bounds)
    assert [row["id"] for row in drawn(app, "trace_list")[0]["rows"]] == [trace.trace_id for trace in many[3:6]]
    assert not app.exception


def test_choosing_custom_starts_from_the_range_before(open_page: OpenPage, many: list[TraceData]) -> None:
    """The fields of a custom range begin with what was shown, so that one end can be moved."""
    app = open_page("traces", range="1h")
    app.segmented_control(key="filters.range").set_value("custom").run()
    assert app.query_params["range"] == "custom"
    assert {"start", "end"} <= set(app.query_params)
    assert not app.exception


def test_a_trace_leads_to_its_neighbours_in_the_list(open_page: OpenPage, many: list[TraceData]) -> None:
    """From a trace one goes to the one above and below it in the list it was opened from."""
    app = open_page("traces")
    app.query_params.clear()
    app.query_params["id"] = many[1].trace_id
    app.switch_page("../pages/trace.py").run()
    assert not app.button(key="trace.previous").disabled
    app.button(key="trace.next").click().run()
    assert app.query_params["id"] == many[2].trace_id
