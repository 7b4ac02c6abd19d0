"""What a single trace can be explained by: what sets traces like it apart, as far as it has that, too. Pure.

One trace proves nothing. But where it was slow, failed or was rated badly, others were as well, and what these have and
the rest have not is what to look for in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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


def likes(facts: Facts, groups: Groups, numbers: Mapping[Key, Numbers]) -> Iterator[Likes]:
    """Those like the one trace of the cohort, in each way in which it is not as most are: it may be slow and rated badly.

    Ways in which too few are like it are left out.
    """
    one = int(np.flatnonzero(groups.these)[0])
    for kind, rows in _ways(facts, groups, numbers, one):
        if rows[one] and np.count_nonzero(rows) >= FEWEST:
            yield Likes(kind=kind, groups=Groups(these=rows, weights=groups.weights))


def _ways(facts: Facts, groups: Groups, numbers: Mapping[Key, Numbers], one: int) -> Iterator[tuple[CohortKind, Mask]]:
    failed = np.zeros(facts.count, dtype=bool)
    failed[list(facts.values(defined.STATUS).get("failed", ()))] = True
    yield "failed", failed
    durations = numbers.get(defined.DURATION)
    if durations is not None and not np.isnan(durations[one]) and not np.isnan(durations[~groups.these]).all():
        usual, slow = np.nanquantile(durations[~groups.these], (_SLOW, _AS_SLOW))
        if durations[one] >= usual:
            yield "slow", durations >= min(slow, durations[one])
    ratings = numbers.get(defined.RATING)
    if ratings is not None:
        yield "low_rated", ratings <= _LOW


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
