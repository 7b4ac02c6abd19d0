"""Confidence is held against what came true, and decisions that were wrong about themselves are found."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.factories import NOON
from tests.postgres.runs_written import choice, make_run
from tests.postgres.writing import store
from tracing_core.confidence import calibration
from tracing_core.errors import InvalidInput
from tracing_core.query.confidence import confidence_pairs, wrong_decisions
from tracing_core.query.decision_filter import DecisionFilter
from tracing_core.query.filters import TraceFilter
from tracing_core.storage.database import Database

DAY = TraceFilter(start=NOON - timedelta(hours=12), end=NOON + timedelta(hours=12))
SOURCES = TraceFilter(start=DAY.start, end=DAY.end, decision=DecisionFilter(decision="source_selection"))


def test_pairs_are_those_with_a_confidence_and_an_outcome(database: Database) -> None:
    """A decision without a confidence, or of a trace that nobody judged, is in no curve."""
    store(
        database,
        make_run(passed=True, decisions=(choice("exa", 0.9), choice("exa", None))),
        make_run(decisions=(choice("exa", 0.8),)),
    )
    (pairs,) = confidence_pairs(database, DAY, "gate").pairs.values()
    assert (list(pairs.confidences), list(pairs.outcomes), list(pairs.weights)) == ([0.9], [1.0], [1.0])


def test_pairs_can_be_taken_apart(database: Database) -> None:
    """By type, stage, model or project, each set has its own pairs."""
    store(
        database,
        make_run(passed=True, project="shop", decisions=(choice("exa", 0.9), choice("x", 0.2, decision="other"))),
        make_run(passed=False, project="desk", decisions=(choice("exa", 0.7),)),
    )
    by_type = confidence_pairs(database, DAY, "gate", "decision").pairs
    assert {name: sorted(pairs.confidences) for name, pairs in by_type.items()} == {
        "source_selection": [0.7, 0.9],
        "other": [0.2],
    }
    assert set(confidence_pairs(database, DAY, "gate", "project").pairs) == {"shop", "desk"}
    assert set(confidence_pairs(database, DAY, "gate", "stage").pairs) == {"collection"}
    assert set(confidence_pairs(database, DAY, "gate", "model").pairs) == {""}
    assert set(confidence_pairs(database, SOURCES, "gate", "decision").pairs) == {"source_selection"}


def test_an_overconfident_choice_is_called_so(database: Database) -> None:
    """Fifty runs whose source choice says 0.9 and which pass four times of ten are over-confident by a half."""
    store(database, *(make_run(passed=number % 5 < 2, decisions=(choice("exa", 0.9),)) for number in range(50)))
    found = calibration(confidence_pairs(database, SOURCES, "gate").pairs[""])
    assert found is not None
    assert (found.verdict, found.count) == ("over", 50)
    assert found.expected_error == pytest.approx(0.5)


def test_pairs_weigh_what_their_trace_stands_for(database: Database) -> None:
    """A trace of which three like it were left out counts as four."""
    store(database, make_run(passed=True, decisions=(choice("exa", 0.9),)))
    with database.write() as connection:
        connection.execute(text("UPDATE traces SET sampling_probability = 0.25"))
    assert list(confidence_pairs(database, DAY, "gate").pairs[""].weights) == [4.0]


def test_nobody_judged_is_no_pair(database: Database) -> None:
    """Without outcomes there are no sets at all."""
    store(database, make_run(decisions=(choice("exa", 0.9),)))
    found = confidence_pairs(database, DAY, "gate")
    assert (found.pairs, found.sample.looked_at) == ({}, 0)


def test_decisions_that_were_wrong_about_themselves_are_found(database: Database) -> None:
    """The surest of the bad ones and the least sure of the good ones come first, with their traces."""
    sure, surer = (make_run(passed=False, decisions=(choice("exa", said, timestamp=NOON),)) for said in (0.8, 0.95))
    unsure = make_run(passed=True, decisions=(choice("reddit", 0.1),), query="Which robots?")
    right = make_run(passed=True, decisions=(choice("exa", 0.9),))
    store(database, sure, surer, unsure, right)
    over = wrong_decisions(database, SOURCES, "gate", "over")
    assert [(each.trace_id, each.confidence) for each in over] == [(surer.trace_id, 0.95), (sure.trace_id, 0.8)]
    (under,) = wrong_decisions(database, SOURCES, "gate", "under")
    assert (under.trace_id, under.what, under.query) == (unsure.trace_id, "reddit", "Which robots?")
    assert len(wrong_decisions(database, SOURCES, "gate", "over", limit=1)) == 1


def test_questions_that_cannot_be_asked_are_refused(database: Database) -> None:
    """The message names the field."""
    with pytest.raises(InvalidInput, match="by: must be one of"):
        confidence_pairs(database, DAY, "gate", "colour")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="wrong: must be one of"):
        wrong_decisions(database, DAY, "gate", "sideways")  # type: ignore[arg-type]
