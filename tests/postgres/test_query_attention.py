"""What needs attention, asked of a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.factories import NOON, make_span, make_trace, milliseconds
from tests.postgres.writing import store
from tracing_core.attention import ALL, Part, What
from tracing_core.model import SpanStatus, TraceData, TraceStatus
from tracing_core.query.attention import attention, first_of_releases
from tracing_core.query.filters import TraceFilter
from tracing_core.storage.database import Database

DAY = timedelta(days=1)
NOW = TraceFilter(start=NOON - DAY, end=NOON)
BEFORE = TraceFilter(start=NOON - 2 * DAY, end=NOON - DAY)


def traces(days_ago: float, count: int, **fields: Any) -> list[TraceData]:
    """Traces spread over some hours of a day."""
    start = NOON - DAY * days_ago
    return [make_trace(started_at=start + timedelta(minutes=7 * n), **fields) for n in range(count)]


def failing(trace: TraceData, error: str) -> TraceData:
    """The trace, failed in its retrieval."""
    root = make_span(name="request", started_at=trace.started_at)
    wrong = make_span(parent_id=root.span_id, name="retrieval", started_at=trace.started_at, error=error)
    spans = (root, replace(wrong, status=SpanStatus.ERROR))
    return replace(trace, status=TraceStatus.FAILED, error=error, spans=spans)


@pytest.fixture(scope="module")
def filled(shared_database: Database) -> Database:
    """The day before: 60 good traces and a known failure. The day: slower ones of one library, a new failure, no price."""
    known, new = "ValueError: odd", "TimeoutError: after 30 s"
    quiet = [*traces(2, 60, library="a"), *traces(2, 60, library="b")]
    quiet += [failing(each, known) for each in traces(2, 4)]
    slow = [*traces(1, 60, library="a", duration_ns=milliseconds(9000)), *traces(1, 60, library="b")]
    slow += [failing(each, known) for each in traces(1, 4)] + [failing(each, new) for each in traces(1, 3)]
    odd = make_span(name="llm_generation", attributes={"model": "acme-1", "prompt_tokens": 5, "completion_tokens": 5})
    unknown = [
        replace(each, spans=(replace(odd, started_at=each.started_at, span_id=f"{n:016x}"),))
        for n, each in enumerate(traces(1, 2), 1)
    ]
    store(shared_database, *quiet, *slow, *unknown)
    return shared_database


def test_what_changed_is_found(filled: Database) -> None:
    """The library that became slow is told, the one that stayed as it was is not."""
    found = {(each.what, each.subject): each for each in attention(filled, NOW, BEFORE).changes}
    slower = found[What.P95, (Part.LIBRARY, "a")]
    assert slower.now == pytest.approx(9000, rel=0.02)
    assert slower.before == pytest.approx(3210, rel=0.02)
    assert (What.P95, (Part.LIBRARY, "b")) not in found
    assert not any(what is What.ERRORS and subject == ALL for what, subject in found)


def test_failures_of_a_new_kind_are_found(filled: Database) -> None:
    """What failed in the same way the day before is not new."""
    (new,) = attention(filled, NOW, BEFORE).failures
    assert (new.operation, new.kind, new.traces) == ("retrieval", "TimeoutError", 3)
    assert new.example.startswith("trc_")


def test_models_without_a_price_are_named(filled: Database) -> None:
    """With how many traces called them."""
    assert [(each.model, each.traces) for each in attention(filled, NOW, BEFORE).unpriced] == [("acme-1", 2)]


def test_without_a_period_before_nothing_is_new(filled: Database) -> None:
    """With nothing to hold it against, or next to nothing, only what is so by itself is told."""
    alone = attention(filled, NOW, None)
    assert (alone.changes, alone.failures) == ((), ())
    assert alone.unpriced
    empty = TraceFilter(start=NOON - 9 * DAY, end=NOON - 8 * DAY)
    assert attention(filled, NOW, empty).failures == ()


def test_a_filter_of_one_user_is_answered_from_rows(filled: Database) -> None:
    """Where the rollups cannot tell, the whole is held against itself."""
    user = {"user_id": "user-1"}
    found = attention(filled, replace(NOW, **user), replace(BEFORE, **user)).changes
    assert {each.subject for each in found} <= {ALL}


def test_releases_are_told_by_when_they_began(database: Database) -> None:
    """The release that was there first is none; a trace without a release says nothing; another project's do not count."""
    hours = [NOON + timedelta(hours=n) for n in range(4)]
    releases = ["1", None, "2", "1"]
    store(database, *[make_trace(started_at=at, release=name) for at, name in zip(hours, releases, strict=True)])
    store(database, make_trace(started_at=hours[3], project="other", release="9"))
    assert first_of_releases(database, TraceFilter(project="default"), hours) == ((hours[2], "2"),)
    assert [name for _, name in first_of_releases(database, TraceFilter(), hours)] == ["2", "9"]
    assert first_of_releases(database, TraceFilter(), []) == ()
