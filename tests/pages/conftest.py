"""The application as a person without a browser sees it: its own shell and pages, on a real database."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import data
from tests.factories import make_trace
from tests.postgres.writing import store
from tracing_core.clock import SystemClock
from tracing_core.model import TraceData
from tracing_core.settings import settings
from tracing_core.storage.database import Database

SHELL = Path(__file__).parents[2] / "dashboard" / "shell.py"
CLOSED_PORT = "http://127.0.0.1:9"
OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch, database_url: str, data_dir: Path) -> Iterator[OpenPage]:
    """Opens a page of the application: `open_page("trace", id="trc_...")`."""
    yield from _opening(monkeypatch, database_url, data_dir)


@pytest.fixture
def open_page_without_database(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> Iterator[OpenPage]:
    """The same, with a database that cannot be reached."""
    yield from _opening(monkeypatch, "postgresql://nobody@127.0.0.1:9/none", data_dir)


@pytest.fixture
def stored(database: Database) -> list[TraceData]:
    """Three traces of the last hour: a good one, one without an answer, and one that failed."""
    now = SystemClock().now()
    traces = [
        make_trace(started_at=now - timedelta(minutes=10)),
        make_trace(
            started_at=now - timedelta(minutes=8), answer="No.", query="What is <b>pandas</b>?", library="pandas"
        ),
        make_trace(started_at=now - timedelta(minutes=6), library=None, status="failed", error="the model went away"),
    ]
    store(database, *[replace(trace, session_id="chat-1") for trace in traces])
    return traces


def with_params(app: AppTest, params: dict[str, str]) -> AppTest:
    """The application with these parameters in its URL."""
    for name, value in params.items():
        app.query_params[name] = value
    return app


def texts(app: AppTest) -> str:
    """All that a page says in words; spaces that no line ends at are as others."""
    said = [*app.title, *app.markdown, *app.caption, *app.text, *app.warning, *app.error, *app.subheader]
    return "\n".join(str(element.value) for element in said).replace("\N{NO-BREAK SPACE}", " ")


def drawn(app: AppTest, component: str) -> list[dict[str, Any]]:
    """What was handed to each component of this name."""
    protos = [element.proto for element in app.get("bidi_component")]
    return [json.loads(proto.json) for proto in protos if proto.component_name == f"tracewhy_{component}"]


def tables(app: AppTest) -> list[list[dict[str, str]]]:
    """The rows of each table that fits its room, texts by column; spaces that no line ends at are as others."""
    found = []
    for table in drawn(app, "fitting_table"):
        names = [column["name"] for column in table["columns"]]
        said = [[cell.replace("\N{NO-BREAK SPACE}", " ") for cell in row["cells"]] for row in table["rows"]]
        found.append([dict(zip(names, cells, strict=True)) for cells in said])
    return found


def _opening(monkeypatch: pytest.MonkeyPatch, url: str, data_dir: Path) -> Iterator[OpenPage]:
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("TRACEWHY_DATA_DIR", str(data_dir))
    monkeypatch.setenv("API_URL", CLOSED_PORT)
    # the page becomes the main module, which a process that is started by a later test would begin with
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    settings.cache_clear()
    st.cache_data.clear()
    st.cache_resource.clear()

    def opened(page: str = "overview", **params: str) -> AppTest:
        app = AppTest.from_file(SHELL, default_timeout=60)
        if page == "overview":
            return with_params(app, params).run()
        return with_params(app.run().switch_page(f"../pages/{page}.py"), params).run()

    yield opened
    if not url.startswith("postgresql://nobody"):
        data.store().database.close()
    st.cache_resource.clear()
    settings.cache_clear()
