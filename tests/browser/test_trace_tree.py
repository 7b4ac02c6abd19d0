"""The tree of a trace under keys, in the browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, WebSocket, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.browser.browsing import Application
from tests.factories import make_span, make_trace
from tests.postgres.writing import store
from tracing_core.clock import SystemClock
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url

pytestmark = pytest.mark.browser

PRESSED_MS = 60
"""How long a finger holds the button of a mouse; less than the tree waits for the next key."""


def test_a_span_chosen_by_a_key_is_said_before_a_link_leaves_the_page(running: Application, page: Page) -> None:
    """Said later, it is taken for the page that was left, which then stands there again, empty."""
    root = make_trace(started_at=SystemClock().now()).spans[0]
    trace = make_trace(spans=(root, make_span(parent_id=root.span_id, started_at=root.started_at)))
    database = Database(embedded_url(running.data_dir))
    store(database, trace)
    database.close()
    asked = _what_is_asked(page)
    page.goto(f"{running.url}/trace?id={trace.trace_id}")
    tree = page.get_by_role("tree", name="Spans of the trace")
    expect(tree.get_by_role("treeitem")).to_have_count(2)
    link = page.get_by_role("link", name="Overview")
    tree.focus()
    asked.clear()
    page.keyboard.press("End")
    link.click(delay=PRESSED_MS)
    expect(page.get_by_role("radio", name="30 days")).to_be_visible()
    assert asked[:2] == ["fragment", "page"]


def _what_is_asked(page: Page) -> list[str]:
    """Whether the browser asks for a fragment or a page, each time that it does."""
    asked: list[str] = []

    def sent(message: str | bytes) -> None:
        request = BackMsg.FromString(message) if isinstance(message, bytes) else BackMsg()
        if request.WhichOneof("type") == "rerun_script":
            asked.append("fragment" if request.rerun_script.fragment_id else "page")

    def opened(socket: WebSocket) -> None:
        socket.on("framesent", sent)

    page.on("websocket", opened)
    return asked
