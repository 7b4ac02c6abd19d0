"""What people thought, counted over the traces that a filter chooses."""

from __future__ import annotations

from tests.factories import make_trace
from tests.postgres.writing import rate, store
from tracing_core.model import QualityFlag
from tracing_core.query import feedback as query
from tracing_core.query.filters import TraceFilter
from tracing_core.storage.database import Database

ALL = TraceFilter()


def test_without_ratings_there_is_no_average(database: Database) -> None:
    """Nothing rated is no zero."""
    assert query.rating_distribution(database, ALL) == {1: 0, 2: 0, 3: 0, 4: 0, 5: 0}
    assert query.average_rating(database, ALL) is None
    assert query.feedback_rate(database, ALL) is None
    assert query.recent_feedback(database, ALL) == query.low_rated(database, ALL) == ()
    store(database, make_trace())
    assert query.feedback_rate(database, ALL) == 0


def test_ratings_are_counted_over_chosen_traces(database: Database) -> None:
    """A filter for traces leaves out the ratings of the others."""
    one, two, unrated = make_trace(library="fastapi"), make_trace(library="pandas"), make_trace(library="pandas")
    store(database, one, two, unrated)
    rate(database, one, 5)
    rate(database, two, 2)
    rate(database, two, 3, user_id="another")
    assert query.rating_distribution(database, ALL) == {1: 0, 2: 1, 3: 1, 4: 0, 5: 1}
    assert query.rating_distribution(database, TraceFilter(library="fastapi")) == {1: 0, 2: 0, 3: 0, 4: 0, 5: 1}
    assert query.average_rating(database, TraceFilter(library="pandas")) == 2.5
    assert query.feedback_rate(database, TraceFilter(library="pandas")) == 0.5
    assert query.feedback_rate(database, TraceFilter(library="pandas", text="endpoint")) == 0.5


def test_rating_again_changes_the_rating(database: Database) -> None:
    """One person has one rating of a trace."""
    trace = make_trace()
    store(database, trace)
    rate(database, trace, 1)
    rate(database, trace, 4)
    assert query.rating_distribution(database, ALL) == {1: 0, 2: 0, 3: 0, 4: 1, 5: 0}
    assert [given.rating for given in query.for_trace(database, trace.trace_id)] == [4]


def test_a_low_rating_comes_with_its_trace(database: Database) -> None:
    """Who reviews sees question, answer and flag beside the comment."""
    good, bad = make_trace(), make_trace(query="Why?")
    store(database, good, bad)
    rate(database, good, 5)
    rate(database, bad, 1, comment="not what I asked")
    (found,) = query.low_rated(database, ALL)
    assert (found.trace_id, found.rating, found.comment, found.query) == (bad.trace_id, 1, "not what I asked", "Why?")
    assert found.quality_flag is QualityFlag.USER_NEGATIVE
    assert len(query.recent_feedback(database, ALL)) == 2
    assert len(query.recent_feedback(database, ALL, limit=1)) == 1
    assert len(query.low_rated(database, ALL, max_rating=5)) == 2


def test_nobody_rated_what_is_not_there(database: Database) -> None:
    """Any id can be asked for."""
    assert query.for_trace(database, "\x00") == ()
