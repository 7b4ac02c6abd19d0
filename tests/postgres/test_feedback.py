"""Ratings: checked, stored once per trace and user, and counted in flags and rollups (D2, A5)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import delete, select

from tests.factories import NOON, make_trace
from tests.postgres.writing import store
from tests.surroundings import PATIENCE_SECONDS, repeatable_ids
from tracing_core.clock import ManualClock
from tracing_core.errors import InvalidInput, TraceNotFound
from tracing_core.feedback import ANONYMOUS, FeedbackService
from tracing_core.ids import IdSource
from tracing_core.model import TraceData
from tracing_core.quality import QualityRules
from tracing_core.storage.database import Database
from tracing_core.storage.side_tables import trace_metrics
from tracing_core.storage.tables import feedback, traces

UNKNOWN = "trc_20260213_120000_ffffffffffffffff"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def service(database: Database, clock: ManualClock) -> FeedbackService:
    return FeedbackService(database, QualityRules(), clock, repeatable_ids(), lambda: None)


@pytest.fixture
def trace(database: Database) -> TraceData:
    written = make_trace()
    store(database, written)
    return written


def judged(database: Database, trace: TraceData) -> tuple[str, int | None]:
    """Flag and rating of the row."""
    with database.read() as connection:
        statement = select(traces.c.quality_flag, traces.c.rating).where(traces.c.trace_id == trace.trace_id)
        row = connection.execute(statement).one()
        return row.quality_flag, row.rating


def metrics(database: Database) -> set[tuple[int, ...]]:
    """What every rollup that counts the trace says: count, flags in order of their rules, ratings and their sum."""
    names = (
        "count",
        "flag_user_negative",
        "flag_empty",
        "flag_low_confidence",
        "flag_normal",
        "rating_count",
        "rating_sum",
    )
    with database.read() as connection:
        rows = connection.execute(select(trace_metrics).where(trace_metrics.c.dimension != "operation")).mappings()
        found = [tuple(row[name] for name in names) for row in rows]
    assert len(found) == 9, "three granularities of trace, library and model"
    return set(found)


def stored(database: Database) -> list[dict[str, Any]]:
    with database.read() as connection:
        return [dict(row) for row in connection.execute(select(feedback)).mappings()]


def test_a_bad_rating_moves_the_trace_to_another_flag(
    database: Database, service: FeedbackService, trace: TraceData
) -> None:
    """In its row and in every rollup that counts it, and a better one moves it back."""
    assert metrics(database) == {(1, 0, 0, 0, 1, 0, 0)}
    service.submit_feedback(interaction_id=trace.trace_id, rating=2, user_id="ann").result()
    assert judged(database, trace) == ("USER_NEGATIVE", 2)
    assert metrics(database) == {(1, 1, 0, 0, 0, 1, 2)}
    service.submit_feedback(interaction_id=trace.trace_id, rating=5, user_id="ann").result()
    assert judged(database, trace) == ("NORMAL", 5)
    assert metrics(database) == {(1, 0, 0, 0, 1, 1, 5)}


def test_without_the_bad_rating_the_next_rule_applies(database: Database, service: FeedbackService) -> None:
    """An empty answer stays flagged as such when its rating is taken back."""
    trace = make_trace(answer="  short  ", confidence=0.1)
    store(database, trace)
    service.submit_feedback(interaction_id=trace.trace_id, rating=1).result()
    assert judged(database, trace) == ("USER_NEGATIVE", 1)
    service.submit_feedback(interaction_id=trace.trace_id, rating=4).result()
    assert judged(database, trace) == ("EMPTY", 4)
    assert metrics(database) == {(1, 0, 1, 0, 0, 1, 4)}


def test_a_rating_judges_the_answer_as_the_writer_did(database: Database, service: FeedbackService) -> None:
    """A good rating changes no flag, whatever white space the answer has."""
    answers = [None, "", "\n\t" * 40, " " * 100, "\u3000" * 60, "x" * 49 + "\n" * 10, "x" * 50]
    batch = [make_trace(answer=answer) for answer in answers]
    store(database, *batch)
    before = [judged(database, trace)[0] for trace in batch]
    for trace in batch:
        service.submit_feedback(interaction_id=trace.trace_id, rating=5).result()
    assert [judged(database, trace)[0] for trace in batch] == before


def test_resubmitting_updates(
    database: Database, service: FeedbackService, trace: TraceData, clock: ManualClock
) -> None:
    """One row per trace and user, with its first id and time."""
    first = service.submit_feedback(interaction_id=trace.trace_id, rating=1, comment="no", user_id="ann").result()
    clock.advance(60)
    second = service.submit_feedback(interaction_id=trace.trace_id, rating=4, comment=None, user_id="ann").result()
    assert (second.feedback_id, second.created_at) == (first.feedback_id, first.created_at)
    assert (second.rating, second.comment, second.updated_at) == (4, None, clock.now())
    assert [row["rating"] for row in stored(database)] == [4]


def test_of_several_users_the_lowest_rating_counts(
    database: Database, service: FeedbackService, trace: TraceData
) -> None:
    """For the flag; the rollups add up all of them."""
    for user, rating in (("ann", 5), ("ben", 2), ("eve", 4)):
        service.submit_feedback(interaction_id=trace.trace_id, rating=rating, user_id=user).result()
    assert judged(database, trace) == ("USER_NEGATIVE", 2)
    assert metrics(database) == {(1, 1, 0, 0, 0, 3, 11)}
    service.submit_feedback(interaction_id=trace.trace_id, rating=3, user_id="ben").result()
    assert judged(database, trace) == ("NORMAL", 3)
    assert metrics(database) == {(1, 0, 0, 0, 1, 3, 12)}


def test_users_that_rate_at_once_are_all_counted(database: Database, trace: TraceData, clock: ManualClock) -> None:
    """Each one's transaction sees what the one before did."""
    service = FeedbackService(database, QualityRules(), clock, IdSource(), lambda: None)
    together = threading.Barrier(8)

    def rate(number: int) -> None:
        together.wait(PATIENCE_SECONDS)
        service.submit_feedback(
            interaction_id=trace.trace_id, rating=1 + number % 5, user_id=f"user-{number % 4}"
        ).result()

    threads = [threading.Thread(target=rate, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    ratings = [row["rating"] for row in stored(database)]
    assert len(ratings) == 4
    (whole,) = metrics(database)
    assert (whole[0], whole[5], whole[6]) == (1, 4, sum(ratings))
    assert judged(database, trace)[1] == min(ratings)


def test_a_comment_may_have_2000_characters(database: Database, service: FeedbackService, trace: TraceData) -> None:
    """Of any alphabet; one more is refused and changes nothing."""
    kept = service.submit_feedback(interaction_id=trace.trace_id, rating=5, comment="\U0001f600" * 2000).result()
    assert kept.comment == "\U0001f600" * 2000
    with pytest.raises(InvalidInput, match="2001 characters") as refused:
        service.submit_feedback(interaction_id=trace.trace_id, rating=1, comment="x" * 2001).result()
    assert refused.value.field == "comment"
    assert [row["rating"] for row in stored(database)] == [5]


def test_a_comment_is_kept_as_it_can_be(service: FeedbackService, trace: TraceData) -> None:
    """Without white space around it, and nothing said is nothing kept."""
    for given, kept in (("", None), ("  ", None), (" ok ", "ok"), ("a\x00\ud800b", "a\ufffd\ufffdb")):
        assert service.submit_feedback(interaction_id=trace.trace_id, rating=5, comment=given).result().comment == kept


def test_a_rating_is_a_whole_number_from_1_to_5(database: Database, service: FeedbackService, trace: TraceData) -> None:
    """Anything else is refused, and the field named."""
    for rating in (0, 6, -1, True, "5", 4.5, 5.0, None, float("nan")):
        with pytest.raises(InvalidInput) as refused:
            service.submit_feedback(interaction_id=trace.trace_id, rating=rating).result()  # type: ignore[arg-type]
        assert refused.value.field == "rating"
    assert stored(database) == []


def test_a_trace_that_is_not_there_cannot_be_rated(database: Database, service: FeedbackService) -> None:
    """It is named; an id that is none is a mistake of the sender."""
    with pytest.raises(TraceNotFound, match=UNKNOWN):
        service.submit_feedback(interaction_id=UNKNOWN, rating=5).result()
    for junk in ("", "x' OR 1=1 --", "../..", "a\x00"):
        with pytest.raises(InvalidInput) as refused:
            service.submit_feedback(interaction_id=junk, rating=5).result()
        assert refused.value.field == "interaction_id"
    assert stored(database) == []


def test_nobody_is_somebody(service: FeedbackService, trace: TraceData) -> None:
    """A rating without a user is that of `anonymous`; a name without end is refused."""
    assert service.submit_feedback(interaction_id=trace.trace_id, rating=5).result().user_id == ANONYMOUS
    assert service.submit_feedback(interaction_id=trace.trace_id, rating=5, user_id=" \n").result().user_id == ANONYMOUS
    with pytest.raises(InvalidInput) as refused:
        service.submit_feedback(interaction_id=trace.trace_id, rating=5, user_id="x" * 201).result()
    assert refused.value.field == "user_id"


def test_a_rating_may_be_quicker_than_the_trace(database: Database, clock: ManualClock) -> None:
    """What is still queued is written first."""
    trace = make_trace()
    service = FeedbackService(database, QualityRules(), clock, repeatable_ids(), lambda: store(database, trace))
    assert service.submit_feedback(interaction_id=trace.trace_id, rating=1).result().rating == 1
    assert judged(database, trace) == ("USER_NEGATIVE", 1)


def test_feedback_goes_with_its_trace(database: Database, service: FeedbackService, trace: TraceData) -> None:
    """A trace that is deleted takes what people said of it along."""
    service.submit_feedback(interaction_id=trace.trace_id, rating=1).result()
    with database.write() as connection:
        connection.execute(delete(traces).where(traces.c.trace_id == trace.trace_id))
    assert stored(database) == []


def test_writing_a_rated_trace_again_keeps_the_rating(
    database: Database, service: FeedbackService, trace: TraceData
) -> None:
    """And its flag, in the row and in the rollups."""
    service.submit_feedback(interaction_id=trace.trace_id, rating=1).result()
    store(database, trace)
    assert judged(database, trace) == ("USER_NEGATIVE", 1)
    assert metrics(database) == {(1, 1, 0, 0, 0, 1, 1)}
