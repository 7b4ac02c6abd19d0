"""What a single trace can be explained by: what sets traces like it apart, as far as it has that, too. Pure.

One trace proves nothing. But where it was slow, failed or was rated badly, others were as well, and what these have and
the rest have not is what to look for in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tracing_core.explain import definition as defined
from tracing_core.explain.causes import Placed
from tracing_core.explain.facts import Facts, Key, Mask, Numbers
from tracing_core.explain.ranks import Groups
from tracing_core.explain.result import CohortKind

FEWEST = 10
"""Traces like it."""
_SLOW, _AS_SLOW = 0.90, 0.95
_LOW = 2


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Likes:
    """Traces like one.

    Args:
        kind: of the cohort that they are.
        groups: which of those looked at they are; the one is among them.
    """

    kind: CohortKind
    groups: Groups


def likes(facts: Facts, groups: Groups, numbers: dict[Key, Numbers]) -> Likes | None:
    """Those like the one trace of the cohort; None where it is as most are, or too few are like it."""
    one = int(np.flatnonzero(groups.these)[0])
    failed = facts.values(defined.STATUS).get("failed", [])
    ratings, durations = numbers.get(defined.RATING), numbers.get(defined.DURATION)
    found: tuple[CohortKind, Mask] | None = None
    if one in failed:
        rows = np.zeros(facts.count, dtype=bool)
        rows[failed] = True
        found = "failed", rows
    elif ratings is not None and ratings[one] <= _LOW:
        found = "low_rated", ratings <= _LOW
    elif durations is not None and not np.isnan(durations[one]):
        usual, slow = np.nanquantile(durations[~groups.these], (_SLOW, _AS_SLOW))
        if durations[one] >= usual:
            found = "slow", durations >= min(slow, durations[one])
    if found is None or np.count_nonzero(found[1]) < FEWEST:
        return None
    return Likes(kind=found[0], groups=Groups(these=found[1], weights=groups.weights))


def had(places: Iterable[Placed], one: int) -> list[Placed]:
    """What the trace of this row has, too; what follows from a cause that it has not goes with it."""
    kept: list[Placed] = []
    causes = set()
    for place in places:
        if place.cause and _has(place, one):
            causes.add(id(place.standing))
        if _has(place, one) and (place.cause or id(place.of) in causes):
            kept.append(place)
    return kept


def _has(place: Placed, one: int) -> bool:
    candidate, difference = place.standing.candidate, place.standing.difference
    value = candidate.values[one]
    if np.isnan(value):
        return False
    if candidate.flag:
        return bool(value == (1 if difference.effect > 0 else 0))
    middle = np.nanmedian(candidate.values)
    return bool(value > middle if difference.effect > 0 else value < middle)
