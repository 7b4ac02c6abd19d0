"""Rating an answer from the program that gave it: `tracing_core.rate` never blocks and never raises (E9)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tracing_core as tracing
from tests.surroundings import PATIENCE_SECONDS
from tracing_core.errors import DatabaseUnavailable
from tracing_core.rating import Ratings


@pytest.fixture
def store(database_url: str, data_dir: Path) -> Iterator[tracing.Store]:
    opened = tracing.init(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir)
    yield opened
    opened.close()


def test_a_run_is_rated_before_it_is_finished_and_after(store: tracing.Store) -> None:
    """Before, the rating waits and counts with the run; after, it is stored at once."""
    with tracing.span("outside"):
        run = tracing.TraceContext.start(query="Why?")
    early = tracing.rate(run.trace_id, 4, "fine", user_id="ann").result(PATIENCE_SECONDS)
    assert (early["rating"], early["trace_id"]) == ("waiting", run.trace_id)
    tracing.TraceContext.finish(run).result(PATIENCE_SECONDS)
    late = tracing.rate(run.trace_id, 2, user_id="ben").result(PATIENCE_SECONDS)
    assert late["rating"] == "stored"
    said = store.feedback.get_interaction_feedback(run.trace_id).result()
    assert {(each.user_id, each.rating, each.comment) for each in said} == {("ann", 4, "fine"), ("ben", 2, None)}


def test_a_rating_that_does_not_fit_is_refused_and_never_raised(
    store: tracing.Store, caplog: pytest.LogCaptureFixture
) -> None:
    """The receipt and the log name the field; an id whose trace cannot come any more is refused, too."""
    given: tuple[tuple[Any, ...], ...] = (
        ("x", 5),
        (None, 5),
        ("ab" * 16, 6),
        ("ab" * 16, "5"),
        ("ab" * 16, 5, "x" * 2001),
    )
    with caplog.at_level(logging.WARNING):
        for each in (*given, ("trc_20200101_000000_00000000000000a1", 5)):
            outcome = tracing.rate(*each).result(PATIENCE_SECONDS)
            assert outcome["rating"] == "refused", each
            assert outcome["error"]
    assert "rating: must be a whole number" in caplog.text


def test_ratings_wait_while_the_database_is_away(store: tracing.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are tried again, in their order, so that the last word of a user counts."""
    run = tracing.TraceContext.start(query="Why?")
    tracing.TraceContext.finish(run).result(PATIENCE_SECONDS)
    tries: list[str] = []
    submit = store.feedback._submit

    def away_at_first(given: Any) -> Any:
        tries.append(given.user_id)
        if len(tries) == 1:
            raise DatabaseUnavailable
        return submit(given)

    monkeypatch.setattr(store.feedback, "_submit", away_at_first)
    receipts = [tracing.rate(run.trace_id, rating, user_id="ann") for rating in (1, 5)]
    assert [receipt.result(PATIENCE_SECONDS)["rating"] for receipt in receipts] == ["stored", "stored"]
    assert len(tries) == 3
    assert [each.rating for each in store.feedback.get_user_feedbacks("ann").result()] == [5]


def test_what_cannot_be_stored_by_the_end_is_said(
    store: tracing.Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No rating goes without a word: the receipt has it, and the log names the trace."""

    def away(_given: Any) -> Any:
        raise DatabaseUnavailable

    monkeypatch.setattr(store.feedback, "_submit", away)
    ratings = Ratings(store.feedback, most=1)
    kept, too_many = (ratings.rate("ab" * 16, 5, None, user) for user in ("ann", "ben"))
    assert too_many.result(PATIENCE_SECONDS)["error"] == "too many ratings wait"
    ratings.close()
    assert kept.result(PATIENCE_SECONDS)["rating"] == "dropped"
    assert caplog.text.count("is lost") == 2


def test_without_init_a_rating_goes_nowhere_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """As a trace does."""
    outcome = tracing.rate("ab" * 16, 5).result(PATIENCE_SECONDS)
    assert outcome["rating"] == "dropped"
    assert "tracing_core.init()" in caplog.text
