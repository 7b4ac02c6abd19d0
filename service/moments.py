"""Times as people write them in a request."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from tracing_core.clock import require_utc
from tracing_core.errors import InvalidInput


def moment(field: str, said: str | None, *, end_of_day: bool = False) -> datetime | None:
    """A day, from its first moment (in UTC) or up to its last, or a moment with a zone; None when nothing is said.

    Raises:
        InvalidInput: it is neither.
    """
    if not said:
        return None
    try:
        if len(said) == len("2026-11-21"):
            day = datetime.combine(date.fromisoformat(said), time(), UTC)
            return day + timedelta(days=1) if end_of_day else day
        return require_utc(
            field, datetime.fromisoformat(said.replace(" ", "+"))
        )  # an address without %2B has a space there
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            field, "is no time; give a day such as 2026-11-21 or a moment such as 2026-11-21T12:00Z"
        ) from error
