"""Which stage carries the time: of the cohort as a whole, and of the traces that have a fact. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tracing_core.differences import numbers
from tracing_core.explain.facts import Mask, Numbers
from tracing_core.explain.ranks import Groups
from tracing_core.explain.result import Carried, Carrier

LEAST_SHARE = 0.01
_CLEARLY = 1.2
_SURE = 1e-3
_FEWEST = 3


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StageTimes:
    """How long each trace waited for each stage, in milliseconds: its time on the critical path, 0 where it did not run.

    Args:
        known: of which traces that is known.
        times: by stage, a number for each trace; they add up to the duration.
        whole: the duration of each trace.
    """

    known: Mask
    times: Mapping[str, Numbers]
    whole: Numbers


def carriers(stages: StageTimes, groups: Groups, *, one: bool) -> tuple[float | None, tuple[Carrier, ...]]:
    """How much longer these take than the others on average, in milliseconds, and which stage has how much of that.

    Args:
        stages: where the time went.
        groups: which traces are of the cohort.
        one: whether the cohort is a single trace, for which chance is no question.

    Returns:
        None and nothing where these do not clearly take longer.
    """
    ours, theirs = stages.known & groups.these, stages.known & ~groups.these
    if not ours.any() or not theirs.any():
        return None, ()
    extra = _mean(stages.whole, ours, groups) - _mean(stages.whole, theirs, groups)
    if extra <= 0 or not (one or _clear(stages.whole, ours, theirs, groups)):
        return None, ()
    found = []
    for stage, times in stages.times.items():
        this, other = _mean(times, ours, groups), _mean(times, theirs, groups)
        found.append(Carrier(stage=stage, these_ms=this, others_ms=other, share=(this - other) / extra))
    found.sort(key=lambda each: -each.share)
    return extra, tuple(each for each in found if abs(each.share) >= LEAST_SHARE)


def carried(stages: StageTimes, having: Mask, groups: Groups, stands_for: Numbers) -> Carried | None:
    """The stage that takes clearly longer where a fact is than where it is not.

    Args:
        stages: where the time went.
        having: which traces have the fact.
        groups: which traces are of the cohort.
        stands_for: how many of all traces each of those looked at stands for.
    """
    weighted = Groups(these=groups.these, weights=stands_for)
    with_it, without = stages.known & having, stages.known & ~having
    if min(np.count_nonzero(with_it), np.count_nonzero(without)) < _FEWEST:
        return None
    more = {
        stage: _mean(times, with_it, weighted) - _mean(times, without, weighted)
        for stage, times in stages.times.items()
    }
    stage = max(more, key=lambda each: more[each], default=None)
    if stage is None or more[stage] <= 0:
        return None
    times = stages.times[stage]
    found = numbers(times[with_it], times[without], weights=stands_for[with_it], other_weights=stands_for[without])
    if found is None or found.p > _SURE or found.other_median.value <= 0:
        return None
    if found.median.value < _CLEARLY * found.other_median.value:
        return None
    return Carried(stage=stage, with_ms=found.median.value, without_ms=found.other_median.value)


def _mean(values: Numbers, of: Mask, groups: Groups) -> float:
    return float(np.average(values[of], weights=groups.weights[of]))


def _clear(values: Numbers, ours: Mask, theirs: Mask, groups: Groups) -> bool:
    found = numbers(values[ours], values[theirs], weights=groups.weights[ours], other_weights=groups.weights[theirs])
    return found is not None and found.mean_difference.low > 0
