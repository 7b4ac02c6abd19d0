"""A filter holds only what the database can be asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tracing_core.errors import InvalidInput
from tracing_core.query.filters import LONGEST_TEXT, MOST_IDS, TraceFilter

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_times_become_utc() -> None:
    """Equal moments make equal filters, which caches rely on."""
    elsewhere = NOON.astimezone(timezone(timedelta(hours=2)))
    assert TraceFilter(start=elsewhere) == TraceFilter(start=NOON)
    assert hash(TraceFilter(start=elsewhere)) == hash(TraceFilter(start=NOON))


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("start", {"start": NOON.replace(tzinfo=None)}),
        ("end", {"start": NOON, "end": NOON - timedelta(seconds=1)}),
        ("text", {"text": "a\x00b"}),
        ("project", {"project": "\ud800"}),
        ("text", {"text": "x" * (LONGEST_TEXT + 1)}),
        ("trace_ids", {"trace_ids": ("trc",) * (MOST_IDS + 1)}),
    ],
)
def test_what_cannot_be_asked_is_refused(field: str, values: dict[str, object]) -> None:
    """The error names the field."""
    with pytest.raises(InvalidInput) as caught:
        TraceFilter(**values)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_blank_text_asks_for_nothing() -> None:
    """An emptied search box is no search."""
    assert TraceFilter(text="  ").text is None
    assert TraceFilter(text=" ").set_fields() == frozenset()
