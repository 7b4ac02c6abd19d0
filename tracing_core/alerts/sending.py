"""Takes one message to one destination, and says for sure whether it arrived, or that nobody knows."""

from __future__ import annotations

import logging
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit, urlunsplit

from tracing_core.alert_settings import Destination, MailServer, mail_server
from tracing_core.alerts.message import (
    IDEMPOTENCY,
    SIGNATURE,
    Message,
    mail,
    signature,
    slack_body,
    webhook_body,
)
from tracing_core.settings import Settings

logger = logging.getLogger(__name__)

SECONDS = 10.0
"""That a connection may take, and the other side may say nothing."""
LONGEST_SECONDS = 30.0
"""That all of it may take once connected."""
_NOT_TAKEN = frozenset({408, 425, 429, 503})
"""Answers that say that the request was not processed and may come again."""


class Fate(StrEnum):
    """What became of an attempt. Later: it did not arrive, and may when it is tried again. Unknown: it may have arrived."""

    DELIVERED = "delivered"
    LATER = "later"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """How an attempt went; `said` is why not, without addresses or secrets."""

    fate: Fate
    said: str | None = None


_ARRIVED = Attempt(fate=Fate.DELIVERED)


def send(message: Message, name: str, destination: Destination, settings: Settings) -> Attempt:
    """Send a message, once.

    Args:
        message: what is told.
        name: of the destination, for the log.
        destination: where to.
        settings: by which server mail leaves.
    """
    if destination.kind == "log":
        logger.warning("alert to %s: %s: %s [%s]", name, message.title, message.text, message.message_id)
        return _ARRIVED
    if destination.kind == "email":
        return _mail(message, destination, settings)
    return _post(message, destination)


def _post(message: Message, destination: Destination) -> Attempt:
    """Connected first and then sent, so that it is known on which side of that line something went wrong."""
    body = slack_body(message) if destination.kind == "slack" else webhook_body(message)
    headers = {
        "user-agent": "tracewhy", **destination.headers, "content-type": "application/json",
        IDEMPOTENCY: message.message_id,
    }  # fmt: skip
    if destination.secret is not None:
        headers[SIGNATURE] = signature(destination.secret, body)
    parts = urlsplit(destination.url or "")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
    try:
        connection.connect()
    except OSError as error:
        return Attempt(fate=Fate.LATER, said=f"not reached: {_why(error)}")
    try:
        with _cut_off(connection.sock):
            # The status is all that counts, and where a redirect leads nobody allowed.
            connection.request("POST", urlunsplit(("", "", parts.path or "/", parts.query, "")), body, headers)
            return _fate_of(connection.getresponse().status)
    except (OSError, HTTPException) as error:
        return Attempt(fate=Fate.UNKNOWN, said=f"no answer: {_why(error)}")
    finally:
        connection.close()


def _why(error: Exception) -> str:
    """What went wrong, in words that name nothing of the address."""
    return next((said for kind, said in _WHY if isinstance(error, kind)), type(error).__name__)


_WHY: tuple[tuple[type[Exception], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (socket.gaierror, "the name is not known"),
    (TimeoutError, "too slow"),
    (ssl.SSLCertVerificationError, "the certificate is not trusted"),
    (ssl.SSLError, "no TLS connection came about"),
    (ConnectionError, "the connection was cut"),
)
"""The special before the general."""


@contextmanager
def _cut_off(connected: socket.socket | None) -> Iterator[None]:
    """End the connection when it is still there after `LONGEST_SECONDS`, however slowly the other side goes on talking."""

    def cut() -> None:
        with suppress(OSError):
            if connected is not None:
                connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(LONGEST_SECONDS, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _fate_of(status: int) -> Attempt:
    if 200 <= status < 300:
        return _ARRIVED
    said = f"answered HTTP {status}"
    if status in _NOT_TAKEN:
        return Attempt(fate=Fate.LATER, said=said)
    if 300 <= status < 400:
        return Attempt(fate=Fate.FAILED, said=f"{said}, which leads elsewhere; set that address")
    return Attempt(fate=Fate.UNKNOWN if status >= 500 else Fate.FAILED, said=said)


def _mail(message: Message, destination: Destination, settings: Settings) -> Attempt:
    if settings.smtp_url is None:
        return Attempt(fate=Fate.FAILED, said="no mail server is set; set TRACEWHY_SMTP_URL, then send it again")
    letter = mail(message, settings.smtp_from, destination.to).as_bytes()
    fate = Fate.LATER
    try:
        session = _connected(mail_server(settings.smtp_url))
        try:
            with _cut_off(session.sock):
                refused = _addressed(session, settings.smtp_from, destination.to)
                if len(refused) == len(destination.to):
                    return Attempt(fate=Fate.FAILED, said="the mail server takes none of the addresses")
                fate = Fate.UNKNOWN
                code, _ = session.data(letter)
        finally:
            session.close()  # without a farewell, whose answer would say nothing of the mail
    except smtplib.SMTPResponseException as error:
        return _mail_refused(error.smtp_code)
    except (OSError, smtplib.SMTPException) as error:
        return Attempt(fate=fate, said=f"the mail server was not reached, or went away: {_why(error)}")
    if code != 250:
        return _mail_refused(code)
    left_out = f"the mail server did not take {len(refused)} of {len(destination.to)} addresses" if refused else None
    return Attempt(fate=Fate.DELIVERED, said=left_out)


def _connected(server: MailServer) -> smtplib.SMTP:
    """A session in which mail may be given."""
    context = ssl.create_default_context()
    if server.scheme == "smtps":
        session: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS, context=context)
    else:
        session = smtplib.SMTP(server.host, server.port, timeout=SECONDS)
    try:
        if server.scheme == "smtp+starttls":
            session.starttls(context=context)
        session.ehlo_or_helo_if_needed()
        if server.user is not None:
            session.login(server.user, server.password or "")
    except BaseException:
        session.close()
        raise
    return session


def _addressed(server: smtplib.SMTP, sender: str, to: tuple[str, ...]) -> list[str]:
    """Say from whom and to whom; the addresses that are refused for good."""
    code, said = server.mail(sender)
    if code != 250:
        raise smtplib.SMTPResponseException(code, said)
    refused = []
    for address in to:
        code, said = server.rcpt(address)
        if code >= 500:
            refused.append(address)
        elif code not in (250, 251):
            raise smtplib.SMTPResponseException(code, said)
    return refused


def _mail_refused(code: int) -> Attempt:
    """Codes from 500 on are for good, those before for now."""
    return Attempt(fate=Fate.FAILED if code >= 500 else Fate.LATER, said=f"the mail server answered {code}")
