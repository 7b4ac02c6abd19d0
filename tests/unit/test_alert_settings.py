"""Where alerts may be sent: what the settings take, and what they never show."""

from __future__ import annotations

from typing import Any

import pytest

from tracing_core.errors import SettingsError
from tracing_core.settings import read_settings

SECRET = "https://hooks.example.com/services/T0/B0/secret-part"


def test_destinations_are_read_by_name_and_shown_without_secrets() -> None:
    """A URL shows its host, an address its domain."""
    read = read_settings(
        TRACEWHY_ALERT_DESTINATIONS={
            "slack": {"kind": "slack", "url": SECRET},
            "mail": {"kind": "email", "to": ["lead@example.com", "ops@example.org"]},
            "log": {"kind": "log"},
        }
    )
    shown = {name: each.shown for name, each in read.alert_destinations.items()}
    assert shown == {
        "slack": "https://hooks.example.com/…", "mail": "…@example.com, …@example.org", "log": "the log of the service",
    }  # fmt: skip


@pytest.mark.parametrize(
    "destination",
    [
        {"kind": "pigeon", "url": SECRET},
        {"kind": "webhook"},
        {"kind": "webhook", "url": "ftp://secret-part.example.com"},
        {"kind": "webhook", "url": "https://user:secret-part@example.com"},
        {"kind": "webhook", "url": "https://example.com/secret-part with space"},
        {"kind": "webhook", "url": SECRET, "headers": {"bad name": "x"}},
        {"kind": "webhook", "url": SECRET, "headers": {"x": "secret-part\r\ny: z"}},
        {"kind": "webhook", "url": SECRET, "secret": "short"},
        {"kind": "webhook", "url": SECRET, "colour": "red"},
        {"kind": "log", "url": SECRET},
        {"kind": "log", "secret": "secret-part"},
        {"kind": "email"},
        {"kind": "email", "to": ["no address"]},
        {"kind": "email", "to": ["a@b.example, secret-part@c.example"]},
        {"kind": "email", "to": ["lead@example.com"], "url": SECRET},
    ],
)
def test_a_destination_that_cannot_work_is_refused_without_its_secret(destination: dict[str, Any]) -> None:
    """The error names the setting and the destination, and repeats no value."""
    with pytest.raises(SettingsError, match=r"TRACEWHY_ALERT_DESTINATIONS\.ops") as refused:
        read_settings(TRACEWHY_ALERT_DESTINATIONS={"ops": destination})
    assert "secret-part" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example.com",
        "smtp://",
        "smtp://host:port",
        "smtp://user:secret-part@mail.example.com",
        "smtp://h/x",
    ],
)
def test_mail_never_leaves_with_a_password_that_all_can_read(url: str) -> None:
    """A server that cannot be, or would be told the password in the open, is refused; the password is not repeated."""
    with pytest.raises(SettingsError, match="TRACEWHY_SMTP_URL") as refused:
        read_settings(TRACEWHY_SMTP_URL=url)
    assert "secret-part" not in str(refused.value)
