"""Two facts that do it together: a slow source in one library, a bad prompt version for one group of users. Pure.

All pairs of facts that are frequent enough are counted at once. A pair is kept where it tells the groups apart clearly
better than either of its parts, where each part matters given the other, and where neither does much without the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracing_core.confidence import effective_count
from tracing_core.explain.facts import ABSENT, CONTENTS, EVERY, Candidate, Mask, Numbers
from tracing_core.explain.ranks import Groups, difference, share_p_values

FEWEST_HITS, FEWEST_SHARE = 5, 0.02
"""Of the cohort have both: at least so many, and at least this share."""
MOST_COLUMNS = 400
_BETTER = 1.1
_LEFT = 0.4
_MATTERS = 1e-3
_MOST_TRIED = 200


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pairs:
    """The pairs that stand out: each with its p value, which is not corrected yet, and how many there were to look at."""

    found: tuple[tuple[Candidate, float], ...]
    looked_at: int


def pairs(flags: Sequence[Candidate], groups: Groups, alpha: float) -> Pairs:
    """The pairs of these facts that matter more than their parts.

    Args:
        flags: facts that are there or not.
        groups: which traces are of the cohort.
        alpha: pairs that cannot reach it, corrected for their number, are left out.
    """
    found: list[tuple[Candidate, float]] = []
    looked_at = 0
    for scope in (EVERY, CONTENTS):
        columns = _eligible([each for each in flags if each.scope in (EVERY, scope)])
        if len(columns) < 2:
            continue
        number, some = _of_scope(columns, groups, scope, alpha)
        looked_at += number
        found += some
    return Pairs(found=tuple(found), looked_at=looked_at)


def _eligible(flags: list[Candidate]) -> list[Candidate]:
    """Those that may be one of a pair, the frequent ones first. Nothing here knows the groups: choosing by them what is looked
    at would choose what chance made different.
    """
    few = []
    for each in flags:
        if each.tier not in ("setting", "choice") or (
            each.parts[0].value == ABSENT and each.parts[0].kind != "decision"
        ):
            continue
        if np.nansum(each.values) >= FEWEST_HITS:
            few.append(each)
    return few[:MOST_COLUMNS]


def _of_scope(
    columns: list[Candidate], groups: Groups, scope: str, alpha: float
) -> tuple[int, list[tuple[Candidate, float]]]:
    matrix = np.stack([each.values for each in columns])
    rows = ~np.isnan(matrix).any(axis=0)
    counted = matrix[:, rows].astype(np.float32)
    these, weights = groups.these[rows], groups.weights[rows]
    if not these.any() or these.all():
        return 0, []
    ours, theirs = (_both(counted[:, side], weights[side]) for side in (these, ~these))
    counts = [effective_count(weights[side]) for side in (these, ~these)]
    single, clear = np.abs(np.diagonal(ours) - np.diagonal(theirs)), _clearness(ours, theirs, counts)
    first, second = np.triu_indices(len(columns), 1)
    allowed = _may_pair(columns, scope)[first, second]
    allowed &= ours[first, second] * counts[0] + theirs[first, second] * counts[1] >= FEWEST_HITS
    first, second = first[allowed], second[allowed]
    looked_at = len(first)
    effect = ours[first, second] - theirs[first, second]
    better = effect > np.maximum(single[first], single[second])
    alone = np.diagonal(clear)
    better &= clear[first, second] > _BETTER * np.maximum(alone[first], alone[second])
    better &= ours[first, second] >= max(FEWEST_HITS / counts[0], FEWEST_SHARE)
    first, second = first[better], second[better]
    sizes = [np.full(len(first), count) for count in counts]
    ps = share_p_values(ours[first, second], sizes[0], theirs[first, second], sizes[1])
    order = [index for index in np.argsort(-effect[better]) if ps[index] * looked_at <= alpha][:_MOST_TRIED]
    found = []
    for index in order:
        pair = columns[first[index]], columns[second[index]]
        if _together(pair[0].values[rows], pair[1].values[rows], these, weights):
            found.append((_joined(*pair), float(ps[index])))
    return looked_at, found


def _both(matrix: NDArray[np.float32], weights: Numbers) -> Numbers:
    """The share of the weight that has each two of the facts."""
    shares: Numbers = ((matrix * weights.astype(np.float32)) @ matrix.T).astype(np.float64) / weights.sum()
    return shares


def _clearness(ours: Numbers, theirs: Numbers, counts: list[float]) -> Numbers:
    """How many standard errors the shares are apart."""
    both = (ours * counts[0] + theirs * counts[1]) / sum(counts)
    errors = np.sqrt(np.maximum(both * (1 - both) * (1 / counts[0] + 1 / counts[1]), 1e-12))
    apart: Numbers = np.abs(ours - theirs) / errors
    return apart


def _may_pair(columns: list[Candidate], scope: str) -> Mask:
    """Two values of one subject are no pair, nor are two facts that were looked at as a pair without the contents."""
    subjects = {key: number for number, key in enumerate(dict.fromkeys(map(_key, columns)))}
    numbers = np.array([subjects[_key(each)] for each in columns])
    allowed: Mask = numbers[:, None] != numbers[None, :]
    if scope != EVERY:
        own = np.array([each.scope == scope for each in columns])
        allowed &= own[:, None] | own[None, :]
    return allowed


def _key(column: Candidate) -> tuple[str, str]:
    """Choice and confidence of one decision may pair; two values of either not."""
    return column.parts[0].kind, column.parts[0].subject


def _together(a: Numbers, b: Numbers, these: Mask, weights: Numbers) -> bool:
    """Whether each matters where the other is, and not much where it is not."""
    return all(_needs(*order, these, weights) for order in ((a, b), (b, a)))


def _needs(one: Numbers, other: Numbers, these: Mask, weights: Numbers) -> bool:
    inside, outside = (
        difference(one[rows], Groups(these=these[rows], weights=weights[rows])) for rows in (other == 1, other == 0)
    )
    return inside.p < _MATTERS and inside.effect > 0 and outside.effect <= _LEFT * inside.effect


def _joined(a: Candidate, b: Candidate) -> Candidate:
    scope = CONTENTS if CONTENTS in (a.scope, b.scope) else EVERY
    return Candidate(parts=(*a.parts, *b.parts), flag=True, values=a.values * b.values, scope=scope)
