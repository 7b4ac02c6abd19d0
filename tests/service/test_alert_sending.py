"""Messages about alerts as they arrive: at a webhook, at Slack's, in a mailbox, in the log (seed D, Next Steps)."""

from __future__ import annotations

import asyncio
import email
import email.policy
import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.factories import NOON
from tests.postgres.alerting import DELAY, MINUTE, desk, rule
from tests.service.process import free_port
from tests.service.serving import eventually
from tests.service.webhook import Webhook, webhook
from tracing_core.alert_settings import Destination
from tracing_core.alerts.courier import Courier
from tracing_core.alerts.evaluation import evaluate
from tracing_core.alerts.event import AlertEvent, event_of
from tracing_core.alerts.links import traces_link
from tracing_core.alerts.measure import AlertMeasure
from tracing_core.alerts.message import Message, message_of
from tracing_core.alerts.sending import Attempt, Fate, send
from tracing_core.alerts.state import EventKind, Happening, Sample
from tracing_core.alerts.watch import AlertWatch
from tracing_core.clock import ManualClock, SystemClock
from tracing_core.errors import InvalidInput
from tracing_core.model import QualityFlag
from tracing_core.query.alert_rules import destination_health, newest_events
from tracing_core.settings import read_settings
from tracing_core.storage.database import Database

SLOW = rule(
    AlertMeasure.P95, name="Slow <answers> & more", threshold=5000.0, window_minutes=15, project="shop", note="Ask Explain.",
)  # fmt: skip


def event() -> AlertEvent:
    """A firing of it."""
    told = Happening(kind=EventKind.FIRED, tell=("ops",))
    return event_of("rule_1", SLOW, told, NOON, Sample(value=6200.0, count=412), NOON - MINUTE)


def message() -> Message:
    """What is told of it."""
    return message_of(event(), "https://watch.example/")


@pytest.fixture
def hook() -> Iterator[Webhook]:
    """What receives."""
    with webhook() as made:
        yield made


def posted(hook: Webhook, **fields: Any) -> Attempt:
    """Send to it once."""
    fields = {"kind": "webhook", "url": hook.url, **fields}
    return send(message(), "ops", Destination(**fields), read_settings())


def test_seed_d_a_webhook_gets_all_of_it_signed(hook: Webhook) -> None:
    """Body, id and signature are there, and the links lead to the traces behind the number."""
    attempt = posted(hook, secret="a long secret", headers={"Authorization": "Bearer x"})
    assert attempt == Attempt(fate=Fate.DELIVERED)
    ((path, headers, body),) = hook.came
    assert path == "/hook?token=hidden"
    assert headers["idempotency-key"] == event().event_id
    assert headers["authorization"] == "Bearer x"
    signed = hmac.new(b"a long secret", body, hashlib.sha256).hexdigest()
    assert headers["x-tracewhy-signature"] == f"sha256={signed}"
    said = json.loads(body)
    assert (said["kind"], said["value"], said["threshold"], said["filter"]) == (
        "fired",
        6200.0,
        5000.0,
        {"project": "shop"},
    )
    assert said["message"] == "P95 latency of project shop: 6.2 s over 15 minutes, above 5 s (412 counted)"
    assert said["links"]["traces"] == (
        "https://watch.example/traces?range=custom&start=2026-11-21T11%3A44%3A00%2B00%3A00"
        "&end=2026-11-21T11%3A59%3A00%2B00%3A00&project=shop&sort=slowest"
    )


@pytest.mark.parametrize(("flag", "telling"), [(None, "&flagged=yes"), (QualityFlag.EMPTY, "&flag=EMPTY")])
def test_the_link_of_an_alert_on_flags_leads_to_the_flagged_traces(flag: QualityFlag | None, telling: str) -> None:
    """To those with any flag, or with the one that the rule asks for."""
    fired = replace(event(), rule=rule(AlertMeasure.FLAGGED, threshold=0.1, flag=flag))
    assert traces_link("https://watch.example", fired).endswith(telling)


def test_seed_d_slack_gets_text_and_blocks(hook: Webhook) -> None:
    """What Slack takes for markup in a name of ours is escaped, and the link to the traces is one."""
    assert posted(hook, kind="slack").fate is Fate.DELIVERED
    said = json.loads(hook.came[0][2])
    assert said["text"].startswith("Fired (warning): Slow &lt;answers&gt; &amp; more: P95 latency")
    assert said["blocks"][0]["text"]["text"].endswith("\nAsk Explain.")
    assert "<https://watch.example/traces?" in said["blocks"][1]["elements"][0]["text"]


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (204, Fate.DELIVERED),
        (302, Fate.FAILED),
        (400, Fate.FAILED),
        (404, Fate.FAILED),
        (408, Fate.LATER),
        (429, Fate.LATER),
        (503, Fate.LATER),
        (500, Fate.UNKNOWN),
        (502, Fate.UNKNOWN),
        (504, Fate.UNKNOWN),
        (None, Fate.UNKNOWN),
    ],
)
def test_what_an_answer_means(hook: Webhook, status: int | None, fate: Fate) -> None:
    """Only what was surely not taken is sent again; where it may have been, nobody claims to know."""
    hook.answers = [status]
    attempt = posted(hook)
    assert attempt.fate is fate
    assert "hidden" not in str(attempt.said)
    assert len(hook.came) == 1


def test_where_a_redirect_leads_nothing_is_sent(hook: Webhook) -> None:
    """The operator allowed one address, not those that it names."""
    with webhook() as elsewhere:
        hook.answers, hook.location = [307], elsewhere.url
        assert posted(hook).fate is Fate.FAILED
        assert not elsewhere.came


def test_a_receiver_that_is_not_there_surely_got_nothing() -> None:
    """Nobody listens at the port, and no such host is known: both can be tried again."""
    for url in (f"http://127.0.0.1:{free_port()}/x", "http://nowhere.invalid/x"):
        attempt = send(message(), "ops", Destination(kind="webhook", url=url), read_settings())
        assert attempt.fate is Fate.LATER
        assert attempt.said in ("not reached: connection refused", "not reached: the name is not known")


class _Mailbox:
    """Keeps mail; `answer` is what the server says to it."""

    def __init__(self) -> None:
        self.answer = "250 kept"
        self.kept: list[tuple[list[str], EmailMessage]] = []

    async def handle_RCPT(  # noqa: N802 - the server calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 known"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        if self.answer == "hang up":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            return "250 too late"
        if self.answer.startswith("250"):
            content = email.message_from_bytes(envelope.original_content or b"", policy=email.policy.default)
            assert isinstance(content, EmailMessage)
            self.kept.append((envelope.rcpt_tos, content))
        return self.answer


@contextmanager
def mailing() -> Iterator[tuple[_Mailbox, str]]:
    """A mail server and its URL."""
    box = _Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        yield box, f"smtp://127.0.0.1:{server.port}"
    finally:
        server.stop()


def mailed(url: str | None, *to: str) -> Attempt:
    """Send by mail once."""
    chosen = Destination(kind="email", to=to or ("lead@example.com",))
    return send(message(), "mail", chosen, read_settings(TRACEWHY_SMTP_URL=url, TRACEWHY_SMTP_FROM="watch@example.com"))


def test_seed_d_mail_says_what_happened() -> None:
    """A real server takes it; its id is the event's, so that a mailbox shows it once."""
    with mailing() as (box, url):
        assert mailed(url, "lead@example.com", "ops@example.com") == Attempt(fate=Fate.DELIVERED)
    ((to, letter),) = box.kept
    assert to == ["lead@example.com", "ops@example.com"]
    assert letter["subject"] == "Fired (warning): Slow <answers> & more"
    assert letter["message-id"] == f"<{event().event_id}@tracewhy>"
    text = letter.get_content()
    assert "6.2 s over 15 minutes" in text
    assert "Traces: https://watch.example/traces?range=custom" in text


def test_what_a_mail_server_says_is_understood() -> None:
    """Refused for now comes again, refused for good does not, and when it hangs up over the mail nobody knows."""
    with mailing() as (box, url):
        for answer, fate in (("451 later", Fate.LATER), ("554 never", Fate.FAILED), ("hang up", Fate.UNKNOWN)):
            box.answer = answer
            assert mailed(url).fate is fate
        assert mailed(url, "nobody@example.com").fate is Fate.FAILED
        box.answer = "250 kept"
        some = mailed(url, "nobody@example.com", "lead@example.com")
        assert some.fate is Fate.DELIVERED
        assert some.said == "the mail server did not take 1 of 2 addresses"
    assert mailed(url).fate is Fate.LATER
    assert mailed(None).fate is Fate.FAILED


def test_the_log_gets_it_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Without any receiver the service's log can say it."""
    with caplog.at_level(logging.WARNING):
        assert send(message(), "log", Destination(kind="log"), read_settings()).fate is Fate.DELIVERED
    assert "P95 latency of project shop: 6.2 s" in caplog.text


def test_a_process_that_watches_tells_by_itself(database: Database, hook: Webhook) -> None:
    """From a rule that somebody makes to the receiver, by the two threads of the service."""
    ops = {"kind": "webhook", "url": hook.url}
    settings = read_settings(TRACEWHY_ALERT_DESTINATIONS={"ops": ops})
    desk(database).create(rule(AlertMeasure.NO_DATA, threshold=0.0, destinations=("ops",)), by="lead")
    watch = AlertWatch(database, settings, SystemClock(), look_seconds=0.02, send_seconds=0.02)
    watch.start()
    try:
        eventually(lambda: hook.kinds() == ["fired"])
        eventually(lambda: watch.tally.attempts)
    finally:
        watch.stop()
    assert (watch.tally.events, watch.tally.attempts, watch.tally.failed) == (1, 1, 0)
    assert watch.tally.looks in (1, 2)
    (told,) = newest_events(database)
    assert told.deliveries[0].status == "delivered"


def test_a_destination_is_tried_and_its_health_is_told_without_secrets(database: Database, hook: Webhook) -> None:
    """A test message goes at once; what is shown names the host and nothing after it."""
    hook.answers = [200, 404]
    made = desk(database, TRACEWHY_ALERT_DESTINATIONS={"ops": {"kind": "webhook", "url": hook.url, "idempotent": True}})
    assert made.test("ops").fate is Fate.DELIVERED
    assert hook.kinds() == ["test"]
    with pytest.raises(InvalidInput, match="there are: ops"):
        made.test("pager")
    made.create(rule(AlertMeasure.NO_DATA, threshold=0.0, destinations=("ops", "gone")), by="lead")
    evaluate(database, NOON, DELAY)
    Courier(database, made.settings, ManualClock(NOON)).run_once()
    ops, gone = destination_health(database, made.settings.alert_destinations)
    assert ops.shown == f"http://127.0.0.1:{hook.server_port}/…"
    assert (ops.failed, ops.idempotent, ops.last_error) == (1, True, "answered HTTP 404")
    assert (gone.name, gone.kind, gone.failed) == ("gone", None, 1)


def test_one_receiver_that_is_away_holds_up_no_other(database: Database, hook: Webhook) -> None:
    """Five events for a receiver that is away cost one attempt at a time, and the other gets all five."""
    away = {"kind": "webhook", "url": f"http://127.0.0.1:{free_port()}/x"}
    made = desk(database, TRACEWHY_ALERT_DESTINATIONS={"away": away, "ops": {"kind": "webhook", "url": hook.url}})
    for number in range(5):
        watched = rule(AlertMeasure.NO_DATA, threshold=0.0, name=f"Silence {number}", destinations=("away", "ops"))
        made.create(watched, by="lead")
    evaluate(database, NOON, DELAY)
    assert Courier(database, made.settings, ManualClock(NOON)).run_once() == 6
    assert hook.kinds() == ["fired"] * 5
    health = {each.name: each for each in destination_health(database, made.settings.alert_destinations)}
    assert (health["away"].waiting, health["ops"].delivered) == (5, 5)
