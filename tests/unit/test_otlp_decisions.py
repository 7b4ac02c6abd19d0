"""Decisions as OpenTelemetry carries them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests import strategies
from tests.factories import NOON, make_decision
from tests.otlp_messages import START_NS, received_span
from tracing_core.jsontext import dump
from tracing_core.model import Decision
from tracing_core.otlp.any_value import add_attributes
from tracing_core.otlp.decisions import read_decision, write_decision
from tracing_core.otlp.times import moment

SAID = {
    "decision.type": "source_selection",
    "decision.what": "semantic + bm25",
    "decision.why": "the question names a function",
    "decision.confidence": 0.9,
    "decision.alternatives": '["bm25 (0.40)"]',
    "decision.inputs": '{"words": 7}',
    "decision.timestamp": "2026-11-21T12:00:00Z",
}


def event(attributes: dict[str, Any], name: str = "decision") -> Span.Event:
    made = Span.Event(name=name, time_unix_nano=START_NS)
    add_attributes(made.attributes, attributes)
    return made


def test_a_decision_in_attributes_is_moved() -> None:
    """The documented attributes of a span become its decision, and no attribute is left of them."""
    span = received_span(SAID | {"model": "gpt-4o"})
    assert span.decisions == (make_decision(),)
    assert span.attributes == {"model": "gpt-4o"}


def test_decisions_in_events_are_moved() -> None:
    """Each event named `decision` becomes one, in order, with the event's time where it says none of its own."""
    said = {key: value for key, value in SAID.items() if key != "decision.timestamp"}
    span = received_span(events=[event(said), event({"x": 1}, "other"), event({"decision.what": "b"})])
    when = moment(START_NS)
    assert span.decisions == (
        make_decision(timestamp=when),
        Decision(decision="decision", what="b", timestamp=when),
    )
    assert [kept.name for kept in span.events] == ["other"]


def test_structured_values_are_understood_too() -> None:
    """An SDK that sends lists and maps as such needs no JSON text."""
    said = SAID | {"decision.alternatives": ["bm25 (0.40)"], "decision.inputs": {"words": 7}}
    assert received_span(said).decisions == (make_decision(),)


@pytest.mark.parametrize("name", ["decision", "Decision.made"])
def test_what_says_no_decision_stays_as_it_is(name: str) -> None:
    """Without a type and a choice it is an event and attributes like any other."""
    span = received_span({"decision.why": "because"}, events=[event({"decision.why": "because"}, name)])
    assert span.decisions == ()
    assert span.attributes == {"decision.why": "because"}
    assert [(kept.name, kept.attributes) for kept in span.events] == [(name, {"decision.why": "because"})]


@pytest.mark.parametrize(
    ("given_confidence", "confidence"),
    [(0.9, 0.9), (1, 1.0), ("0.25", 0.25), (0, 0.0), ("1e-1", 0.1)],
)
def test_a_confidence_may_be_number_or_text(given_confidence: Any, confidence: float) -> None:
    """Any number from 0 to 1 is a confidence."""
    assert received_span(SAID | {"decision.confidence": given_confidence}).decisions[0].confidence == confidence


@pytest.mark.parametrize("given_confidence", ["high", 1.5, -0.1, True, float("nan"), "NaN", [0.5], "9" * 400])
def test_what_is_no_confidence_is_kept_beside(given_confidence: Any) -> None:
    """A confidence that is none is unknown, and what was said stands among the inputs."""
    (decision,) = received_span(SAID | {"decision.confidence": given_confidence}).decisions
    assert decision.confidence is None
    kept = "NaN" if given_confidence != given_confidence else given_confidence
    assert decision.inputs == {"words": 7, "confidence_given": kept}


@pytest.mark.parametrize("when", ["yesterday", "2026-11-21T12:00:00", 17, ["x"]])
def test_a_time_that_cannot_be_read_is_kept_beside(when: Any) -> None:
    """A time without a zone is none, as it would mean another moment elsewhere."""
    (decision,) = received_span(SAID | {"decision.timestamp": when}).decisions
    assert decision.timestamp is None
    assert decision.inputs == {"words": 7, "timestamp_given": when}


def test_what_has_no_field_is_among_the_inputs() -> None:
    """Unknown keys are not lost, not even where an input has their name."""
    span = received_span(events=[event(SAID | {"decision.words": 8, "decision.model": "m", "custom": True})])
    assert span.decisions[0].inputs == {"words": 7, "decision.words": 8, "model": "m", "custom": True}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"decision.alternatives": "bm25"}, {"alternatives_considered": ("bm25",)}),
        ({"decision.alternatives": "[broken"}, {"alternatives_considered": ("[broken",)}),
        ({"decision.inputs": "words"}, {"inputs": {"value": "words"}}),
        ({"decision.what": '{"a": 1}'}, {"what": {"a": 1}}),
        ({"decision.what": "42"}, {"what": "42"}),
        ({"decision.what": None}, {"what": None}),
        ({"decision.why": 7}, {"why": "7"}),
    ],
)
def test_odd_values_are_taken_as_they_can_be(said: dict[str, Any], expected: dict[str, Any]) -> None:
    """A value of another shape than documented is still a value."""
    assert received_span(SAID | said).decisions == (make_decision(**expected),)


@given(strategies.decisions)
def test_a_written_decision_reads_as_it_was(decision: Decision) -> None:
    """Decisions survive the way out and in again, with or without a time."""
    written = write_decision(decision)
    assert all(not isinstance(value, dict | list) for value in written.values())
    read = read_decision(written, datetime(2026, 1, 1, tzinfo=UTC))
    assert dump(read) == dump(decision)


def test_a_decision_leaves_as_documented() -> None:
    """Lists and maps leave as JSON texts, which every backend keeps."""
    assert write_decision(make_decision(timestamp=NOON)) == SAID | {
        "decision.alternatives": '["bm25 (0.40)"]',
        "decision.inputs": '{"words":7}',
        "decision.timestamp": "2026-11-21T12:00:00+00:00",
    }
