"""The page Explain: cohorts and references from the URL, the cause first, its traces one click away; and saved views."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from sqlalchemy import select, update
from streamlit.testing.v1 import AppTest

from dashboard.explain_view import Asked, Box
from dashboard.view import parse
from tests.pages.conftest import OpenPage, texts
from tests.postgres.writing import store
from tests.slow_source import SLOW_LIBRARY, traces_with_a_cause
from tracing_core.clock import SystemClock
from tracing_core.model import TraceData
from tracing_core.query.saved_views import saved_views
from tracing_core.query.traces import list_traces
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces as rows

CAUSE = "source_choice chose archive"


@pytest.fixture
def planted(database: Database) -> list[TraceData]:
    """Two hours' traces, of which each tenth is slow for one reason."""
    traces = traces_with_a_cause(SystemClock().now())
    store(database, *traces)
    return traces


def said_by(app: AppTest) -> str:
    """All that a page says, as it is read: without the backslashes of Markdown."""
    return texts(app).replace("\\", "")


def first_cause(app: AppTest) -> str:
    """The sentence of the first finding."""
    return next(line for line in said_by(app).splitlines() if line.startswith("**1 ·"))


def links(app: AppTest, label: str) -> list[str]:
    """Where the links of this name lead."""
    return [
        f"{each.page}?{each.query_string}"
        for each in (one.proto for one in app.get("page_link"))
        if label in each.label
    ]


def figures(app: AppTest) -> list[dict[str, object]]:
    """What is drawn, as Plotly has it."""
    return [json.loads(each.proto.spec) for each in app.get("plotly_chart")]


def test_the_cause_comes_first_with_its_traces(open_page: OpenPage, planted: list[TraceData]) -> None:
    """Slow traces are told apart by the decision, with both groups' sizes, a chart, and the list of the traces behind it."""
    app = open_page("explain", min_ms="1")
    assert not app.exception
    said = said_by(app)
    assert "slow traces (over the P95" in said
    assert CAUSE in first_cause(app)
    assert "p < 0.001" in said
    assert "Nothing else stands out" in said
    (link, *_) = links(app, "Show the")
    assert "decision=source_choice" in link
    assert "what=archive" in link
    assert links(app, "Example 1")
    assert figures(app)


@pytest.mark.parametrize("these", ["slow", "flagged", "expensive", "low_rated"])
def test_all_of_the_traces_are_a_click_away(
    open_page: OpenPage, planted: list[TraceData], database: Database, these: str
) -> None:
    """The list has as many traces as the answer is about, and they are those that were asked for."""
    with database.write() as connection:
        for number, trace in enumerate(planted[:40]):
            said_of_it = {"rating": number % 5 + 1, "quality_flag": "USER_NEGATIVE" if number % 5 < 2 else "NORMAL"}
            connection.execute(update(rows).where(rows.c.trace_id == trace.trace_id).values(**said_of_it))
    said = said_by(app := open_page("explain", these=these))
    (link,) = links(app, "All of these traces")
    chosen = parse(dict(parse_qsl(link.partition("?")[2]))).trace_filter(SystemClock().now())
    listed = {row.trace_id for row in list_traces(database, chosen, limit=200).rows}
    with database.read() as connection:
        stored = connection.execute(
            select(rows).where(rows.c.started_at < chosen.end)
        ).all()  # up to the last whole minute
    ours = [each for each in stored if each.trace_id in listed]
    assert re.search(r"\*\* · (\d+) traces", said)[1] == str(len(ours))  # type: ignore[index]
    others = [each for each in stored if each.trace_id not in listed]
    assert ours
    if these == "flagged":
        assert {each.quality_flag for each in others} == {"NORMAL"}
        assert "NORMAL" not in {each.quality_flag for each in ours}
    elif these == "low_rated":
        assert all(each.rating <= 2 for each in ours)
    else:
        name = "cost_usd" if these == "expensive" else "duration_ms"
        known = [getattr(each, name) for each in others if getattr(each, name) is not None]
        assert max(known) < min(getattr(each, name) for each in ours)


def test_filters_tell_traces_apart_when_asked_to(open_page: OpenPage, planted: list[TraceData]) -> None:
    """Of a library: what it decided sets it apart, and the library itself is no news."""
    app = open_page("explain", these="filter", library=SLOW_LIBRARY, min_ms="5000")
    assert not app.exception
    assert CAUSE in said_by(app)


def test_a_box_of_the_url_is_explained_and_counted(open_page: OpenPage, planted: list[TraceData]) -> None:
    """The heat map shows the box, how many are in it and the way to them, and the cause beneath."""
    now = SystemClock().now().replace(minute=0, second=0, microsecond=0)
    box = Box(start=now - timedelta(hours=2), end=now + timedelta(hours=1), low_ms=4000, high_ms=30000)
    app = open_page("explain", **Asked(these="box", box=box).params())
    assert not app.exception
    assert "**12 traces** of 4.00 s to 30.00 s" in said_by(app)
    assert any("min_ms=4000" in link for link in links(app, "Open"))
    assert CAUSE in first_cause(app)
    assert figures(app)[0]["data"][0]["type"] == "heatmap"  # type: ignore[index]


def test_one_trace_and_picked_ones_are_explained(open_page: OpenPage, planted: list[TraceData]) -> None:
    """By what the others did otherwise."""
    slow = [trace.trace_id for trace in planted if (trace.duration_ns or 0) > 5e9]
    app = open_page("explain", these="picked", ids=",".join(slow))
    assert not app.exception
    assert CAUSE in said_by(app)
    one = open_page("explain", these="trace", id=slow[0])
    assert not one.exception
    assert "archive" in said_by(one)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"these": "box"}, "Draw a box"),
        ({"these": "saved"}, "Choose a saved view"),
        ({"these": "filter"}, "Choose a filter"),
        ({"these": "trace"}, "Choose a trace"),
        ({"these": "trace", "id": "trc_20261121_120000_0000000000000001"}, "There is no trace with this id"),
        ({"these": "picked"}, "Pick some traces"),
        ({"these": "failed"}, ""),
        ({"these": "low_rated"}, ""),
        ({"these": "all", "against": "before"}, ""),
        ({"these": "slow", "against": "before"}, ""),
        ({"these": "nonsense", "box": "1~2"}, "slow traces"),
    ],
)
def test_what_is_missing_is_said(
    open_page: OpenPage, planted: list[TraceData], params: dict[str, str], said: str
) -> None:
    """The next step instead of an error, whatever the URL asks."""
    app = open_page("explain", **params)
    assert not app.exception
    assert not app.error
    assert said in said_by(app)


def test_a_time_before_without_traces_is_told(open_page: OpenPage, planted: list[TraceData]) -> None:
    """As an alert of a new project asks: the others of the same time stand in, and the page says so."""
    app = open_page("explain", against="before", project="default", range="7d")
    said = said_by(app)
    assert "In the other time there are no traces to hold these against" in said
    assert "**the rest**" in said
    assert CAUSE in first_cause(app)


def test_choosing_writes_the_url_and_filters_leave_it(open_page: OpenPage, planted: list[TraceData]) -> None:
    """What is explained is in the address, and stays when a filter changes."""
    app = open_page("explain", library=SLOW_LIBRARY)
    app.segmented_control(key="explain.these").set_value("failed").run()
    assert app.query_params["these"] == "failed"
    app.selectbox(key="explain.against").set_value("before").run()
    app.button(key="filters.chip.library").click().run()
    assert app.query_params["these"] == "failed"
    assert app.query_params["against"] == "before"
    assert "library" not in app.query_params
    app.selectbox(key="explain.against").set_value("time").run()
    assert "ref_start" in app.query_params
    assert not app.exception


def test_a_view_is_saved_opened_explained_and_deleted(
    open_page: OpenPage, planted: list[TraceData], database: Database
) -> None:
    """From the filters of Traces to a cohort of Explain; a name that is taken is said to be."""
    app = open_page("traces", library=SLOW_LIBRARY, min_ms="5000")
    app.text_input(key="views.name").set_value("Slow pandas")
    save(app)
    (kept,) = saved_views(database)
    assert (kept.name, dict(kept.params)) == ("Slow pandas", {"library": SLOW_LIBRARY, "min_ms": "5000"})
    app.text_input(key="views.name").set_value("Slow pandas")
    save(app)
    assert "is taken; choose another name" in said_by(app)
    explained = open_page("explain", these="saved", saved=kept.view_id)
    assert CAUSE in said_by(explained)
    other = open_page("traces")
    other.button(key=f"views.open.{kept.view_id}").click().run()
    assert other.query_params["library"] == SLOW_LIBRARY
    other.button(key=f"views.delete.{kept.view_id}").click().run()
    assert saved_views(database) == ()
    assert not other.exception


def save(app: AppTest) -> None:
    """Press the button of the form."""
    next(button for button in app.button if button.label == "Save").click().run()


def test_other_pages_lead_here(open_page: OpenPage, planted: list[TraceData]) -> None:
    """With their filters: from the list, from the latency of the overview, from one trace."""
    (from_list,) = links(open_page("traces", library=SLOW_LIBRARY), "Explain these")
    assert "these=filter" in from_list
    assert f"library={SLOW_LIBRARY}" in from_list
    assert links(open_page("traces"), "Explain the slow ones")
    assert links(open_page("overview"), "Why were the slow ones slow?")
    trace_id = planted[0].trace_id
    (from_trace,) = links(open_page("trace", id=trace_id), "Why was this one different?")
    assert f"id={trace_id}" in from_trace
    assert "these=trace" in from_trace


def test_nothing_to_explain_is_said(open_page: OpenPage) -> None:
    """Without traces there is no error, and no cause."""
    app = open_page("explain")
    assert not app.exception
    assert "**1 ·" not in said_by(app)
