"""The rules of this pipeline that somebody sets: what it takes for what, how much it keeps, when it is satisfied.

Like the rules of most pipelines they were written down one by one, each for a reason, and nobody has checked all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_ASKS_FOR_NEWS = ("recommended", "latest", "current", "now", "modern", "newest")


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The rules in force.

    Args:
        sure_words: words of a question that settle which source is asked first, with how sure that is, 0 to 1.
        sure_enough: from which chance on the first source is asked alone, 0 to 1.
        without_code: the domains whose evidence is kept without its code, with the reason.
        collected: documents that the first source may bring; the second brings half as many.
        kept: documents that may be kept at most.
        least_relevance, least_composite: scores that evidence needs, 0 to 1.
        passing: the overall score that a report needs, 0 to 3.
        rounds: how often a report may be written.
    """

    sure_words: Mapping[str, tuple[str, float]] = field(
        default_factory=lambda: MappingProxyType(dict.fromkeys(_ASKS_FOR_NEWS, ("version_notes", 0.9)))
    )
    sure_enough: float = 0.88
    without_code: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType(
            {"databases": "statements in examples could be taken for input to run"}
        )
    )
    collected: int = 12
    kept: int = 8
    least_relevance: float = 0.35
    least_composite: float = 0.45
    passing: float = 2.0
    rounds: int = 2


POLICY = Policy()
