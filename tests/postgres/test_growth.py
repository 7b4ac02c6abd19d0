"""How large things were day by day, and how watching goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.factories import NOON, make_trace
from tests.postgres.writing import opening, rate, store
from tracing_core.clock import ManualClock
from tracing_core.errors import StorageError
from tracing_core.query.filters import TraceFilter
from tracing_core.query.growth import DATABASE, FILES, daily_growth, sizes_by_day
from tracing_core.query.overview import totals
from tracing_core.query.watching import UNSEEN, watching
from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import alert_deliveries, alert_events, alert_rules, alert_states
from tracing_core.storage.sizes_write import keep_sizes
from tracing_core.store import Store
from tracing_core.upkeep import Upkeep

TODAY = NOON.date()


def days_ago(number: int) -> Any:
    """A day of November."""
    return TODAY - timedelta(days=number)


@pytest.fixture
def opened(database_url: str, data_dir: Path) -> Iterator[Callable[..., Store]]:
    """Opens stores at noon."""
    with opening(database_url, data_dir, ManualClock(NOON)) as open_one:
        yield open_one


def test_upkeep_measures_once_a_day(opened: Callable[..., Store]) -> None:
    """The first run of a day keeps the size of the database and of the files; the day is not measured twice."""
    kept = opened()
    upkeep = Upkeep(kept, ManualClock(NOON))
    upkeep.run_once()
    found = sizes_by_day(kept.database, {DATABASE: 1, FILES: 2}, NOON + timedelta(days=1))
    assert [(each.day, each.estimated) for each in found[DATABASE]] == [(TODAY, False), (days_ago(-1), False)]
    assert found[DATABASE][0].bytes > 1_000_000
    assert [each.bytes for each in found[FILES]] == [0, 2]
    store(kept.database, make_trace(started_at=NOON))
    upkeep.run_once()
    assert sizes_by_day(kept.database, {FILES: 2}, NOON + timedelta(days=1))[FILES][0].bytes == 0


def test_days_before_are_estimated_by_their_traces(database: Database) -> None:
    """Before the first measured day sizes are in proportion to the traces stored until then, and say so."""
    for number, count in ((3, 1), (1, 2), (0, 1)):
        store(database, *[make_trace(started_at=NOON - timedelta(days=number)) for _ in range(count)])
    found = sizes_by_day(database, {FILES: 4000}, NOON)[FILES]
    assert [(each.day, each.bytes, each.estimated) for each in found] == [
        (days_ago(3), 1000, True),
        (days_ago(2), 1000, True),
        (days_ago(1), 3000, True),
        (TODAY, 4000, False),
    ]
    assert daily_growth(found) == [0, 2000]


def test_days_that_nobody_measured_share_what_came(database: Database) -> None:
    """Between two measured days each day adds as much as the others; today is not over and counts for nothing."""
    for number, size in ((5, 100), (2, 400), (1, 450)):
        keep_sizes(database, days_ago(number), {FILES: size})
    found = sizes_by_day(database, {FILES: 9999}, NOON)[FILES]
    assert daily_growth(found) == [100, 100, 100, 50]


def test_a_day_is_measured_again_in_its_place(database: Database) -> None:
    """The newest size of a day is the one that is kept."""
    keep_sizes(database, TODAY, {FILES: 1})
    keep_sizes(database, TODAY, {FILES: 2})
    assert [each.bytes for each in sizes_by_day(database, {FILES: 3}, NOON + timedelta(days=1))[FILES]] == [2, 3]


def rule(rule_id: str, *, enabled: bool = True) -> dict[str, Any]:
    """A row of a rule."""
    return {
        "rule_id": rule_id, "name": rule_id, "enabled": enabled, "document": {}, "created_at": NOON, "updated_at": NOON,
        "updated_by": "test",
    }  # fmt: skip


def test_watching_counts_ratings_costs_and_alerts(database: Database) -> None:
    """The share of rated traces, those without a price, rules by state, and messages by what became of them."""
    known, unknown = make_trace(), make_trace(spans=())
    store(database, known, unknown)
    rate(database, known, 5)
    with database.write() as connection:
        connection.execute(alert_rules.insert(), [rule("a"), rule("b"), rule("c", enabled=False)])
        state = {"rule_id": "a", "state": "firing", "since": NOON, "evaluated_at": NOON, "document": {}}
        connection.execute(alert_states.insert(), [state])
        event = {
            "event_id": "e", "rule_id": "a", "rule_name": "a", "kind": "fired", "happened_at": NOON, "message": "m",
            "document": {},
        }  # fmt: skip
        connection.execute(alert_events.insert(), [event])
        told = {"event_id": "e", "destination": "ops", "status": "failed", "next_attempt_at": NOON}
        connection.execute(alert_deliveries.insert(), [told])
    found = watching(database, NOON - timedelta(hours=1))
    assert (found.traces, found.feedback_rate, found.waiting_ratings) == (2, 0.5, 0)
    assert found.alerts.rules == {"firing": 1, UNSEEN: 1}
    assert found.alerts.off == 1
    assert found.alerts.evaluated_at == NOON
    assert found.alerts.deliveries == {"failed": 1}
    assert watching(database, NOON + timedelta(hours=1)).alerts.deliveries == {}


def test_each_question_is_timed(database: Database) -> None:
    """A question is the function that somebody called, however deep its statement is asked; writes are timed, too."""
    store(database, make_trace())
    totals(database, TraceFilter())
    found = {each.question: each for each in database.times.report()}
    asked = found["overview.totals"]
    assert asked.calls >= 2
    assert 0 < asked.mean_ms <= asked.max_ms <= asked.total_ms
    assert any(name.startswith("write.") for name in found)
    assert not any(name.startswith("database.") for name in found)


def test_a_question_that_fails_is_timed(database: Database) -> None:
    """What was cut off or refused counts with the time that it took."""
    with pytest.raises(StorageError), database.read() as connection:
        connection.execute(text("SELECT 1 / 0"))
    (asked,) = (each for each in database.times.report() if each.failed)
    assert (asked.question, asked.calls, asked.failed) == ("other", 1, 1)
