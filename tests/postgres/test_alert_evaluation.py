"""Looking at the rules once a minute, and what they would have done in the past (seed D, Next Steps: Alerting System)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from tests.factories import NOON
from tests.postgres.alerting import DELAY, MINUTE, answered, desk, rule, some_hours
from tests.postgres.writing import rate, store
from tracing_core.alerts.evaluation import evaluate
from tracing_core.alerts.measure import ABOUT, AlertMeasure
from tracing_core.alerts.rule import WEEK, Against, AlertRule, Direction
from tracing_core.alerts.state import EventKind, StateName
from tracing_core.clock import ManualClock
from tracing_core.errors import Busy, InvalidInput
from tracing_core.query.alert_numbers import PRESENT
from tracing_core.query.alert_rules import alert_event, alert_rule_row, newest_events
from tracing_core.storage.database import Database
from tracing_core.storage.upkeep_lock import EVALUATION_LOCK, alone

M = AlertMeasure


def happened(database: Database, rule_id: str | None = None) -> list[tuple[EventKind, datetime]]:
    """What happened, the oldest first."""
    found = newest_events(database, rule_id=rule_id, limit=1000)
    return [(each.event.kind, each.event.happened_at) for each in reversed(found)]


def test_seed_d_an_alert_fires_recovers_and_says_what_it_saw(database: Database) -> None:
    """Five requests in five minutes are more than three; the event has the number, the window, and a delivery each."""
    store(database, *(answered(NOON + n * MINUTE, 100) for n in range(5)))
    rule_id = desk(database).create(rule(destinations=("ops", "mail")), by="lead")
    for minute in range(2, 13):
        evaluate(database, NOON + minute * MINUTE, DELAY)
    assert happened(database) == [(EventKind.FIRED, NOON + 5 * MINUTE), (EventKind.RECOVERED, NOON + 8 * MINUTE)]
    recovered, fired = newest_events(database)
    assert fired.event.message == "Requests: 4 over 5 minutes, above 3"
    assert (fired.event.window_start, fired.event.window_end) == (NOON - MINUTE, NOON + 4 * MINUTE)
    assert [(each.destination, each.status) for each in fired.deliveries] == [("mail", "waiting"), ("ops", "waiting")]
    assert [each.destination for each in recovered.deliveries] == ["mail", "ops"]
    row = alert_rule_row(database, rule_id)
    assert row is not None
    assert row.state is not None
    assert row.state.name is StateName.OK
    assert alert_event(database, fired.event.event_id) == fired


WATCHED: tuple[dict[str, Any], ...] = (
    {"measure": M.ERROR_RATE, "threshold": 0.4, "minimum_count": 3, "for_minutes": 2, "recovery_threshold": 0.2},
    {"measure": M.P95, "threshold": 800.0, "window_minutes": 3, "renotify_minutes": 4},
    {"measure": M.MEAN, "threshold": 400.0, "operation": "retrieval", "library": "pandas"},
    {"measure": M.P50, "threshold": 400.0, "operation": "retrieval"},
    {"measure": M.REQUESTS, "threshold": 1.1, "against": Against.LAST_WEEK, "silenced_until": NOON + 30 * MINUTE},
    {"measure": M.NO_DATA, "threshold": 0.0, "window_minutes": 2},
    {"measure": M.CONFIDENCE, "threshold": 0.6, "direction": Direction.BELOW, "minimum_count": 2},
    {"measure": M.UNSURE_DECISIONS, "threshold": 0.6, "confidence": 0.5},
    {"measure": M.FEEDBACK_RATE, "threshold": 0.3, "for_minutes": 1},
)


@pytest.mark.parametrize("seed", range(2))
def test_a_dry_run_is_what_looking_each_minute_would_have_done(database: Database, seed: int) -> None:
    """The same events at the same minutes, from numbers that were read at once."""
    random = Random(seed)
    traces = [*some_hours(random, 1), *some_hours(random, 1, NOON - WEEK)]
    store(database, *traces)
    for trace in traces[::4]:
        rate(database, trace, random.randint(1, 5))
    end, made = NOON + 62 * MINUTE, desk(database)
    rules = [rule(**({"destinations": ("ops",)} | fields)) for fields in WATCHED]
    planned = {made.create(each, by="lead"): made.dry_run(each, NOON, end) for each in rules}
    for minute in range(63):
        evaluate(database, NOON + minute * MINUTE, DELAY)
    for rule_id, plan in planned.items():
        done = happened(database, rule_id)
        assert [each.fired_at for each in plan.episodes] == [at for kind, at in done if kind is EventKind.FIRED]
        ends = [each.recovered_at for each in plan.episodes if each.recovered_at is not None]
        assert ends == [at for kind, at in done if kind is EventKind.RECOVERED]
        assert plan.messages == sum(
            bool(each.deliveries) for each in newest_events(database, rule_id=rule_id, limit=500)
        )
        assert len(plan.points) == 63
    assert sum(len(plan.episodes) > 0 for plan in planned.values()) > 6


def test_a_dry_run_says_how_often(database: Database) -> None:
    """Would have fired 3 times: with every number that has a history something is said, and nothing is entered."""
    bursts = [NOON + hours * timedelta(hours=1) for hours in range(3)]
    store(database, *(answered(at, 100) for at in bursts for _ in range(4)))
    done = desk(database).dry_run(rule(), NOON, NOON + timedelta(hours=3))
    assert done.said == "would have fired 3 times"
    assert [each.fired_at - MINUTE * 2 for each in done.episodes] == bursts
    assert desk(database).dry_run(rule(threshold=4.0), NOON, NOON + timedelta(hours=3)).said == "would not have fired"
    few = rule(M.P95, minimum_count=50)
    assert "enough" in desk(database).dry_run(few, NOON, NOON + timedelta(hours=3)).said
    assert not newest_events(database)


@pytest.mark.parametrize(
    ("watched", "start", "end", "field"),
    [
        *((rule(measure), NOON, NOON + MINUTE, "measure") for measure in sorted(PRESENT)),
        (rule(), NOON, NOON - MINUTE, "end"),
        (rule(), NOON, NOON + timedelta(days=32), "end"),
        (rule(), NOON.replace(tzinfo=None), NOON, "start"),
    ],
)
def test_what_is_not_known_of_the_past_is_not_made_up(
    database: Database, watched: AlertRule, start: datetime, end: datetime, field: str
) -> None:
    """A dry run over what has no history, or over no time, says which field is wrong."""
    assert not ABOUT[watched.measure].history or field != "measure"
    with pytest.raises(InvalidInput) as refused:
        desk(database).dry_run(watched, start, end)
    assert refused.value.field == field


def test_a_dry_run_does_not_guess_at_minutes_that_are_gone(database: Database) -> None:
    """Where only hours are kept any more, it says from when on minutes are there."""
    store(database, answered(NOON, 100))
    with database.write() as connection:
        connection.execute(text("DELETE FROM trace_metrics WHERE granularity = 'minute'"))
    with pytest.raises(InvalidInput, match="2026-11-21 13:00 UTC"):
        desk(database).dry_run(rule(), NOON, NOON + timedelta(hours=2))


def test_a_minute_is_looked_at_once(database: Database) -> None:
    """Whoever comes second in the same minute finds it done, and does not count it twice."""
    desk(database).create(rule(M.NO_DATA, threshold=0.0), by="lead")
    assert evaluate(database, NOON, DELAY).events == 1
    assert evaluate(database, NOON + timedelta(seconds=59), DELAY).rules == 0
    assert evaluate(database, NOON + MINUTE, DELAY).rules == 1
    assert happened(database) == [(EventKind.FIRED, NOON)]


def test_two_processes_that_look_at_once_make_one_event(database: Database) -> None:
    """One of them does it; the other says that it is busy, or finds it done."""
    made = desk(database)
    for number in range(5):
        made.create(rule(M.NO_DATA, threshold=0.0, name=f"Silence {number}"), by="lead")

    def look() -> int:
        try:
            return evaluate(database, NOON, DELAY).events
        except Busy:
            return 0

    with ThreadPoolExecutor(4) as threads:
        found = [each.result() for each in [threads.submit(look) for _ in range(8)]]
    assert sum(found) == 5
    assert len(happened(database)) == 5


def test_who_looks_holds_off_the_others(database: Database) -> None:
    """While one process looks, another one is told so."""
    with alone(database, EVALUATION_LOCK), pytest.raises(Busy):
        evaluate(database, NOON, DELAY)


def test_a_rule_that_cannot_be_read_does_not_keep_the_others_from_being_looked_at(database: Database) -> None:
    """It is named; people can still switch it off and remove it."""
    made = desk(database)
    broken = made.create(rule(name="Broken"), by="lead")
    made.create(rule(M.NO_DATA, threshold=0.0), by="lead")
    with database.write() as connection:
        connection.execute(text("UPDATE alert_rules SET document = '{}' WHERE name = 'Broken'"))
    done = evaluate(database, NOON, DELAY)
    assert (done.rules, done.events, done.unreadable) == (1, 1, ("Broken",))
    row = alert_rule_row(database, broken)
    assert row is not None
    assert row.problem == "name: is missing; every alert rule has one"
    made.enable(broken, False, by="lead")
    made.delete(broken, by="lead")
    assert alert_rule_row(database, broken) is None


@pytest.mark.parametrize("ended", ["enable", "delete"])
def test_whom_a_firing_was_told_hears_when_nobody_watches_any_more(database: Database, ended: str) -> None:
    """To switch a rule off, or to remove it, ends its firing for those who were told of it."""
    clock = ManualClock(NOON)
    made = desk(database, clock)
    rule_id = made.create(rule(M.NO_DATA, threshold=0.0, destinations=("ops",)), by="lead")
    evaluate(database, NOON, DELAY)
    clock.advance(10)
    if ended == "enable":
        made.enable(rule_id, False, by="lead")
    else:
        made.delete(rule_id, by="lead")
    last = newest_events(database)[0]
    assert last.event.kind is EventKind.RECOVERED
    assert "lead switched the rule off" in last.event.message
    assert [each.destination for each in last.deliveries] == ["ops"]
    assert evaluate(database, NOON + MINUTE, DELAY).rules == 0


def test_a_changed_rule_is_judged_as_it_is_now(database: Database) -> None:
    """Its state stays; a silence set by a person keeps the next messages back, and the end of one lets them out."""
    made = desk(database)
    watched = rule(M.NO_DATA, threshold=0.0, destinations=("ops",))
    rule_id = made.create(watched, by="lead")
    made.silence(rule_id, NOON + timedelta(hours=1), by="lead")
    evaluate(database, NOON, DELAY)
    made.silence(rule_id, None, by="lead")
    evaluate(database, NOON + MINUTE, DELAY)
    found = [(each.event.kind, len(each.deliveries)) for each in newest_events(database)]
    assert found == [(EventKind.STILL_FIRING, 1), (EventKind.FIRED, 0)]
    made.update(rule_id, replace(watched, measure=M.REQUESTS, threshold=0.5), by="lead")
    evaluate(database, NOON + 2 * MINUTE, DELAY)
    assert newest_events(database)[0].event.kind is EventKind.RECOVERED


def test_what_is_not_there_cannot_be_changed(database: Database) -> None:
    """Each way to change a rule says that it is gone."""
    made = desk(database)
    changes: tuple[Callable[[], object], ...] = (
        lambda: made.update("rule_x", rule(), by="lead"),
        lambda: made.delete("rule_x", by="lead"),
        lambda: made.enable("rule_x", True, by="lead"),
        lambda: made.silence("rule_x", None, by="lead"),
    )
    for change in changes:
        with pytest.raises(InvalidInput, match="rule_id"):
            change()
    with pytest.raises(InvalidInput, match="destination"):
        made.send_again("evt_x", "ops")
