"""Two groups of runs compared: each number with its difference, its interval, and what chance may have to do with it. Pure.

All that is asked of two groups is one question with many parts, so the p values are corrected together (Holm): the chance
that even one of the parts is called a difference where there is none stays at one in twenty.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import log
from typing import Literal

import numpy as np

from tracing_core.cohort import CohortSample
from tracing_core.comparison_mix import Mix, mixes
from tracing_core.confidence import Numbers, effective_count
from tracing_core.differences import ALPHA, corrected, numbers, sample_size_means, sample_size_shares, shares
from tracing_core.intervals import Estimate, difference_of, quantile, ratio_of

Unit = Literal["ms", "usd", "tokens", "share", "plain", "stars"]
Way = Literal["median", "mean", "share", "p95"]
Topic = Literal["latency", "cost", "quality"]

MOST_STAGES = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """A number that groups are compared by.

    Args:
        key: the name of its column, or `stage:NAME`.
        way: what of it is compared.
        better: whether less of it is better, or more, or neither.
        worthwhile: the smallest difference worth knowing: a part of the number for medians and means of time, money and
            tokens (0.1 is a tenth), else in its own unit.
    """

    key: str
    title: str
    topic: Topic
    way: Way
    unit: Unit
    better: Literal["less", "more", "neither"]
    worthwhile: float

    @property
    def relative(self) -> bool:
        """Whether differences are told as parts of the number."""
        return self.unit in ("ms", "usd", "tokens")


MEASURES: tuple[Measure, ...] = (
    Measure(key="duration_ms", title="Duration, median", topic="latency", way="median", unit="ms", better="less", worthwhile=0.1),
    Measure(key="duration_ms", title="Duration, P95", topic="latency", way="p95", unit="ms", better="less", worthwhile=0.1),
    Measure(
        key="time_to_first_token_ms", title="First token, median", topic="latency", way="median", unit="ms", better="less",
        worthwhile=0.1,
    ),
    Measure(key="cost_usd", title="Cost a run, mean", topic="cost", way="mean", unit="usd", better="less", worthwhile=0.1),
    Measure(key="input_tokens", title="Tokens in, mean", topic="cost", way="mean", unit="tokens", better="less", worthwhile=0.1),
    Measure(key="output_tokens", title="Tokens out, mean", topic="cost", way="mean", unit="tokens", better="neither", worthwhile=0.1),
    Measure(key="failed", title="Errors", topic="quality", way="share", unit="share", better="less", worthwhile=0.02),
    Measure(key="flagged", title="Flagged", topic="quality", way="share", unit="share", better="less", worthwhile=0.05),
    Measure(key="rating", title="Rating, mean", topic="quality", way="mean", unit="stars", better="more", worthwhile=0.2),
    Measure(
        key="quality_gate_passed", title="Gate passed", topic="quality", way="share", unit="share", better="more", worthwhile=0.05
    ),
    Measure(
        key="overall_quality_score", title="Quality score, mean", topic="quality", way="mean", unit="plain", better="more",
        worthwhile=0.2,
    ),
    Measure(key="confidence", title="Confidence, mean", topic="quality", way="mean", unit="plain", better="neither", worthwhile=0.05),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One number of two groups.

    Args:
        a, b: what it is; with an interval for shares and percentiles, without one for means (both ends are the mean).
        count_a, count_b: how many equally weighted runs tell it.
        difference: B less A, with its interval; in the unit of the measure.
        ratio: B by A, with its interval; None where that says nothing.
        delta: Cliff's delta of B against A, -1 to 1: how much the two lie apart; None for shares.
        p: how likely chance alone makes such a difference; `corrected_p` is made larger for all that is asked.
        needed: how many runs more a side it takes to see the smallest difference worth knowing, with a chance of 80 %; 0
            where there are enough, None where that cannot be told.
    """

    measure: Measure
    a: Estimate
    b: Estimate
    count_a: float
    count_b: float
    difference: Estimate
    ratio: Estimate | None
    delta: Estimate | None
    p: float
    corrected_p: float
    needed: int | None

    @property
    def differs(self) -> bool:
        """Whether chance is no explanation."""
        return self.corrected_p < ALPHA

    @property
    def verdict(self) -> Literal["better", "worse", "other", "same"]:
        """What B is; `other` for a difference of a number that has no better side."""
        if not self.differs:
            return "same"
        if self.measure.better == "neither":
            return "other"
        return "better" if (self.difference.value < 0) == (self.measure.better == "less") else "worse"


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two groups compared.

    Args:
        lines: what both say anything about; `stages` is the time in their stages.
        mixes: what else differs between the groups, that may be the cause.
        missing: measures that fewer than three runs of a side say anything about.
    """

    runs_a: int
    runs_b: int
    lines: tuple[Line, ...]
    stages: tuple[Line, ...]
    mixes: tuple[Mix, ...]
    missing: tuple[Measure, ...]


def compare(a: CohortSample, b: CohortSample, *, apart_by: str | None = None) -> Comparison:
    """Compare two groups.

    Args:
        apart_by: the column that the groups are told apart by, whose mix differs by intention.
    """
    lines = {measure: _line(measure, a.known(measure.key), b.known(measure.key)) for measure in MEASURES}
    stages = [_line(measure, a.stage(name), b.stage(name)) for name, measure in _stages(a, b)]
    found = _corrected([line for line in (*lines.values(), *stages) if line is not None])
    return Comparison(
        runs_a=len(a), runs_b=len(b),
        lines=tuple(line for line in found if not line.measure.key.startswith("stage:")),
        stages=tuple(line for line in found if line.measure.key.startswith("stage:")),
        mixes=mixes(a, b, apart_by),
        missing=tuple(measure for measure, line in lines.items() if line is None),
    )  # fmt: skip


def _stages(a: CohortSample, b: CohortSample) -> Iterator[tuple[str, Measure]]:
    """The stages with most time in them."""
    time: defaultdict[str, float] = defaultdict(float)
    for sample in (a, b):
        for stages, weight in zip(sample.stages, sample.weights, strict=True):
            for name, ms in stages.items():
                time[name] += ms * float(weight) / max(sample.stands_for, 1)
    for name in sorted(time, key=lambda each: -time[each])[:MOST_STAGES]:
        yield name, replace(MEASURES[0], key=f"stage:{name}", title=name)


def _line(measure: Measure, a: tuple[Numbers, Numbers], b: tuple[Numbers, Numbers]) -> Line | None:
    if min(_effective(a), _effective(b)) < 3:
        return None
    return {"share": _shares, "p95": _percentiles, "median": _numbers, "mean": _numbers}[measure.way](measure, a, b)


def _shares(measure: Measure, a: tuple[Numbers, Numbers], b: tuple[Numbers, Numbers]) -> Line | None:
    found = shares(
        float(b[0] @ b[1]), float(b[1].sum()), float(a[0] @ a[1]), float(a[1].sum()),
        effective=_effective(b), other_effective=_effective(a),
    )  # fmt: skip
    if found is None:
        return None
    middle = (found.share.value * found.count + found.other_share.value * found.other_count) / (
        found.count + found.other_count
    )
    low = min(max(middle - measure.worthwhile / 2, 0.0), 1 - measure.worthwhile)
    return Line(
        measure=measure, a=found.other_share, b=found.share, count_a=found.other_count, count_b=found.count,
        difference=found.difference, ratio=found.ratio, delta=None, p=found.p, corrected_p=found.p,
        needed=_more(sample_size_shares(low, low + measure.worthwhile), found.count, found.other_count),
    )  # fmt: skip


def _numbers(measure: Measure, a: tuple[Numbers, Numbers], b: tuple[Numbers, Numbers]) -> Line | None:
    found = numbers(b[0], a[0], weights=b[1], other_weights=a[1])
    if found is None:
        return None
    by_mean = measure.way == "mean"
    mean, other = (Estimate(value=each, low=each, high=each) for each in (found.mean, found.other_mean))
    p = found.mean_p if by_mean else found.p
    return Line(
        measure=measure,
        a=other if by_mean else found.other_median, b=mean if by_mean else found.median,
        count_a=found.other_count, count_b=found.count,
        difference=found.mean_difference if by_mean else difference_of(found.median, found.other_median),
        ratio=_ratio_of_means(found.mean_difference, found.mean, found.other_mean) if by_mean else found.ratio,
        delta=found.delta, p=p, corrected_p=p,
        needed=_more(_needed(measure, a[0], b[0], found.deviation, found.other_deviation), found.count, found.other_count),
    )  # fmt: skip


def _percentiles(measure: Measure, a: tuple[Numbers, Numbers], b: tuple[Numbers, Numbers]) -> Line | None:
    of_a, of_b = quantile(a[0], 0.95, a[1]), quantile(b[0], 0.95, b[1])
    # Whether more than a twentieth of either side lies above what a twentieth of both does.
    both = quantile(np.concatenate([a[0], b[0]]), 0.95, np.concatenate([_scaled(a[1]), _scaled(b[1])])).value
    above = shares(
        float((b[0] > both) @ b[1]), float(b[1].sum()), float((a[0] > both) @ a[1]), float(a[1].sum()),
        effective=_effective(b), other_effective=_effective(a),
    )  # fmt: skip
    if above is None:
        return None
    return Line(
        measure=measure, a=of_a, b=of_b, count_a=_effective(a), count_b=_effective(b),
        difference=difference_of(of_b, of_a), ratio=ratio_of(of_b, of_a), delta=None, p=above.p, corrected_p=above.p,
        needed=None,
    )  # fmt: skip


def _corrected(lines: list[Line]) -> list[Line]:
    raised = corrected([line.p for line in lines])
    return [replace(line, corrected_p=float(p)) for line, p in zip(lines, raised, strict=True)]


def _needed(measure: Measure, a: Numbers, b: Numbers, deviation: float, other_deviation: float) -> int | None:
    """How many a side see the smallest difference worth knowing; of times, by their logarithms, which are less skewed."""
    if measure.way == "median":
        both = [np.log(each[each > 0]) for each in (a, b)]
        if min(len(each) for each in both) < 3:
            return None
        return sample_size_means(log(1 + measure.worthwhile), *(float(np.std(each, ddof=1)) for each in both))
    size = measure.worthwhile * (abs(float(np.mean(a))) if measure.relative else 1.0)
    return sample_size_means(size, deviation, other_deviation) if size else None


def _more(needed: int | None, count: float, other_count: float) -> int | None:
    return None if needed is None else max(needed - int(min(count, other_count)), 0)


def _ratio_of_means(difference: Estimate, mean: float, other: float) -> Estimate | None:
    """As the difference says it, in parts of the other mean: that one is taken for known."""
    if other <= 0 or mean < 0:
        return None
    return Estimate(value=mean / other, low=max(1 + difference.low / other, 0.0), high=1 + difference.high / other)


def _effective(known: tuple[Numbers, Numbers]) -> float:
    return effective_count(known[1])


def _scaled(weights: Numbers) -> Numbers:
    """So that both sides count alike, whatever they stand for."""
    return weights / float(weights.sum())


def by_key(lines: tuple[Line, ...]) -> Mapping[str, Line]:
    """The lines by the key of their measure; the first of each."""
    return {line.measure.key: line for line in reversed(lines)}
