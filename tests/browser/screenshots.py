"""`python -m tests.browser.screenshots`: every page, wide and narrow, light and dark, as pictures to look at."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlencode

import httpx
from playwright.sync_api import Browser, Page

from assistant.demo.copies import yesterday
from assistant.demo.history import PROJECT
from dashboard.chat_controls import SUGGESTIONS
from dashboard.explain_view import Asked, Box
from tests.browser.browsing import application, browser, settled
from tracing_core.clock import SystemClock

WIDTHS = (1440, 900)
HEIGHT = 1200
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
QUESTIONS = (
    *SUGGESTIONS,
    "What is the difference between a list and a tuple?",
    "How do I draw a histogram in plotly?",
    "How do I open a connection in SQLAlchemy?",
)
COMMENTS = ("Exactly what I needed.", "That is about an older version.", None, "Too long.")


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="a dashboard that runs; without it one is started and asked a few questions")
    parser.add_argument("--out", type=Path, default=Path("docs/screenshots"), help="directory of the pictures")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with _dashboard(options.url) as url, browser() as opened:
        for width in WIDTHS:
            for scheme in SCHEMES:
                _pictures(opened, url, options.out, width, scheme)


@contextmanager
def _dashboard(url: str | None) -> Iterator[str]:
    if url:
        yield url.rstrip("/")
        return
    data_dir = Path(tempfile.mkdtemp(prefix="tracewhy-pictures-"))
    try:
        with application(data_dir) as started:
            _fill(data_dir)
            _use(started.service_url)
            yield started.url
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


def _fill(data_dir: Path) -> None:
    """Record a week of made-up history, so that charts have something to show."""
    command = [sys.executable, "-m", "examples.demo", "--traces", "600", "--days", "7"]
    subprocess.run(command, env=os.environ | {"TRACEWHY_DATA_DIR": str(data_dir)}, check=True)


def _use(service_url: str) -> None:
    """Ask some questions, and rate most of the answers."""
    with httpx.Client(base_url=service_url, timeout=300) as client:
        for number, question in enumerate(QUESTIONS):
            answer = client.post("/ask", json={"question": question, "session_id": "chat-pictures"})
            body = {
                "interaction_id": answer.raise_for_status().json()["trace_id"],
                "rating": 1 + (number * 3 + 4) % 5,
                "comment": COMMENTS[number % len(COMMENTS)],
            }
            if number % 4:
                client.post("/api/v1/chat/feedback", json=body).raise_for_status()


def _pictures(opened: Browser, url: str, out: Path, width: int, scheme: Literal["light", "dark"]) -> None:
    page = opened.new_page(viewport={"width": width, "height": HEIGHT}, color_scheme=scheme)
    for name in ("overview", "traces", "decisions", "quality", "feedback", "system"):
        page.goto(f"{url}/{'' if name == 'overview' else name}?range=7d")
        _take(page, out, name, width, scheme)
    for name, asked in (("explain", {}), ("explain-box", _box_of_yesterday())):
        page.goto(f"{url}/explain?{urlencode({'range': '7d', 'project': PROJECT} | asked)}")
        page.get_by_text("Nothing else stands out").wait_for()
        _take(page, out, name, width, scheme)
    for name in ("compare", "patterns"):
        page.goto(f"{url}/{name}?{urlencode({'range': '7d', 'project': PROJECT})}")
        page.locator(".js-plotly-plot").first.wait_for()
        _take(page, out, name, width, scheme)
    page.goto(f"{url}/traces")
    page.locator("tbody tr").first.click()
    page.wait_for_url("**/trace?id=*")
    page.get_by_role("tree").get_by_role("treeitem").first.wait_for()
    _take(page, out, "trace", width, scheme)
    page.goto(f"{url}/chat")
    page.get_by_text(SUGGESTIONS[0]).click()
    page.get_by_role("link", name="Open trace").wait_for(timeout=300_000)
    _take(page, out, "chat", width, scheme)
    page.close()


def _box_of_yesterday() -> dict[str, str]:
    """What the README's walk draws on the heat map."""
    hours = yesterday(SystemClock().now())
    return Asked(these="box", box=Box(start=hours.start, end=hours.end, low_ms=5000, high_ms=20000)).params()


def _take(page: Page, out: Path, name: str, width: int, scheme: str) -> None:
    settled(page)
    page.screenshot(path=out / f"{name}-{width}-{scheme}.png")


if __name__ == "__main__":
    main()
