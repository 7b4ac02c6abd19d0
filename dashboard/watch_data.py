"""What the last part of the system page reads: growth, whether keeping watch works, how long questions take."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from dashboard import data
from tracing_core.clock import SystemClock
from tracing_core.forecast import DaysLeft, Forecast, days_left, forecast
from tracing_core.query import growth as growth_query
from tracing_core.query import watching as watching_query
from tracing_core.query.growth import DATABASE, FILES, DaySize
from tracing_core.query.watching import Watching
from tracing_core.question_times import QuestionTime
from tracing_core.settings import settings

AHEAD = (7, 30, 90)
"""Days, of which the sizes to come are told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """How one thing grows.

    Args:
        what: DATABASE or FILES.
        now: bytes at present.
        days: sizes of the days there are, the oldest first.
        ahead: what comes on top of `now` after so many days, in bytes; empty when there are too few days to tell.
    """

    what: str
    now: int
    days: tuple[DaySize, ...]
    ahead: dict[int, Forecast]


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """The disk of the data directory: free bytes, what of the things that grow is on it, and when it is full."""

    free: int
    of: tuple[str, ...]
    left: DaysLeft | None


@st.cache_data(ttl=60, show_spinner=False)
def growth() -> tuple[Growth, ...]:
    """How the database and the files grow."""
    return tuple(_growth(what, days) for what, days in _sizes().items())


@st.cache_data(ttl=60, show_spinner=False)
def room() -> Room | None:
    """How much is left of the disk; None where nothing of what grows is on it."""
    chosen = settings()
    here = [DATABASE] if chosen.database_url is None else []
    if chosen.files and chosen.files_url is None:
        here.append(FILES)
    if not here:
        return None
    free = shutil.disk_usage(chosen.data_dir).free
    added = [growth_query.daily_growth(days) for what, days in _sizes().items() if what in here]
    together = [sum(day) for day in zip(*(each[-min(map(len, added)) :] for each in added), strict=True)]
    return Room(free=free, of=tuple(here), left=days_left(together, free))


@st.cache_data(ttl=10, max_entries=10, show_spinner=False)
def watching(since: datetime) -> Watching:
    """Whether what keeps watch works."""
    return watching_query.watching(data.store().database, since)


def own_questions() -> tuple[QuestionTime, ...]:
    """What the questions of this dashboard took, of all that look at it together."""
    return data.store().database.times.report()


def _sizes() -> dict[str, tuple[DaySize, ...]]:
    files = data.trace_files()
    now = {DATABASE: data.storage().bytes} | ({} if files.problem else {FILES: files.bytes})
    return growth_query.sizes_by_day(data.store().database, now, SystemClock().now())


def _growth(what: str, days: tuple[DaySize, ...]) -> Growth:
    daily = growth_query.daily_growth(days)
    ahead = {number: found for number in AHEAD if (found := forecast(daily, number)) is not None}
    return Growth(what=what, now=days[-1].bytes, days=days, ahead=ahead)
