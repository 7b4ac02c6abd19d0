"""The messages about an event: JSON for a webhook, JSON as Slack reads it, and mail. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from hmac import new as hmac
from typing import Any

from tracing_core.alerts.event import AlertEvent
from tracing_core.alerts.links import event_link, traces_link
from tracing_core.alerts.words import condition, title
from tracing_core.jsontext import dump

SIGNATURE = "X-Tracewhy-Signature"
IDEMPOTENCY = "Idempotency-Key"
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What is told: the id under which it is sent, a line, the text, links by name, and all of it for programs."""

    message_id: str
    title: str
    text: str
    links: tuple[tuple[str, str], ...]
    at: datetime
    document: dict[str, Any]


def message_of(event: AlertEvent, public_url: str) -> Message:
    """What is told of an event.

    Args:
        event: which.
        public_url: address of the dashboard, for the links.
    """
    traces, about = traces_link(public_url, event), event_link(public_url, event)
    rule = event.rule
    return Message(
        message_id=event.event_id,
        title=title(rule, event.kind),
        text="\n".join(filter(None, (event.message + ".", rule.note))),
        links=(("Traces", traces), ("Alert", about)),
        at=event.happened_at,
        document={
            "event_id": event.event_id,
            "kind": event.kind.value,
            "happened_at": _time(event.happened_at),
            "severity": rule.severity.value,
            "rule": {"id": event.rule_id, "name": rule.name, "condition": condition(rule), "note": rule.note},
            "measure": rule.measure.value,
            "value": event.value,
            "count": event.count,
            "last_week": event.last_week,
            "threshold": rule.threshold,
            "direction": rule.direction.value,
            "against": rule.against.value,
            "filter": {
                name: getattr(rule, name)
                for name in ("project", "library", "model", "trace_name", "operation")
                if getattr(rule, name) is not None
            },
            "window": {"start": _time(event.window_start), "end": _time(event.window_end)},
            "message": event.message,
            "links": {"traces": traces, "alert": about},
        },
    )


def trial(destination: str, message_id: str, at: datetime, public_url: str) -> Message:
    """What a person sends to see whether a destination works."""
    text = f"A message to try the destination {destination}. Nothing happened."
    link = f"{public_url.rstrip('/')}/alerts"
    return Message(
        message_id=message_id,
        title="Test: Tracewhy can reach you",
        text=text,
        links=(("Alerts", link),),
        at=at,
        document={
            "event_id": message_id, "kind": "test", "happened_at": _time(at), "message": text, "links": {"alert": link},
        },
    )  # fmt: skip


def webhook_body(message: Message) -> bytes:
    """JSON with everything that is known."""
    return dump(message.document)


def slack_body(message: Message) -> bytes:
    """JSON as Slack's incoming webhooks read it, and those who speak it."""
    links = "  ".join(f"<{address}|{name}>" for name, address in message.links)
    said = f"*{_escaped(message.title)}*\n{_escaped(message.text)}"
    section = {"type": "section", "text": {"type": "mrkdwn", "text": said[:2900]}}
    context = {"type": "context", "elements": [{"type": "mrkdwn", "text": links[:2900]}]}
    return dump({"text": f"{_escaped(message.title)}: {_escaped(message.text)}", "blocks": [section, context]})


def mail(message: Message, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """A mail, whose Message-ID is the event's, so that a mailbox shows it once."""
    made = EmailMessage()
    made["From"], made["To"] = sender, ", ".join(to)
    made["Subject"] = " ".join(message.title.split())
    made["Date"] = format_datetime(message.at)
    made["Message-ID"] = f"<{message.message_id}@tracewhy>"
    made["Auto-Submitted"] = "auto-generated"
    links = "\n".join(f"{name}: {address}" for name, address in message.links)
    made.set_content(f"{message.text}\n\n{links}\n")
    return made


def signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 of the body, as `sha256=` and 64 hex digits."""
    return "sha256=" + hmac(secret.encode(), body, sha256).hexdigest()


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _escaped(text: str) -> str:
    return "".join(_ESCAPED.get(character, character) for character in text)
