"""The tree of a trace under keys, in the browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.browser.browsing import Application
from tests.factories import make_span, make_trace
from tests.postgres.writing import store
from tracing_core.clock import SystemClock
from tracing_core.storage.database import Database
from tracing_core.storage.embedded import embedded_url

pytestmark = pytest.mark.browser


PRESSED_MS = 60  # how long a finger holds the button of a mouse, and less than the tree waits for the next key


class SlowServer:
    """What stands between the browser and the dashboard: it notes what is asked, and keeps answers back while closed."""

    def __init__(self, page: Page) -> None:
        self.asked: list[str] = []
        self.closed = False
        page.route_web_socket("**/_stcore/stream", self._between)

    def _between(self, browser: WebSocketRoute) -> None:
        dashboard = browser.connect_to_server()

        def ask(message: str | bytes) -> None:
            if isinstance(message, bytes):
                request = BackMsg.FromString(message)
                if request.WhichOneof("type") == "rerun_script":
                    self.asked.append("fragment" if request.rerun_script.fragment_id else "page")
            dashboard.send(message)

        def answer(message: str | bytes) -> None:
            if not self.closed:
                browser.send(message)

        browser.on_message(ask)
        dashboard.on_message(answer)


def test_a_span_chosen_by_a_key_is_said_before_a_link_leaves_the_page(running: Application, page: Page) -> None:
    """Said later, it is taken for the page that was left, which then stands there again, empty."""
    root = make_trace(started_at=SystemClock().now()).spans[0]
    trace = make_trace(spans=(root, make_span(parent_id=root.span_id, started_at=root.started_at)))
    database = Database(embedded_url(running.data_dir))
    store(database, trace)
    database.close()
    server = SlowServer(page)
    page.goto(f"{running.url}/trace?id={trace.trace_id}")
    tree = page.get_by_role("tree", name="Spans of the trace")
    expect(tree.get_by_role("treeitem")).to_have_count(2)
    link = page.get_by_role("link", name="Overview")
    tree.focus()
    server.closed, server.asked = True, []
    page.keyboard.press("End")
    link.click(delay=PRESSED_MS)
    while len(server.asked) < 2:
        page.wait_for_timeout(10)  # lets the messages come in
    assert server.asked == ["fragment", "page"]
