"""The settings of alerts: where they may be sent, and how mail leaves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import BaseSettings

_PRINTABLE = re.compile(r"[!-~]+")
_ADDRESS = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+$"
_LOCAL = ("localhost", "127.0.0.1", "::1")
_MAIL_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class Destination(BaseModel):
    """Where alerts may be sent: a webhook, Slack or what speaks its JSON, people by mail, or the log of the service.

    `idempotent` says that the receiver takes an event id (`Idempotency-Key`) once, however often it comes: only then is sent
    again what may have arrived. `secret` signs the body of a webhook.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["webhook", "slack", "email", "log"]
    url: str | None = None
    to: tuple[Annotated[str, Field(pattern=_ADDRESS, max_length=254)], ...] = ()
    headers: Mapping[
        Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")], Annotated[str, Field(pattern=r"^[ -~]*$")]
    ] = {}
    secret: str | None = Field(None, min_length=8)
    idempotent: bool = False

    @field_validator("url")
    @classmethod
    def _of_http(cls, value: str | None) -> str | None:
        if value is not None and not _is_web(value):
            raise ValueError(
                "must be an http or https URL, such as https://example.com/hook, in ASCII; a password goes into headers"
            )
        return value

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Destination:
        by_web = self.kind in ("webhook", "slack")
        if by_web != (self.url is not None):
            raise ValueError(f"kind {self.kind} {'needs a url' if by_web else 'takes no url; leave it out'}")
        if (self.kind == "email") != bool(self.to):
            raise ValueError(f"kind {self.kind} {'needs addresses in to' if self.kind == 'email' else 'takes no to'}")
        if (self.headers or self.secret) and not by_web:
            raise ValueError(f"kind {self.kind} takes neither headers nor secret; leave them out")
        return self

    @property
    def shown(self) -> str:
        """Where it leads, without what may be a secret: of a URL the host, of an address the domain."""
        if self.url is not None:
            parts = urlsplit(self.url)
            return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}/…"
        return ", ".join(f"…@{each.partition('@')[2]}" for each in self.to) or "the log of the service"


class AlertSettings(BaseSettings):
    """A part of `Settings`."""

    alerts: bool = Field(
        True, alias="TRACEWHY_ALERTS", description="Whether the service evaluates alert rules and sends"
    )
    alert_destinations: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]{0,99}$")], Destination] = Field(
        {},
        alias="TRACEWHY_ALERT_DESTINATIONS",
        description='Where alerts may be sent, by name, as JSON: {"ops": {"kind": "slack", "url": "https://…"}}; '
        "kinds are webhook, slack, email (with to) and log; nothing else is ever contacted",
    )
    alert_delay_seconds: int = Field(
        60,
        ge=0,
        le=3600,
        alias="TRACEWHY_ALERT_DELAY_SECONDS",
        description="How long before now the windows of alert rules end, in seconds, so that late traces are in them",
    )
    smtp_url: str | None = Field(
        None,
        alias="TRACEWHY_SMTP_URL",
        description="Server that mail leaves by: smtps://user:password@host, smtp+starttls://… or smtp://… without password",
    )
    smtp_from: str = Field(
        "tracewhy@localhost",
        pattern=_ADDRESS,
        alias="TRACEWHY_SMTP_FROM",
        description="Address that mail about alerts comes from",
    )

    @field_validator("smtp_url")
    @classmethod
    def _of_mail(cls, value: str | None) -> str | None:
        if value is not None:
            mail_server(value)
        return value


class MailServer(BaseModel):
    """Where mail leaves: `scheme` is smtp, smtp+starttls or smtps."""

    model_config = ConfigDict(frozen=True)

    scheme: str
    host: str
    port: int
    user: str | None
    password: str | None


def mail_server(url: str) -> MailServer:
    """What TRACEWHY_SMTP_URL says.

    Raises:
        ValueError: it is no such URL; the message does not repeat it, as it may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _MAIL_PORTS.get(parts.scheme, 0)
    except ValueError:
        raise ValueError("is no URL; give one such as smtps://user:password@mail.example.com") from None
    if parts.scheme not in _MAIL_PORTS or not parts.hostname or parts.path.strip("/"):
        raise ValueError("must be smtp://host, smtp+starttls://host or smtps://host, with user:password@ and :port")
    if parts.password and parts.scheme == "smtp" and parts.hostname not in _LOCAL:
        raise ValueError("would send the password readable for everybody; use smtps:// or smtp+starttls://")
    named = [None if each is None else unquote(each) for each in (parts.username, parts.password)]
    return MailServer(scheme=parts.scheme, host=parts.hostname, port=port, user=named[0], password=named[1])


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        return whole and "@" not in parts.netloc and _PRINTABLE.fullmatch(url) is not None
    except ValueError:
        return False
