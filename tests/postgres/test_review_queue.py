"""The review: what waits for somebody, labels, what is settled, and all of it as a data set (E9)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.factories import NOON, make_trace
from tests.postgres.writing import store
from tests.surroundings import repeatable_ids
from tracing_core.clock import ManualClock, SystemClock
from tracing_core.errors import InvalidInput, TraceNotFound
from tracing_core.feedback import FeedbackService
from tracing_core.model import TraceData
from tracing_core.quality import QualityRules
from tracing_core.query.filters import TraceFilter
from tracing_core.query.review_queue import data_set, labels_in_use, review_item, waiting_for_review
from tracing_core.review import label, review, settle
from tracing_core.storage.database import Database

ALL = TraceFilter()
UNKNOWN = "trc_20261121_120000_ffffffffffffffff"


@pytest.fixture
def some(database: Database) -> list[TraceData]:
    made = [make_trace(started_at=NOON - timedelta(minutes=number), query=f"Question {number}") for number in range(4)]
    store(database, *made)
    return made


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now() - timedelta(hours=1))


@pytest.fixture
def service(database: Database, clock: ManualClock) -> FeedbackService:
    return FeedbackService(database, QualityRules(), clock, repeatable_ids(), lambda: None)


def test_flagged_and_low_rated_traces_wait(database: Database, some: list[TraceData], service: FeedbackService) -> None:
    """The newest first, each once; a good rating brings nothing, and a filter leaves out what it leaves out."""
    service.submit_feedback(some[2].trace_id, 2).result()
    service.submit_feedback(some[0].trace_id, 5).result()
    for trace in (some[1], some[2]):
        review(database, trace_id=trace.trace_id, notes=None, flagged=True)
    assert waiting_for_review(database, ALL) == (some[1].trace_id, some[2].trace_id)
    assert waiting_for_review(database, ALL, limit=1) == (some[1].trace_id,)
    assert waiting_for_review(database, TraceFilter(project="other")) == ()


def test_what_is_settled_leaves_until_it_is_rated_low_again(
    database: Database, some: list[TraceData], service: FeedbackService, clock: ManualClock
) -> None:
    """Its flag goes and its ratings stay; a low rating that comes later brings it back."""
    service.submit_feedback(some[0].trace_id, 1, user_id="ann").result()
    review(database, trace_id=some[0].trace_id, notes="looked at", flagged=True)
    settle(database, trace_id=some[0].trace_id)
    assert waiting_for_review(database, ALL) == ()
    item = review_item(database, some[0].trace_id)
    assert item is not None
    assert (item.rating, item.flagged_for_review, item.review_notes) == (1, False, "looked at")
    clock.advance(2 * 3600)
    service.submit_feedback(some[0].trace_id, 2, user_id="ben").result()
    assert waiting_for_review(database, ALL) == (some[0].trace_id,)


def test_labels_are_what_was_said_last(database: Database, some: list[TraceData]) -> None:
    """Without blanks around them, each once; the frequent ones are offered first."""
    assert label(database, trace_id=some[0].trace_id, labels=[" bad  source ", "old", "old", ""]) == (
        "bad source",
        "old",
    )
    label(database, trace_id=some[1].trace_id, labels=["old"])
    item = review_item(database, some[0].trace_id)
    assert item is not None
    assert item.labels == ("bad source", "old")
    assert labels_in_use(database) == ("old", "bad source")
    label(database, trace_id=some[0].trace_id, labels=["new"])
    item = review_item(database, some[0].trace_id)
    assert item is not None
    assert item.labels == ("new",)
    label(database, trace_id=some[0].trace_id, labels=[])
    assert labels_in_use(database) == ("old",)


def test_labels_that_do_not_fit_are_refused(database: Database, some: list[TraceData]) -> None:
    """Too many, too long, or of a trace that is not there; nothing is changed by it."""
    for wrong in ([f"label {number}" for number in range(21)], ["x" * 51]):
        with pytest.raises(InvalidInput, match="labels"):
            label(database, trace_id=some[0].trace_id, labels=wrong)
    for do in (lambda: label(database, trace_id=UNKNOWN, labels=["a"]), lambda: settle(database, trace_id=UNKNOWN)):
        with pytest.raises(TraceNotFound):
            do()
    assert labels_in_use(database) == ()


def test_the_data_set_has_what_people_said(database: Database, some: list[TraceData], service: FeedbackService) -> None:
    """A line of JSON for each trace that anybody said anything of, with question, answer, ratings, labels and notes."""
    service.submit_feedback(some[0].trace_id, 1, "no\nnot so \u2028", user_id="ann").result()
    service.submit_feedback(some[0].trace_id, 4, user_id="ben").result()
    label(database, trace_id=some[1].trace_id, labels=["good example"])
    review(database, trace_id=some[2].trace_id, notes="why?", flagged=False)
    lines = list(data_set(database, ALL))
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in lines)
    first, second, third = (json.loads(line) for line in lines)
    assert (first["question"], first["answer"], first["rating"]) == ("Question 0", some[0].answer, 1)
    assert first["ratings"] == [
        {"user_id": "ann", "rating": 1, "comment": "no\nnot so"}, {"user_id": "ben", "rating": 4, "comment": None},
    ]  # fmt: skip
    assert (second["labels"], third["notes"]) == (["good example"], "why?")
    assert review_item(database, UNKNOWN) is None
