"""The whole application in processes of its own, and a real browser to look at it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import httpx
from playwright.sync_api import Browser, FloatRect, Page, sync_playwright
from playwright.sync_api import TimeoutError as TooSlow

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_SECONDS = 180
_STEP_SECONDS = 0.25
_TRIES, _HOVER_MS = 10, 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """A dashboard that runs, and its service."""

    url: str
    service_url: str
    data_dir: Path


def chromium() -> str | None:
    """The browser: CHROMIUM, else the one on the path; None where there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def application(data_dir: Path, **settings: str) -> Iterator[Application]:
    """`streamlit run dashboard/app.py` and nothing else, until the end of the block; its service is up when it begins."""
    port, service_port = free_port(), free_port()
    environment = {
        **os.environ,
        "TRACEWHY_DATA_DIR": str(data_dir),
        "TRACEWHY_SERVICE_PORT": str(service_port),
        "TRACEWHY_OTLP_PORT": "0",
        "TRACEWHY_GRPC_PORT": "0",
        "TRACEWHY_PUBLIC_URL": f"http://127.0.0.1:{port}",
        **settings,
    }
    command = (sys.executable, "-m", "streamlit", "run", "dashboard/app.py", "--server.port", str(port))
    with (data_dir / "application.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            running = Application(
                url=f"http://127.0.0.1:{port}", service_url=f"http://127.0.0.1:{service_port}", data_dir=data_dir
            )
            _until_ready(running, process)
            yield running
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        yield opened
        opened.close()


def settled(page: Page) -> Page:
    """The page, once Streamlit has nothing more to do on it."""
    page.wait_for_selector("[data-testid=stMainBlockContainer]")
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_load_state("networkidle")
    return page


def click_bar(page: Page, chart_name: str) -> None:
    """Click the middle of the largest bar of a chart."""

    def largest(boxes: list[FloatRect]) -> FloatRect:
        return max(boxes, key=lambda box: box["width"] * box["height"])

    _click(page, chart_name, ".bars .point path", largest)


def click_point(page: Page, chart_name: str, number: int) -> None:
    """Click a point of the first line of a chart, counted from the left."""

    def numbered(boxes: list[FloatRect]) -> FloatRect:
        return sorted(boxes, key=lambda box: box["x"])[number]

    _click(page, chart_name, ".scatterlayer .trace:first-child .points path", numbered)


def _click(page: Page, chart_name: str, what: str, choose: Callable[[list[FloatRect]], FloatRect]) -> None:
    """Click one of such parts of a chart, once it says what is under the mouse: until the page has settled it is drawn anew."""
    settled(page)
    chart = page.get_by_role("figure", name=chart_name)
    for _ in range(_TRIES):
        chart.scroll_into_view_if_needed()
        chart.locator(what).first.wait_for(state="attached")
        box = choose([box for part in chart.locator(what).all() if (box := part.bounding_box()) is not None])
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(*middle)
        with suppress(TooSlow):
            chart.locator(".hoverlayer > *").first.wait_for(timeout=_HOVER_MS)
            break
    page.mouse.click(*middle)


def _until_ready(running: Application, process: subprocess.Popen[bytes]) -> None:
    tick = Event()
    for _ in range(int(START_SECONDS / _STEP_SECONDS)):
        assert process.poll() is None, (running.data_dir / "application.log").read_text()
        if _is_ready(running):
            return
        tick.wait(_STEP_SECONDS)
    raise AssertionError((running.data_dir / "application.log").read_text())


def _is_ready(running: Application) -> bool:
    try:
        dashboard = httpx.get(f"{running.url}/_stcore/health", timeout=2)
        service = httpx.get(f"{running.service_url}/healthz", timeout=2)
    except httpx.TransportError:
        return False
    return dashboard.is_success and service.is_success and bool(service.json()["assistant"]["ready"])
