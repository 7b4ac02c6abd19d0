"""How the values of a decision are put into words."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.decision_cards import plain


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("semantic + bm25", "semantic + bm25"),
        ({"debug": 0.044, "how_to": 0.304}, "debug 0.044, how_to 0.304"),
        (["fastapi", "pandas"], "fastapi, pandas"),
        (0.5, "0.5"),
        (None, "null"),
        ({}, "{}"),
        ([], "[]"),
        ({"nested": {"a": 1}}, '{"nested": {"a": 1}}'),
        ([True], "[true]"),
    ],
)
def test_flat_values_are_words_and_the_rest_is_json(value: Any, shown: str) -> None:
    """Nothing is lost, and what is flat can be read."""
    assert plain(value) == shown
