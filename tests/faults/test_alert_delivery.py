"""A fired alert and its recovery arrive exactly once, wherever the process that tells of them is killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tests.factories import NOON
from tests.faults.alert_workers import Worker, workers
from tests.postgres.alerting import MINUTE, answered, desk, rule
from tests.postgres.writing import store
from tests.service.serving import WAIT, eventually
from tests.service.webhook import Webhook, webhook
from tracing_core.alerts.measure import AlertMeasure
from tracing_core.query.alert_rules import newest_events
from tracing_core.storage.database import Database

pytestmark = pytest.mark.faults
BACK = NOON + 2 * MINUTE
"""When the trace that ends the silence is in the window."""
LATER = timedelta(hours=1)


@pytest.fixture
def hook() -> Iterator[Webhook]:
    """What receives."""
    with webhook() as made:
        yield made


def settings_for(database_url: str, hook: Webhook, *, idempotent: bool) -> dict[str, Any]:
    """The settings of a process that may send there and nowhere else."""
    ops = {"kind": "webhook", "url": hook.url, "idempotent": idempotent}
    return {"DATABASE_URL": database_url, "TRACEWHY_ALERT_DESTINATIONS": {"ops": ops}}


def silence(database: Database) -> None:
    """A rule that fires at noon, as nothing came, and recovers two minutes later, when a trace did."""
    desk(database).create(rule(AlertMeasure.NO_DATA, threshold=0.0, destinations=("ops",)), by="lead")
    store(database, answered(NOON + 30 * MINUTE / 60))


def statuses(database: Database) -> list[tuple[str, str, int]]:
    """Each delivery, the oldest first: of what, how it is, and after how many attempts."""
    found = reversed(newest_events(database))
    return [(each.event.kind.value, d.status, d.attempts) for each in found for d in each.deliveries]


@contextmanager
def held_up(database: Database, table: str) -> Iterator[Connection]:
    """Nobody writes to the table before the block ends."""
    with database.write() as connection:
        connection.execute(text(f"LOCK TABLE {table} IN EXCLUSIVE MODE"))
        yield connection


def waits_for(database: Database, table: str) -> bool:
    """Whether somebody waits to write to the table."""
    asked = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = CAST(:table AS regclass)")
    with database.read() as connection:
        return bool(connection.scalar(asked, {"table": table}))


@pytest.mark.parametrize("idempotent", [True, False])
def test_seed_d_a_webhook_gets_a_fired_alert_and_its_recovery_exactly_once(
    database: Database, database_url: str, hook: Webhook, idempotent: bool
) -> None:
    """Killed before it entered the event, between that and sending, and again before and after the recovery."""
    silence(database)
    with workers(5, settings_for(database_url, hook, idempotent=idempotent)) as them:
        _killed_before_commit(database, them[0])
        assert them[1].look(NOON) == 1
        them[1].kill()
        assert them[2].look(NOON) == 0
        assert them[2].send(NOON) == 1
        them[2].kill()
        assert (them[3].send(NOON), them[3].look(BACK)) == (0, 1)
        them[3].kill()
        assert (them[4].send(BACK), them[4].send(BACK + LATER)) == (1, 0)
    assert hook.kinds() == ["fired", "recovered"]
    assert len(hook.came) == 2
    assert statuses(database) == [("fired", "delivered", 1), ("recovered", "delivered", 1)]


def _killed_before_commit(database: Database, worker: Worker) -> None:
    with held_up(database, "alert_events"):
        worker.begin("look", NOON)
        eventually(lambda: waits_for(database, "alert_events"))
        worker.kill()
    assert not newest_events(database)


@pytest.mark.parametrize("answered_first", [False, True], ids=["during the request", "after the answer"])
def test_killed_while_it_sends_an_idempotent_receiver_takes_the_id_once(
    database: Database, database_url: str, hook: Webhook, answered_first: bool
) -> None:
    """Nobody knows whether it arrived, so that the same id comes again, which the receiver knows already."""
    silence(database)
    with workers(2, settings_for(database_url, hook, idempotent=True)) as (first, second):
        first.look(NOON)
        _killed_while_sending(database, first, hook, answered_first)
        assert second.send(NOON) == 1
        second.look(BACK)
        assert second.send(BACK) == 1
    assert hook.ids()[0] == hook.ids()[1]
    assert hook.kinds() == ["fired", "recovered"]
    assert statuses(database) == [("fired", "delivered", 2), ("recovered", "delivered", 1)]


@pytest.mark.parametrize("answered_first", [False, True], ids=["during the request", "after the answer"])
def test_killed_while_it_sends_nothing_is_sent_again_that_could_be_there_twice(
    database: Database, database_url: str, hook: Webhook, answered_first: bool
) -> None:
    """It is unknown, which people see, and what a person sends again is sent."""
    silence(database)
    with workers(2, settings_for(database_url, hook, idempotent=False)) as (first, second):
        first.look(NOON)
        _killed_while_sending(database, first, hook, answered_first)
        assert second.send(NOON + LATER) == 0
        assert statuses(database) == [("fired", "unknown", 1)]
        assert len(hook.came) == 1
        second.look(BACK)
        assert second.send(BACK) == 1
        fired = newest_events(database)[-1]
        assert fired.deliveries[0].last_error == "the process that sent it ended meanwhile; it may have arrived"
        desk(database).send_again(fired.event.event_id, "ops")
        assert second.send(BACK) == 1
    assert [each["kind"] for each in map(json.loads, (body for *_, body in hook.came))] == [
        "fired",
        "recovered",
        "fired",
    ]
    assert statuses(database) == [("fired", "delivered", 2), ("recovered", "delivered", 1)]


def _killed_while_sending(database: Database, worker: Worker, hook: Webhook, answered_first: bool) -> None:
    hook.may_answer.clear()
    worker.begin("send", NOON)
    hook.arrived.get(timeout=WAIT)
    if answered_first:
        with held_up(database, "alert_deliveries"):
            hook.may_answer.set()
            eventually(lambda: waits_for(database, "alert_deliveries"))
            worker.kill()
    else:
        worker.kill()
        hook.may_answer.set()


def test_two_evaluators_on_one_database_never_double(database: Database, database_url: str, hook: Webhook) -> None:
    """Both look and send at the same moments; every event is there once and arrives once."""
    for number in range(5):
        watched = rule(AlertMeasure.NO_DATA, threshold=0.0, name=f"Silence {number}", destinations=("ops",))
        desk_of_its_own = desk(database)
        for _ in range(number + 1):
            desk_of_its_own.ids.span_id()
        desk_of_its_own.create(watched, by="lead")
    store(database, answered(NOON + 30 * MINUTE / 60))
    with workers(2, settings_for(database_url, hook, idempotent=False)) as both:
        for minute in range(4):
            for do in ("look", "send"):
                for each in both:
                    each.begin(do, NOON + minute * MINUTE)
                for each in both:
                    each.said()
        both[0].send(BACK + LATER)
    assert len(hook.came) == len(hook.taken) == 10
    assert sorted(hook.kinds()) == ["fired"] * 5 + ["recovered"] * 5
    assert {status for _, status, _ in statuses(database)} == {"delivered"}


def test_an_event_waits_for_a_receiver_that_is_away_and_the_recovery_for_the_event(
    database: Database, database_url: str, hook: Webhook
) -> None:
    """Refused for now, it comes again after a pause that grows; what happened later does not overtake it."""
    silence(database)
    hook.answers = [503, 429]
    with workers(1, settings_for(database_url, hook, idempotent=False)) as (worker,):
        worker.look(NOON)
        assert worker.send(NOON) == 1
        worker.look(BACK)
        assert (worker.send(NOON + timedelta(seconds=14)), worker.send(NOON + timedelta(seconds=16))) == (0, 1)
        assert statuses(database) == [("fired", "waiting", 2), ("recovered", "waiting", 0)]
        assert worker.send(NOON + timedelta(minutes=5)) == 2
    assert hook.kinds() == ["fired", "recovered"]
