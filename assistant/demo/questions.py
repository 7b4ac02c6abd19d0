"""Who asks what, and when: drawn from one seed, so that the same seed tells the same history."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from assistant.corpus.chunks import Document

USERS = tuple(f"user-{number:02d}" for number in range(1, 31))

ASKED_OFTEN: tuple[tuple[str, str | None], ...] = (
    ("How do I create a POST endpoint?", "fastapi"),
    ("How do I return a custom status code from a path operation?", "fastapi"),
    ("How can a dependency be shared by several routes?", "fastapi"),
    ("What is the difference between a query parameter and a path parameter?", "fastapi"),
    ("How do I cache the result of an expensive function?", "streamlit"),
    ("Why does my app rerun when I click a button?", "streamlit"),
    ("How do I keep values between reruns?", "streamlit"),
    ("How do I merge two data frames on a column?", "pandas"),
    ("How do I group rows and compute a mean?", "pandas"),
    ("What does pivot_table do with missing values?", "pandas"),
    ("How do I read a CSV file with dates?", "pandas"),
    ("How do I open a session and commit a transaction?", "sqlalchemy"),
    ("What is the difference between lazy and eager loading?", "sqlalchemy"),
    ("How do I write an upsert for PostgreSQL?", "sqlalchemy"),
    ("How do I set the title of an axis?", "plotly"),
    ("How can I share one colour scale between subplots?", "plotly"),
    ("How do I run coroutines at the same time?", "python"),
    ("How do I parse command line arguments?", "python"),
    ("How do I write a file atomically?", "python"),
    ("Which module compares two sequences?", None),
    ("How do I pickle a lambda?", None),
    ("What is the capital of France?", None),
)

_ABOUT = (
    "How do I use {title}?",
    "What does {title} do?",
    "When should I use {title}?",
    "What does {title} return?",
    "Why does {title} fail?",
)
_SHARE_OFTEN = 0.6


_SHARE_OF_COURSE = 0.12


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """Some hours in which many ask about one library."""

    library: str
    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """One question of one user at one moment, as one turn of a session."""

    at: datetime
    user_id: str
    session_id: str
    question: str
    library: str | None


def visits(
    source: random.Random,
    documents: Sequence[Document],
    *,
    count: int,
    days: float,
    until: datetime,
    course: Course | None = None,
) -> list[Visit]:
    """`count` questions over `days` days until `until`, in the order of time: more by day than by night.

    Args:
        course: whose questions are among them, an eighth of those of a common day.
    """
    drawn: list[Visit] = []
    if course is not None:
        asked = [_in_course(source, course) for _ in range(round(_SHARE_OF_COURSE * count / days))]
        drawn = [visit for visit in asked if until - timedelta(days=days) <= visit.at < until]
    while len(drawn) < count:
        start = until - timedelta(days=days * source.random())
        if source.random() < _busyness(start):
            drawn.extend(_session(source, documents, start, until))
    return sorted(drawn[:count], key=lambda visit: visit.at)


def _in_course(source: random.Random, course: Course) -> Visit:
    question, library = source.choice([asked for asked in ASKED_OFTEN if asked[1] == course.library])
    session = f"demo-{source.getrandbits(40):010x}"
    at = course.start + (course.end - course.start) * source.random()
    return Visit(at=at, user_id=source.choice(USERS), session_id=session, question=question, library=library)


def _busyness(moment: datetime) -> float:
    """0 to 1: how likely somebody asks at this time of the day and week."""
    daily = 0.55 - 0.45 * math.cos(2 * math.pi * (moment.hour - 3) / 24)
    return daily * (0.35 if moment.weekday() >= 5 else 1.0)


def _session(source: random.Random, documents: Sequence[Document], start: datetime, until: datetime) -> Iterator[Visit]:
    user = USERS[min(int(source.paretovariate(0.9)) - 1, len(USERS) - 1)]
    session = f"demo-{source.getrandbits(40):010x}"
    at = start
    for _ in range(source.choice((1, 1, 1, 2, 2, 3, 4))):
        question, library = _question(source, documents)
        if at < until:
            yield Visit(at=at, user_id=user, session_id=session, question=question, library=library)
        at += timedelta(seconds=source.uniform(20, 240))


def _question(source: random.Random, documents: Sequence[Document]) -> tuple[str, str | None]:
    if source.random() < _SHARE_OFTEN:
        return source.choice(ASKED_OFTEN)
    document = source.choice(documents)
    library = document.library if source.random() < 0.8 else None
    return source.choice(_ABOUT).format(title=document.title), library
