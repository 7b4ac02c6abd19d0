"""Which of the facts that set the cohort apart stand on their own, and which follow from another. Pure.

Facts are taken in the order in which they become known, and those of one moment by their effect: a setting before the time
that a stage took with it, an error before what was not done for it. Each is asked what is left of its effect when the causes found so far are held fixed. Where that
is chance, or little of what it was, it follows. The time of a stage of slow traces is asked of those alone that have none
of what says why: where a cause is present, how long it took is what makes them slow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tracing_core.explain.facts import ABSENT, Candidate, Numbers
from tracing_core.explain.ranks import Difference, Groups, Strata, held_fixed, rank_correlation

LITTLE = 0.4
"""Of the effect; where no more is left, the rest is that of the cause."""
MOST_CAUSES = 12
_HELD = 5
_ALIKE = 0.9
_FIFTHS = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Standing:
    """A fact that stands out, and its corrected p value.

    Args:
        where: it is a part of what the cohort is picked by, such as the time of one stage of slow traces: it says where,
            not why.
        defined: it can only follow from what the cohort is picked by.
    """

    candidate: Candidate
    difference: Difference
    p: float
    where: bool = False
    defined: bool = False


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Placed:
    """A fact in its place: a cause (`of` and `left` are None for the first), or what follows `of`, None for the definition."""

    standing: Standing
    cause: bool
    of: Standing | None
    left: float | None


def placed(found: Sequence[Standing], groups: Groups, alpha: float) -> list[Placed]:
    """Causes in the order of their rank, each followed by what follows from it; what the definition brings comes last.

    Args:
        found: what stands out.
        groups: which traces are of the cohort.
        alpha: what is left counts as chance unless its p value, corrected for how many are asked, is below.
    """
    causes: list[Placed] = []
    followers: list[Placed] = []
    for standing in sorted(found, key=_first_known):
        if standing.defined:
            followers.append(Placed(standing=standing, cause=False, of=None, left=None))
            continue
        place = _place(standing, [each.standing for each in causes], groups, alpha / max(len(found), 1))
        (causes if place.cause and len(causes) < MOST_CAUSES else followers).append(place)
    causes.sort(key=lambda each: (each.standing.where, -abs(each.standing.difference.effect)))
    followers.sort(key=lambda each: -abs(each.standing.difference.effect))
    chains = [[cause, *(each for each in followers if each.of is cause.standing)] for cause in causes]
    rest = [each for each in followers if each.of is None and not each.cause]
    return [place for chain in chains for place in chain] + rest


def _first_known(standing: Standing) -> tuple[int, float, int]:
    moments = {"setting": 0, "choice": 0, "course": 2, "outcome": 3}
    effect, candidate = standing.difference.effect, standing.candidate
    moment = moments[candidate.tier]
    if any(part.kind == "error" for part in candidate.parts):
        moment = 1  # what was not done for it comes after
    elif candidate.tier == "choice" and candidate.flag and (effect < 0 or candidate.parts[0].value == ABSENT):
        moment = 2  # that something was never chosen is known when the run is over
    elif candidate.parts[0].kind == "time":
        moment += 1  # what a stage has, measured once more
    return moment, -round(abs(effect), 6), 0 if effect > 0 else 1


def _place(standing: Standing, causes: Sequence[Standing], groups: Groups, alpha: float) -> Placed:
    if not causes:
        return Placed(standing=standing, cause=True, of=None, left=None)
    values, effect = standing.candidate.values, standing.difference.effect
    left = _left(standing, causes, groups)
    if (same := next((each for each in causes if alike(each.candidate, standing.candidate)), None)) is not None:
        return Placed(standing=standing, cause=False, of=same, left=left.effect)
    if left.p <= alpha and left.effect * np.sign(effect) > LITTLE * abs(effect):
        return Placed(standing=standing, cause=True, of=None, left=left.effect)
    alone = [abs(held_fixed(values, groups, strata([each.candidate])).effect) for each in causes]
    return Placed(standing=standing, cause=False, of=causes[int(np.argmin(alone))], left=left.effect)


def _left(standing: Standing, causes: Sequence[Standing], groups: Groups) -> Difference:
    """What is left of a difference with these causes held fixed."""
    why = [each for each in causes if each.candidate.flag and not each.where and each.difference.effect > 0]
    if not standing.where or not why:
        return held_fixed(standing.candidate.values, groups, strata([each.candidate for each in causes[:_HELD]]))
    unexplained = ~np.any([each.candidate.values == 1 for each in why], axis=0)
    held = [each.candidate for each in causes if each not in why][:_HELD]
    codes = strata(held) if held else np.zeros(len(unexplained), dtype=np.intp)
    return held_fixed(standing.candidate.values, groups, np.where(unexplained, codes, -1))


def alike(one: Candidate, other: Candidate) -> bool:
    """Whether two numbers are the same thing measured twice: the one hardly ever grows but with the other."""
    if one.flag or other.flag:
        return False
    return rank_correlation(one.values, other.values) > _ALIKE


def strata(held: Sequence[Candidate]) -> Strata:
    """The number of the stratum of each trace, so that these facts are alike within one."""
    codes = np.zeros(len(held[0].values), dtype=np.intp)
    for each in held:
        codes = codes * (len(_FIFTHS) + 2) + _levels(each)
    return np.unique(codes, return_inverse=True)[1].astype(np.intp)


def _levels(of: Candidate) -> Strata:
    known = ~np.isnan(of.values)
    levels = np.zeros(len(of.values), dtype=np.intp)
    edges: Numbers = np.array([0.5]) if of.flag else np.quantile(of.values[known], _FIFTHS)
    levels[known] = 1 + np.searchsorted(edges, of.values[known], side="right")
    return levels
