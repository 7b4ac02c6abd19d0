"""The search through all facts: what stands out, corrected for how many were looked at, and what follows from what. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tracing_core.differences import corrected
from tracing_core.explain.causes import Placed, Standing, placed
from tracing_core.explain.definition import DURATION, Definition
from tracing_core.explain.facts import Candidate, Key, without_doubles
from tracing_core.explain.pairs import pairs
from tracing_core.explain.ranks import Difference, Groups, flag_differences, number_difference

ALPHA = 0.05
"""How likely there is any finding where there is nothing to be found."""
LEAST_EFFECT = 0.03
FEW = 5
"""A cohort of fewer traces cannot prove anything: there are hints alone."""
LEAST_TIME = 0.01
"""Of the mean duration; a stage whose time differs by less is nobody's concern, however surely it does."""
MOST_PLACED, MOST_FOLLOWERS, MOST_HINTS = 80, 6, 8
_RARE = 0.05


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Found:
    """What the search came to.

    Args:
        looked_at: facts and pairs of facts.
        places: causes, and what follows from each behind it.
        hints: of a cohort of few traces, what is rare among the others; the rarest first.
    """

    looked_at: int
    places: tuple[Placed, ...]
    hints: tuple[Standing, ...] = ()


def search(candidates: Sequence[Candidate], groups: Groups, definition: Definition) -> Found:
    """What sets these apart from the others.

    Args:
        candidates: all that may; those that the cohort is picked by are left aside.
        groups: which traces are of the cohort.
        definition: what it is picked by.
    """
    asked = without_doubles(definition.leaves(candidates, groups))
    least_ms = _least_ms(candidates)
    if not asked or groups.these.all() or not groups.these.any():
        return Found(looked_at=0, places=())
    flags, numbers = [each for each in asked if each.flag], [each for each in asked if not each.flag]
    tested = [*flag_differences(flags, groups), *(number_difference(each.values, groups) for each in numbers)]
    few = int(groups.these.sum()) < FEW
    if few:
        felt = [_is_felt(each, groups, least_ms) for each in [*flags, *numbers]]
        hints = _hints([*flags, *numbers], tested, felt)
        return Found(looked_at=len(asked), places=(), hints=tuple(hints))
    couples = pairs(flags, groups, ALPHA / 2)
    share = 2 if couples.looked_at else 1  # one half of the error is for facts, one for pairs of them
    ps = np.minimum(corrected([each.p for each in tested]) * share, 1.0)
    standing = [
        Standing(
            candidate=each,
            difference=found,
            p=float(p),
            where=definition.says_where(each),
            defined=definition.brings(each, found),
        )
        for each, found, p in zip([*flags, *numbers], tested, ps, strict=True)
        if p <= ALPHA and abs(found.effect) >= LEAST_EFFECT and _is_felt(each, groups, least_ms)
    ]
    for pair, p in couples.found:
        (found,) = flag_differences([pair], groups)
        standing.append(Standing(candidate=pair, difference=found, p=min(p * couples.looked_at * share, 1.0)))
    standing.sort(key=lambda each: -abs(each.difference.effect))
    places = placed(standing[:MOST_PLACED], groups, ALPHA)
    return Found(looked_at=len(asked) + couples.looked_at, places=tuple(_worth_telling(places)))


def _least_ms(candidates: Sequence[Candidate]) -> float:
    """The least difference of a time that is worth telling, in milliseconds; 0 where nothing was timed."""
    durations = [each.values for each in candidates if not each.flag and _key(each) == DURATION]
    return LEAST_TIME * float(np.nanmean(durations[0])) if durations else 0.0


def _is_felt(candidate: Candidate, groups: Groups, least_ms: float) -> bool:
    if candidate.flag or candidate.unit != "ms":
        return True
    known = ~np.isnan(candidate.values)
    sides = known & groups.these, known & ~groups.these
    if not all(side.any() for side in sides):
        return False
    ours, theirs = (np.average(candidate.values[side], weights=groups.weights[side]) for side in sides)
    return bool(abs(ours - theirs) >= least_ms)


def _key(candidate: Candidate) -> Key:
    return candidate.parts[0].kind, candidate.parts[0].subject


def _worth_telling(places: Sequence[Placed]) -> Iterator[Placed]:
    """Without followers that say the same over again: pairs, other values of a cause's subject, and the twentieth."""
    subjects: set[tuple[str, str]] = set()
    told = 0
    for place in places:
        parts = place.standing.candidate.parts
        keys = {(part.kind, part.subject) for part in parts}
        if place.cause:
            subjects, told = set(), 0
            if place.standing.difference.effect < 0 or len(parts) == 1:
                subjects = keys
        elif len(parts) > 1 or keys & subjects or told >= MOST_FOLLOWERS:
            continue
        else:
            subjects, told = subjects | keys, told + 1
        yield place


def _hints(candidates: Sequence[Candidate], tested: Sequence[Difference], felt: Sequence[bool]) -> list[Standing]:
    """What few of the others have, by how unusual it is."""
    rare = [
        Standing(candidate=candidate, difference=found, p=min(found.p * len(tested), 1.0))
        for candidate, found, is_felt in zip(candidates, tested, felt, strict=True)
        if is_felt and (found.effect >= 1 - _RARE if candidate.flag else abs(found.effect) >= 1 - _RARE)
    ]
    return sorted(rare, key=lambda each: -abs(each.difference.effect))[:MOST_HINTS]
