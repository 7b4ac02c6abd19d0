"""The whole way once, as a person goes it: ask, watch, open the trace, rate it, and find it on the overview."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import Application, settled
from tests.browser.conftest import HeldWords
from tests.service.model_server import ModelServer

pytestmark = pytest.mark.browser


def test_ask_open_rate_and_find_it_again(running: Application, page: Page, model: ModelServer) -> None:
    """A question is answered bit by bit, its trace says why, a bad rating flags it, and the overview shows the flag."""
    words = HeldWords()
    model.words = words  # type: ignore[assignment]  # any iterable of words will do
    page.goto(f"{running.url}/chat")
    page.get_by_text("What does functools.lru_cache do?").click()
    expect(page.get_by_text("Decorate ▌")).to_be_visible()
    expect(page.get_by_text("retrieval_semantic")).to_be_visible()
    words.gate.set()
    expect(page.get_by_role("link", name="Open trace")).to_be_visible()
    expect(page.get_by_text("<b>body</b>")).to_be_visible()
    expect(page.get_by_text(re.compile(r"first token .* tokens/s"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"^Sources \d"))).to_be_visible()

    page.get_by_role("link", name="Open trace").click()
    page.wait_for_url(re.compile(r"/trace\?id=trc_"))
    tree = page.get_by_role("tree", name="Spans of the trace")
    expect(tree.get_by_role("treeitem").filter(has_text="retrieval_semantic")).to_be_visible()
    expect(page.get_by_text("because").first).to_be_visible()

    page.get_by_role("radio", name="1 out of 5 stars").click()
    expect(page.get_by_text("User negative")).to_be_visible()

    page.get_by_role("link", name="Overview").click()
    listed = page.locator("tr", has_text="functools.lru_cache")
    expect(listed.first).to_contain_text("User negative")
    expect(listed.first).to_contain_text("★☆☆☆☆")
    listed.first.click()
    page.wait_for_url(re.compile(r"/trace\?id=trc_"))


def test_the_tree_is_walked_by_keyboard_and_searched(running: Application, page: Page, model: ModelServer) -> None:
    """Arrows choose spans, left and right fold and unfold, a slash searches, and the address keeps the chosen span."""
    trace_id = _asked(running, "How do I merge two DataFrames?")
    settled_page = settled(_opened(page, f"{running.url}/trace?id={trace_id}"))
    tree = settled_page.get_by_role("tree", name="Spans of the trace")
    rows = tree.get_by_role("treeitem")
    expect(rows.first).to_be_visible()
    everything = rows.count()
    tree.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    expect(rows).to_have_count(1)
    page.keyboard.press("ArrowRight")
    expect(rows).to_have_count(everything)
    page.keyboard.press("/")
    page.keyboard.type("rerank")
    expect(settled_page.get_by_text(re.compile(rf"\d of {everything}"))).to_be_visible()
    page.keyboard.press("Enter")
    chosen = tree.get_by_role("treeitem", selected=True)
    expect(chosen).to_contain_text("rerank")
    page.wait_for_url(re.compile(f"span={chosen.get_attribute('data-span')}"))
    page.reload()
    expect(chosen).to_contain_text("rerank")


def test_filters_live_in_the_address(running: Application, page: Page, model: ModelServer) -> None:
    """Choosing a range changes the address, going to another page keeps it, and going back brings it back."""
    _asked(running, "What is a path parameter?")
    settled(_opened(page, f"{running.url}/traces"))
    page.get_by_role("radio", name="7 days").click()
    page.wait_for_url(re.compile(r"range=7d"))
    page.get_by_placeholder("Search questions and answers").fill("path parameter")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"text=path"))
    expect(page.locator("mark").first).to_have_text(re.compile("path", re.IGNORECASE))
    page.get_by_role("link", name="Overview").click()
    page.wait_for_url(re.compile(r"range=7d"))


def test_an_answer_can_be_stopped(running: Application, page: Page, model: ModelServer) -> None:
    """Stopping closes the connection, all the way to the model, and the trace that the page leads to is incomplete."""
    model.waits = True
    page.goto(f"{running.url}/chat")
    box = page.get_by_placeholder("Ask about the documents")
    box.fill("How do I read a file line by line, and how do I write one?")
    box.press("Enter")
    expect(page.get_by_text("▌")).to_be_visible()
    page.get_by_role("button", name="Stop").last.click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    assert model.hung_up.wait(20)
    page.get_by_role("link", name="Open trace").click()
    expect(page.get_by_text("Incomplete", exact=True).first).to_be_visible()


def _asked(running: Application, question: str) -> str:
    answer = httpx.post(f"{running.service_url}/ask", json={"question": question}, timeout=120)
    return str(answer.raise_for_status().json()["trace_id"])


def _opened(page: Page, url: str) -> Page:
    page.goto(url)
    return page


def test_a_bar_leads_to_its_traces(running: Application, page: Page, model: ModelServer) -> None:
    """A click on a library in the overview opens the traces about it."""
    _asked(running, "How do I merge two DataFrames in pandas?")
    settled(_opened(page, running.url))
    bar = page.locator(".st-key-overview-libraries .bars .point").last  # the longest, whatever else was asked before
    bar.scroll_into_view_if_needed()
    bar.hover(force=True)  # a layer over the chart takes what is done, as it does from a person
    expect(page.locator(".st-key-overview-libraries .hoverlayer .hovertext").first).to_be_visible()
    bar.click(force=True)
    page.wait_for_url(re.compile(r"/traces\?library="))
    expect(page.locator("tbody tr").first).to_be_visible()
