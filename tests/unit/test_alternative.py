"""What was on the table is read however it was written down."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracing_core.alternative import LONGEST_NAME, Alternative, margin, read_alternative


@pytest.mark.parametrize(
    ("value", "name", "confidence"),
    [
        ("reddit (0.40)", "reddit", 0.4),
        ("add linkedin (0.60)", "add linkedin", 0.6),
        ("google(1)", "google", 1.0),
        ("bm25 (.25)", "bm25", 0.25),
        ("reddit (40 %)", "reddit", 0.4),
        ("retry (round 2) (0.1)", "retry (round 2)", 0.1),
        ("single broad query", "single broad query", None),
        ("retry (2)", "retry (2)", None),
        ("FAIL + retry if overall < 2.0", "FAIL + retry if overall < 2.0", None),
        ("(0.4)", "(0.4)", None),
        ({"name": "reddit", "confidence": 0.4}, "reddit", 0.4),
        ({"option": "reddit", "score": 0.4}, "reddit", 0.4),
        ({"name": "reddit", "confidence": "high"}, "reddit", None),
        ({"top_k": 5}, '{"top_k":5}', None),
        (["exa", "reddit"], '["exa","reddit"]', None),
        (5, "5", None),
        (None, "null", None),
        (True, "true", None),
    ],
)
def test_a_name_and_its_confidence_are_told_apart(value: Any, name: str, confidence: float | None) -> None:
    """`name (0.40)`, an object with both, or any other value as it is."""
    assert read_alternative(value) == Alternative(name=name, confidence=confidence)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_any_value_can_be_an_alternative(value: Any) -> None:
    """Whatever somebody recorded is a short name, and a confidence is from 0 to 1."""
    found = read_alternative(value)
    assert len(found.name) <= LONGEST_NAME
    assert found.confidence is None or 0 <= found.confidence <= 1


def test_the_margin_is_to_the_best_alternative() -> None:
    """It is below zero where a surer one was passed over, and unknown where nobody said how sure."""
    over = [Alternative(name="a", confidence=0.25), Alternative(name="b", confidence=0.5), Alternative(name="c")]
    assert margin(0.75, over) == 0.25
    assert margin(0.25, over) == -0.25
    assert margin(None, over) is None
    assert margin(0.75, over[2:]) is None
