"""The page Compare: two groups with a verdict, or two traces side by side. All of it is in the address."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.factories import make_decision, make_span, make_trace, milliseconds
from tests.pages.conftest import OpenPage, drawn, texts
from tests.postgres.writing import store
from tracing_core.clock import SystemClock
from tracing_core.model import SpanKind, TraceData
from tracing_core.storage.database import Database


@pytest.fixture
def now() -> datetime:
    """What the page's ranges count from."""
    return SystemClock().now()


def make_run(
    at: datetime, model: str, seconds: float, choice: str = "bm25", answer: str = "Use app.post [1]."
) -> TraceData:
    """A run of `seconds` by a model."""
    root = make_span(name="request", kind=SpanKind.ROOT, started_at=at, duration_ns=milliseconds(seconds * 1000))
    search = make_span(
        parent_id=root.span_id, started_at=at, duration_ns=milliseconds(100), decisions=(make_decision(what=choice, timestamp=at),),
        evidence={"kept": [{"title": "First Steps"}], "filtered_out": [{"title": "Sub <b>Applications</b>"}] if choice != "bm25" else []},
    )  # fmt: skip
    call = make_span(
        parent_id=root.span_id, name="llm_generation", kind=SpanKind.GENERATION, started_at=at,
        duration_ns=milliseconds(seconds * 900), prompts={"system_prompt": f"Answer briefly. <script>{choice}</script>"},
        attributes={"model": model, "prompt_tokens": 1000, "completion_tokens": 100},
    )  # fmt: skip
    return make_trace(
        started_at=at,
        duration_ns=milliseconds(seconds * 1000),
        spans=(root, search, call),
        answer=answer,
        session_id=None,
    )


@pytest.fixture
def runs(database: Database, now: datetime) -> list[TraceData]:
    """Forty runs a model; the second model takes half the time."""
    random = np.random.default_rng(4)
    made = [
        make_run(now - timedelta(minutes=5 + number), model, float(random.lognormal(np.log(seconds), 0.2)))
        for model, seconds in (("gpt-4o", 2.0), ("gpt-4o-mini", 1.0))
        for number in range(40)
    ]
    store(database, *made)
    return made


def boxes(app: AppTest) -> dict[str, object]:
    """The chosen values by the labels of their boxes."""
    return {box.label: box.value for box in app.selectbox}


def test_two_groups_have_a_verdict(open_page: OpenPage, runs: list[TraceData]) -> None:
    """The address says which; the sentence says what surely differs, the table each number."""
    app = open_page("compare", by="model", a="gpt-4o", b="gpt-4o-mini")
    assert not app.exception
    said = texts(app)
    assert "**B is 4" in said or "**B is 5" in said
    assert "% quicker" in said
    assert "| Duration, median |" in said
    assert "| :green[" in said
    assert "40 runs" in said
    assert "llm\\_generation" in said
    assert {"A": "gpt-4o", "B": "gpt-4o-mini"}.items() <= boxes(app).items()


def test_without_a_choice_the_frequent_ones_are_compared(open_page: OpenPage, runs: list[TraceData]) -> None:
    """The first visit shows something true at once."""
    app = open_page("compare")
    assert set(boxes(app).values()) >= {"model", "gpt-4o", "gpt-4o-mini"}
    assert "quicker" in texts(app) or "slower" in texts(app)


def test_a_choice_goes_into_the_address(open_page: OpenPage, runs: list[TraceData]) -> None:
    """Swapping turns the verdict round, and the address with it."""
    app = open_page("compare", by="model", a="gpt-4o", b="gpt-4o-mini")
    app.button(key="compare.swap").click().run()
    assert (app.query_params["a"], app.query_params["b"]) == ("gpt-4o-mini", "gpt-4o")
    assert "slower" in texts(app)
    app.selectbox(key="compare.a").set_value("*").run()
    assert app.query_params["a"] == "*"
    assert "not gpt-4o" in texts(app)


def test_two_times_are_compared(open_page: OpenPage, database: Database, now: datetime) -> None:
    """What is in this hour against what was in the one before, without a choice of ranges."""
    for start, seconds in ((5, 2.0), (70, 1.0)):
        store(
            database,
            *[
                make_run(now - timedelta(minutes=start, seconds=number), "gpt-4o", seconds + number / 50)
                for number in range(12)
            ],
        )
    app = open_page("compare", range="1h", by="time")
    assert "12 runs" in texts(app)
    assert "slower" in texts(app)


def test_any_two_times_are_compared(open_page: OpenPage, database: Database, now: datetime) -> None:
    """A start that is moved past the end takes the end along; the address says the times."""
    store(database, *[make_run(now - timedelta(hours=5, seconds=number), "gpt-4o", 2.0) for number in range(12)])
    app = open_page("compare", range="24h", by="time")
    start = now.replace(tzinfo=None, minute=0, second=0, microsecond=0) - timedelta(hours=6)
    app.datetime_input(key="compare.b.0").set_value(start).run()
    app.datetime_input(key="compare.b.1").set_value(start + timedelta(hours=3)).run()
    assert app.query_params["b"] == f"{start:%Y-%m-%dT%H:%M:%SZ}/{start + timedelta(hours=3):%Y-%m-%dT%H:%M:%SZ}"
    assert "12 runs" in texts(app)
    app.datetime_input(key="compare.b.0").set_value(start + timedelta(hours=4)).run()
    assert app.query_params["b"].endswith(f"{start + timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ}")


@pytest.mark.parametrize(
    "params",
    [
        {"by": "nothing", "a": "x", "b": "y"},
        {"by": "time", "a": "yesterday", "b": "today"},
        {"by": "model", "a": "gpt-4o", "b": "gpt-4o"},
        {"by": "attribute:x", "a": "'; DROP TABLE traces", "b": "*"},
    ],
)
def test_addresses_that_do_not_fit_are_sentences(
    open_page: OpenPage, runs: list[TraceData], params: dict[str, str]
) -> None:
    """A link that somebody changed by hand shows what is wrong, never a traceback."""
    app = open_page("compare", **params)
    assert not app.exception
    said = texts(app)
    assert any(each in said for each in ("Choose two groups", "Too few runs", "cannot be used"))


def test_two_traces_are_side_by_side(open_page: OpenPage, database: Database, now: datetime) -> None:
    """Times, decisions, answers, prompts and evidence; what they say is text, whatever is in it."""
    a = make_run(now - timedelta(minutes=9), "gpt-4o", 1.0)
    b = make_run(now - timedelta(minutes=5), "gpt-4o", 3.0, "semantic", "Use a router [1]. <b>Really.</b>")
    store(database, a, b)
    app = open_page("compare", **{"trace": a.trace_id, "with": b.trace_id})
    assert not app.exception
    said = texts(app)
    assert "2.00 s slower" in said
    assert "Two runs say nothing of chance" in said
    labels = [tab.label for tab in app.tabs]
    assert "Decisions 1 of 1 differ" in labels
    assert "Evidence 1 of 2 differ" in labels
    app.session_state["compare.tabs"] = "Prompts"
    app.run()
    assert any("+Answer briefly. <script>semantic</script>" in block.value for block in app.code)


def test_a_missing_trace_is_asked_for(open_page: OpenPage, database: Database, now: datetime) -> None:
    """One id alone offers the previous run of its kind; an id that is not there is named as such."""
    first, second = (make_run(now - timedelta(minutes=minutes), "gpt-4o", 1.0) for minutes in (9, 5))
    store(database, first, second)
    app = open_page("compare", trace=second.trace_id)
    assert "Choose two traces." in texts(app)
    app.button(key="compare.previous").click().run()
    assert (app.query_params["trace"], app.query_params["with"]) == (first.trace_id, second.trace_id)
    gone = open_page("compare", **{"trace": first.trace_id, "with": replace(first, trace_id="a" * 32).trace_id})
    assert "There is no trace B." in texts(gone)


def test_a_trace_leads_to_its_comparison(open_page: OpenPage, database: Database, now: datetime) -> None:
    """The page Trace offers to compare it."""
    run = make_run(now - timedelta(minutes=9), "gpt-4o", 1.0)
    store(database, run)
    app = open_page("trace", id=run.trace_id)
    assert "Compare" in [link.label for link in app.get("page_link")]
    assert drawn(app, "trace_view")
