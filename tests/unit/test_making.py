"""What a maker makes is the dataclass itself, frozen as it is."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from tests.factories import NOON
from tracing_core.making import maker
from tracing_core.model import SpanData, SpanKind, TokenUsage

_make_span, _make_usage = maker(SpanData), maker(TokenUsage)
_GIVEN: dict[str, Any] = {
    "span_id": "a",
    "parent_id": None,
    "name": "n",
    "kind": SpanKind.LLM,
    "started_at": NOON,
    "duration_ns": 5,
}


def test_what_is_made_is_the_same() -> None:
    """Equal, of the same type, with the same defaults, and of use wherever the other is."""
    made, usual = _make_span(**_GIVEN), SpanData(**_GIVEN)
    assert (made, type(made), repr(made)) == (usual, SpanData, repr(usual))
    assert replace(made, name="m") == replace(usual, name="m")
    assert pickle.loads(pickle.dumps(made)) == usual
    assert hash(_make_usage(input_tokens=3)) == hash(TokenUsage(input_tokens=3))
    assert made.attributes is not _make_span(**_GIVEN).attributes


def test_what_is_made_is_frozen() -> None:
    """Like any other."""
    made = _make_span(**_GIVEN)
    with pytest.raises(FrozenInstanceError):
        made.name = "other"  # type: ignore[misc]


def test_what_is_missing_or_unknown_is_refused() -> None:
    """By name, as usual."""
    with pytest.raises(TypeError, match="span_id"):
        _make_span(**{key: value for key, value in _GIVEN.items() if key != "span_id"})
    with pytest.raises(TypeError, match="unheard_of"):
        _make_usage(unheard_of=1)  # type: ignore[call-arg]
