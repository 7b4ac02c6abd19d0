"""The page Review: one trace after the other, rated, flagged, labelled and settled; and the page Feedback by model and time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dashboard import rating_charts
from tests.factories import make_trace
from tests.pages.conftest import OpenPage, texts
from tests.postgres.writing import rate, store
from tracing_core.clock import SystemClock
from tracing_core.intervals import Estimate
from tracing_core.model import TraceData
from tracing_core.query.filters import TraceFilter
from tracing_core.query.rating_groups import RatedGroup
from tracing_core.query.review_queue import review_item, waiting_for_review
from tracing_core.review import review
from tracing_core.storage.database import Database

ALL = TraceFilter()


@pytest.fixture
def queue(database: Database) -> list[TraceData]:
    """Three traces to review, the newest first: two rated low, one flagged."""
    now = SystemClock().now()
    made = [make_trace(started_at=now - timedelta(minutes=5 + each), query=f"Question <{each}>") for each in range(3)]
    store(database, *made)
    rate(database, made[0], 1, comment="Wrong <b>")
    rate(database, made[1], 2)
    review(database, trace_id=made[2].trace_id, notes="look here", flagged=True)
    return made


def test_nothing_to_review_is_a_sentence(open_page: OpenPage, stored: list[TraceData]) -> None:
    """Where nothing is flagged or rated low."""
    app = open_page("review")
    assert not app.exception
    assert "Nothing waits for a review" in texts(app)


def test_one_goes_from_trace_to_trace(open_page: OpenPage, queue: list[TraceData]) -> None:
    """Next and previous, with question, comment and notes as text; each button says its key."""
    app = open_page("review")
    assert "Question <0>" in [each.value for each in app.text]
    assert "Wrong <b>" in [each.value for each in app.text]
    app.button(key="review.next").click().run()
    assert "Question <1>" in [each.value for each in app.text]
    app.button(key="review.next").click().run()
    assert [each.value for each in app.text_area] == ["look here"]
    assert app.button(key="review.next").disabled
    app.button(key="review.previous").click().run()
    assert "Question <1>" in [each.value for each in app.text]
    shortcuts = {each.proto.shortcut for each in app.button if each.proto.shortcut}
    assert {"1", "2", "3", "4", "5", "n", "p", "f", "l", "s"} <= shortcuts


def test_what_is_done_is_kept(open_page: OpenPage, queue: list[TraceData], database: Database) -> None:
    """Rating, flag, notes and labels; what is settled leaves, and the next one comes."""
    first, second, third = (each.trace_id for each in queue)
    app = open_page("review")
    app.button(key="review.rate.2").click().run()
    app.button(key="review.flag").click().run()
    app.button(key="review.label").click().run()
    app.multiselect(key=f"review.labels.{first}").set_value(["bad source"]).run()
    app.text_area(key=f"review.text.{first}").set_value("mended")
    app.button(key="review.save").click().run()
    assert not app.exception
    item = review_item(database, first)
    assert item is not None
    assert (item.flagged_for_review, item.labels, item.review_notes) == (True, ("bad source",), "mended")
    app.button(key="review.settle").click().run()
    assert waiting_for_review(database, ALL) == (second, third)
    assert "Question <1>" in [each.value for each in app.text]


def test_feedback_is_shown_by_model_and_over_time(open_page: OpenPage, queue: list[TraceData]) -> None:
    """With counts; the numbers on top have their intervals."""
    app = open_page("feedback")
    assert not app.exception
    assert "gpt-4o-mini 2 ratings of 3 answers" in texts(app)
    assert " to " in next(each.delta for each in app.metric if each.label == "Average rating")
    assert "**Over time**" in texts(app)


def test_a_model_that_is_surely_bad_is_red() -> None:
    """Only when all of its interval is below the middle; names are text."""

    def group(name: str, mean: float, high: float) -> RatedGroup:
        some = Estimate(value=0.5, low=0.1, high=0.9)
        return RatedGroup(
            name=name, seen=9, mean=Estimate(value=mean, low=1.0, high=high), low=some, answers=20, rate=some
        )

    drawn = rating_charts.groups([group("<b>bad", 1.5, 2.9), group("unsure", 2.0, 3.5)], "no model").to_dict()
    (points,) = drawn["data"]
    assert list(points["y"]) == ["&lt;b&gt;bad", "unsure"]
    assert points["marker"]["color"][0] != points["marker"]["color"][1]
    assert [each[0] for each in points["customdata"]] == ["<b>bad", "unsure"]
