"""One application and one browser for all tests of this folder."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.browsing import Application, application, browser, chromium
from tests.service.model_server import MODEL, ModelServer, model_serving


class HeldWords:
    """What a model says: the first word at once, the others when `gate` opens."""

    def __init__(self) -> None:
        self.gate = threading.Event()

    def __iter__(self) -> Iterator[str]:
        yield "Decorate "
        self.gate.wait(30)
        yield "the function with `app.post` and declare its <b>body</b> as a model, as the documentation says [1]."


@pytest.fixture(scope="session")
def served_model() -> Iterator[ModelServer]:
    """A model server for the whole session."""
    with model_serving() as server:
        yield server


@pytest.fixture
def model(served_model: ModelServer) -> ModelServer:
    """The model that answers in the chat, behaving well until a test says otherwise."""
    served_model.well()
    return served_model


@pytest.fixture(scope="session")
def running(served_model: ModelServer) -> Iterator[Application]:
    """The application on an empty data directory, asking the model of the tests."""
    if chromium() is None:
        reason = "there is no Chromium; install it, or name one in CHROMIUM"
        if os.environ.get("TRACEWHY_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    data_dir = Path(tempfile.mkdtemp(prefix="tracewhy-browser-"))
    try:
        with application(data_dir, LLM_BASE_URL=served_model.url, LLM_MODEL=MODEL) as started:
            yield started
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


@pytest.fixture(scope="package")
def chrome(running: Application) -> Iterator[Browser]:
    """A browser without a window; gone with the last test of this folder, as its event loop is in the way of others."""
    with browser() as opened:
        yield opened


@pytest.fixture
def page(chrome: Browser) -> Iterator[Page]:
    """A fresh page; what goes wrong in its scripts fails the test."""
    expect.set_options(timeout=20_000)
    opened = chrome.new_page(viewport={"width": 1440, "height": 900})
    opened.set_default_timeout(30_000)
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.close()
    assert not errors
