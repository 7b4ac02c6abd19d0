"""Seed D, section 2, `FeedbackService`: each method by its name, awaited or asked for its result (D2, D5)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import delete

from tests.factories import NOON, make_trace
from tests.postgres.tables import rows
from tests.postgres.writing import store
from tests.surroundings import repeatable_ids
from tracing_core.clock import ManualClock
from tracing_core.errors import InvalidInput
from tracing_core.feedback import FeedbackService
from tracing_core.model import Feedback, TraceData
from tracing_core.quality import QualityRules
from tracing_core.storage.database import Database
from tracing_core.storage.tables import feedback, traces


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def service(database: Database, clock: ManualClock) -> FeedbackService:
    return FeedbackService(database, QualityRules(), clock, repeatable_ids(), lambda: None)


@pytest.fixture
def interactions(database: Database) -> list[TraceData]:
    """Four answers: one of last week, three of the last hour, one of these in another project."""
    made = [
        make_trace(started_at=NOON - timedelta(days=7)),
        make_trace(started_at=NOON - timedelta(minutes=30)),
        make_trace(started_at=NOON - timedelta(minutes=20)),
        make_trace(started_at=NOON - timedelta(minutes=10), project="shop"),
    ]
    store(database, *made)
    return made


def give(
    service: FeedbackService, trace: TraceData, rating: int, user_id: str = "ann", comment: str | None = None
) -> Feedback:
    return service.submit_feedback(trace.trace_id, rating, comment, user_id).result()


def test_submit_feedback_creates_and_updates(
    database: Database, service: FeedbackService, interactions: list[TraceData]
) -> None:
    """'Create/update feedback', 'one feedback per interaction': resubmitting changes rating and comment of the same one."""

    async def talk() -> tuple[Feedback, Feedback]:
        trace_id = interactions[1].trace_id
        first = await service.submit_feedback(interaction_id=trace_id, rating=2, comment="wrong", user_id="ann")
        return first, await service.submit_feedback(interaction_id=trace_id, rating=5, user_id="ann")

    first, second = asyncio.run(talk())
    assert (first.feedback_id, second.rating, second.comment) == (second.feedback_id, 5, None)
    assert len(rows(database, feedback)) == 1


def test_submit_feedback_validates(service: FeedbackService, interactions: list[TraceData]) -> None:
    """'Input validation (1-5 rating range)', 'max 2000 chars': refused at once, before anything is awaited."""
    for rating in (0, 6):
        with pytest.raises(InvalidInput, match="rating"):
            service.submit_feedback(interactions[0].trace_id, rating)
    with pytest.raises(InvalidInput, match="comment"):
        service.submit_feedback(interactions[0].trace_id, 5, "x" * 2001)
    assert give(service, interactions[0], 5, comment="x" * 2000).comment == "x" * 2000


def test_an_interaction_may_be_called_as_a_uuid(database: Database, service: FeedbackService) -> None:
    """'interaction_id: UUID string': the 32 digits of a trace that came from elsewhere are also known with hyphens."""
    trace = make_trace(trace_id="123e4567e89b12d3a456426614174000", started_at=NOON - timedelta(minutes=5))
    store(database, trace)
    given = service.submit_feedback("123E4567-e89b-12d3-a456-426614174000", 5, "Excellent answer!").result()
    assert given.trace_id == trace.trace_id
    assert service.get_interaction_feedback("123e4567-e89b-12d3-a456-426614174000").result() == (given,)


def test_get_feedback_by_its_id(service: FeedbackService, interactions: list[TraceData]) -> None:
    """'Retrieve by ID'; None where there is none."""
    given = give(service, interactions[0], 4)
    assert service.get_feedback(given.feedback_id).result() == given
    assert service.get_feedback("fb_none").result() is None


def test_get_interaction_feedback(service: FeedbackService, interactions: list[TraceData]) -> None:
    """'Feedback for specific interaction': of every user, and of nothing else."""
    mine, other = give(service, interactions[0], 4), give(service, interactions[0], 2, "ben")
    give(service, interactions[1], 1)
    assert set(service.get_interaction_feedback(interactions[0].trace_id).result()) == {mine, other}
    with pytest.raises(InvalidInput):
        service.get_interaction_feedback("no id")


def test_get_user_feedbacks(service: FeedbackService, interactions: list[TraceData], clock: ManualClock) -> None:
    """'All feedbacks from user', the newest first, at most as many as asked for."""
    given = []
    for trace in interactions:
        given.append(give(service, trace, 3))
        clock.advance(1)
    give(service, interactions[0], 3, "ben")
    assert list(service.get_user_feedbacks("ann").result()) == given[::-1]
    assert list(service.get_user_feedbacks("ann", limit=1).result()) == given[-1:]
    with pytest.raises(InvalidInput, match="limit"):
        service.get_user_feedbacks("ann", limit=0)


def test_get_average_rating_over_time(service: FeedbackService, interactions: list[TraceData]) -> None:
    """'Average over time period': ever, of the last hours, of a project; None of nothing."""
    assert service.get_average_rating().result() is None
    for trace, rating in zip(interactions, (1, 4, 5, 2), strict=True):
        give(service, trace, rating)
    assert service.get_average_rating().result() == 3
    assert service.get_average_rating(hours=24).result() == pytest.approx(11 / 3)
    assert service.get_average_rating(hours=24, project="shop").result() == 2


def test_get_rating_distribution(service: FeedbackService, interactions: list[TraceData]) -> None:
    """'Rating histogram': all five ratings are in it."""
    for trace, rating in zip(interactions, (1, 4, 4, 2), strict=True):
        give(service, trace, rating)
    assert service.get_rating_distribution().result() == {1: 1, 2: 1, 3: 0, 4: 2, 5: 0}
    assert service.get_rating_distribution(hours=1, project="default").result() == {1: 0, 2: 0, 3: 0, 4: 2, 5: 0}


def test_get_low_rated_interactions(service: FeedbackService, interactions: list[TraceData]) -> None:
    """'Quality issues (rating <= 2)': with question and comment, the newest first; another bound can be asked for."""
    for trace, rating in zip(interactions, (1, 3, 2, 5), strict=True):
        give(service, trace, rating, comment=f"gave {rating}")
    found = service.get_low_rated_interactions().result()
    assert {(each.trace_id, each.comment) for each in found} == {
        (interactions[0].trace_id, "gave 1"), (interactions[2].trace_id, "gave 2"),
    }  # fmt: skip
    assert len(service.get_low_rated_interactions(max_rating=3).result()) == 3
    assert len(service.get_low_rated_interactions(hours=1).result()) == 1


def test_get_feedback_rate(service: FeedbackService, interactions: list[TraceData]) -> None:
    """'Percentage of interactions with feedback', as a share: one that several users rated counts once."""
    give(service, interactions[1], 5)
    give(service, interactions[1], 4, "ben")
    assert service.get_feedback_rate().result() == 0.25
    assert service.get_feedback_rate(hours=1).result() == pytest.approx(1 / 3)
    assert service.get_feedback_rate(project="nobody's").result() is None


def test_feedback_is_removed_with_its_interaction(
    database: Database, service: FeedbackService, interactions: list[TraceData]
) -> None:
    """'Cascade delete when interaction is removed'."""
    given = give(service, interactions[0], 1)
    with database.write() as connection:
        connection.execute(delete(traces).where(traces.c.trace_id == interactions[0].trace_id))
    assert service.get_feedback(given.feedback_id).result() is None
    assert service.get_interaction_feedback(interactions[0].trace_id).result() == ()
