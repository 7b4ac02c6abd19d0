"""Times of the week in which nobody is told of alerts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tracing_core.errors import InvalidInput

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


@dataclass(frozen=True, kw_only=True, slots=True)
class QuietTime:
    """A part of each week in which nobody is told.

    Args:
        days: on which it begins, of `DAYS`.
        start, end: "22:00" and such; an end that is not after the start is of the next day.
        zone: of these times, an IANA name such as Europe/Berlin.
    """

    days: tuple[str, ...]
    start: str
    end: str
    zone: str = "UTC"

    def __post_init__(self) -> None:
        object.__setattr__(self, "days", tuple(day for day in DAYS if day in set(texts("quiet_times", self.days))))
        if not self.days:
            raise InvalidInput("quiet_times", f"name no day; give some of {', '.join(DAYS)}")
        for each in (self.start, self.end):
            if not _TIME.fullmatch(str(each)):
                raise InvalidInput("quiet_times", f"{each!r} is no time of day; write it as 22:00")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError, TypeError) as error:
            raise InvalidInput(
                "quiet_times", f"{self.zone!r} is no time zone; name one such as Europe/Berlin"
            ) from error

    def covers(self, moment: datetime) -> bool:
        """Whether `moment` (aware) lies in it."""
        here = moment.astimezone(ZoneInfo(self.zone))
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end)
        today, before = DAYS[here.weekday()] in self.days, DAYS[here.weekday() - 1] in self.days
        if start < end:
            return today and start <= here.time() < end
        return (today and here.time() >= start) or (before and here.time() < end)


def texts(name: str, given: Iterable[object]) -> tuple[str, ...]:
    """What was given for the field `name`, when all of it is texts.

    Raises:
        InvalidInput: it is not.
    """
    for each in given:
        if not isinstance(each, str) or not each:
            raise InvalidInput(name, f"{each!r} is no name; give texts")
    return tuple(map(str, given))
