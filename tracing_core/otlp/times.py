"""OpenTelemetry's times, nanoseconds since 1970, as ours, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
EARLIEST_NS = 31_536_000_000_000_000
"""The start of 1971. What is before it is no time but a mistake: seconds or milliseconds sent as nanoseconds."""
LATEST_NS = (datetime(2262, 1, 1, tzinfo=UTC) - EPOCH) // _MICROSECOND * 1000 - 1
"""The end of 2261, the last year that fits into signed nanoseconds."""


def moment(nanoseconds: int) -> datetime:
    """The microsecond that `nanoseconds` since 1970 fall into, in UTC."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return EPOCH + timedelta(0, seconds, rest // 1000)  # twice as quick as one large number of microseconds


def clamped(nanoseconds: int) -> int:
    """The nearest time between 1971 and 2261."""
    return min(max(nanoseconds, EARLIEST_NS), LATEST_NS)


def event_moment(given: int, started_at: datetime) -> datetime:
    """When an event happened; one without a time, or with an impossible one, happened when its span started."""
    return moment(given) if EARLIEST_NS <= given <= LATEST_NS else started_at


def nanoseconds(moment: datetime) -> int:
    """Nanoseconds since 1970."""
    return (moment - EPOCH) // _MICROSECOND * 1000
