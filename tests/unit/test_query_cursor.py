"""A cursor comes back as it was given out, and nothing else is taken for one."""

from __future__ import annotations

import base64
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracing_core.errors import InvalidInput
from tracing_core.query.cursor import Cursor, decode

NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
ID = "trc_20261121_120000_00000000000000ab"


def encoded(content: str) -> str:
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def test_a_moment_survives_to_the_microsecond() -> None:
    """Two traces within a millisecond must not be skipped."""
    cursor = Cursor(sort="newest", key=NOON, trace_id=ID)
    assert decode(cursor.encode(), "newest") == cursor


@given(st.floats(min_value=0, max_value=1e12))
def test_a_duration_survives_exactly(milliseconds: float) -> None:
    """The number is compared with the very one in the database."""
    cursor = Cursor(sort="slowest", key=milliseconds, trace_id=ID)
    assert decode(cursor.encode(), "slowest") == cursor


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "ä", "====", encoded("[]"), encoded("{}"), encoded("7"), encoded('["newest","soon","id"]'),
        encoded('["newest","2026-11-21T12:00:00","id"]'), encoded('["newest",5,"id"]'), encoded('["newest"]'),
        encoded('["newest","2026-11-21T12:00:00+00:00",7]'), encoded('["newest","2026-11-21T12:00:00+00:00","\\u0000"]'),
        encoded('["slowest",5.0,"id"]'), encoded("[" * 10_000),
    ],
)  # fmt: skip
def test_what_is_no_cursor_is_refused(text: str) -> None:
    """Whatever a URL holds, the answer names the field and never fails otherwise."""
    with pytest.raises(InvalidInput) as caught:
        decode(text, "newest")
    assert caught.value.field == "cursor"


@given(st.text(max_size=60))
def test_no_text_breaks_decoding(text: str) -> None:
    """Any text either is a cursor or is refused."""
    with suppress(InvalidInput):
        decode(text, "slowest")


@pytest.mark.parametrize("key", ["NaN", "Infinity", "true", '"5"'])
def test_a_duration_must_be_a_number(key: str) -> None:
    """NaN compares with nothing, so a list would never go on from it."""
    with pytest.raises(InvalidInput):
        decode(encoded(f'["slowest",{key},"id"]'), "slowest")
