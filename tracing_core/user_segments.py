"""Users put together by how much they ask, how content they are, and what they ask about. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from tracing_core.confidence import wilson

HEAVY_SHARE = 0.5
"""The heaviest users who ask this share of all questions together are heavy."""
_REGULAR = 3
"""Questions from which on somebody is no longer occasional."""
_CONTENT, _UNHAPPY = 3.5, 2.5
_FOCUSED = 0.8


class Volume(StrEnum):
    """How much somebody asks."""

    HEAVY = "heavy"
    REGULAR = "regular"
    OCCASIONAL = "occasional"


class Mood(StrEnum):
    """What somebody thinks of the answers."""

    CONTENT = "content"
    MIXED = "mixed"
    UNHAPPY = "unhappy"
    SILENT = "no rating"


class Focus(StrEnum):
    """What somebody asks about."""

    ONE = "one library"
    SEVERAL = "several libraries"
    UNKNOWN = "no library"


@dataclass(frozen=True, kw_only=True, slots=True)
class UserFacts:
    """What is known of a user over a period.

    Args:
        questions: how many were asked, those included that sampling left out; `seen` is how many are stored.
        rating: the mean of `rated` ratings; None without any.
        flagged: how many of the questions have a flag.
        libraries: how many questions there are of each; those without one are left out.
        cost_usd: of those whose cost is known; None where of none.
    """

    user_id: str
    questions: float
    seen: int
    rated: int
    rating: float | None
    flagged: float
    cost_usd: Decimal | None
    libraries: Mapping[str, float]
    last_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """A user with the segment that he or she is in."""

    facts: UserFacts
    volume: Volume
    mood: Mood
    focus: Focus

    @property
    def favourite(self) -> str | None:
        """The library of most questions."""
        return max(self.facts.libraries, key=lambda name: (self.facts.libraries[name], name), default=None)

    @property
    def flagged_share(self) -> float:
        """Of the questions, 0 to 1."""
        return min(self.facts.flagged / self.facts.questions, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """Users of one volume and mood.

    Args:
        share_of_questions: of all questions, 0 to 1.
        flagged: the share of their questions with a flag, and its interval of 95 %.
        cost_usd: of those whose cost is known.
    """

    volume: Volume
    mood: Mood
    users: tuple[User, ...]
    questions: float
    share_of_questions: float
    flagged: float
    flagged_between: tuple[float, float]
    cost_usd: Decimal | None


def users_of(facts: Sequence[UserFacts]) -> tuple[User, ...]:
    """The users, those who ask most first, each with volume, mood and focus."""
    ordered = sorted(facts, key=lambda each: (-each.questions, each.user_id))
    whole, before, found = sum(each.questions for each in ordered), 0.0, []
    for each in ordered:
        heavy = each.questions >= _REGULAR and before < HEAVY_SHARE * whole and len(ordered) > 1
        volume = Volume.HEAVY if heavy else Volume.REGULAR if each.questions >= _REGULAR else Volume.OCCASIONAL
        found.append(User(facts=each, volume=volume, mood=_mood(each), focus=_focus(each)))
        before += each.questions
    return tuple(found)


def segments(users: Sequence[User]) -> tuple[Segment, ...]:
    """Users by volume and mood, those segments first that ask most."""
    cells: dict[tuple[Volume, Mood], list[User]] = defaultdict(list)
    for user in users:
        cells[user.volume, user.mood].append(user)
    whole = sum(user.facts.questions for user in users)
    found = [_segment(volume, mood, some, whole) for (volume, mood), some in cells.items()]
    return tuple(sorted(found, key=lambda each: (-each.questions, each.volume, each.mood)))


def _segment(volume: Volume, mood: Mood, some: Sequence[User], whole: float) -> Segment:
    questions = sum(user.facts.questions for user in some)
    flagged = min(sum(user.facts.flagged for user in some) / questions, 1.0)
    between = wilson(flagged, sum(user.facts.seen for user in some))
    costs = [user.facts.cost_usd for user in some if user.facts.cost_usd is not None]
    return Segment(
        volume=volume,
        mood=mood,
        users=tuple(some),
        questions=questions,
        share_of_questions=questions / whole,
        flagged=flagged,
        flagged_between=(between.low, between.high),
        cost_usd=sum(costs, Decimal(0)) if costs else None,
    )


def _mood(facts: UserFacts) -> Mood:
    if facts.rating is None:
        return Mood.SILENT
    if facts.rating <= _UNHAPPY:
        return Mood.UNHAPPY
    return Mood.CONTENT if facts.rating >= _CONTENT else Mood.MIXED


def _focus(facts: UserFacts) -> Focus:
    known = sum(facts.libraries.values())
    if not known:
        return Focus.UNKNOWN
    return Focus.ONE if max(facts.libraries.values()) >= _FOCUSED * known else Focus.SEVERAL
