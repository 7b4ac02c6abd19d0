"""The data of a finding's chart: the shares of values, or two histograms. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tracing_core.explain.facts import ABSENT, Candidate, Facts, Mask, Numbers
from tracing_core.explain.ranks import Groups
from tracing_core.explain.result import Bars, Histograms

MOST_BARS = 8
BINS = 24
_LOG_FROM = 20.0
"""From this ratio of the 99th by the 5th percentile on, the bins grow by a factor."""


def chart(candidate: Candidate, facts: Facts, groups: Groups) -> Bars | Histograms:
    """The chart of a fact."""
    if not candidate.flag:
        return _histograms(candidate, groups)
    if len(candidate.parts) > 1:
        return _of_pair(candidate, facts, groups)
    part = candidate.parts[0]
    value = part.value or ""
    rows = _rows_by_value(candidate, facts)
    frequent = sorted(rows, key=lambda each: (each != value, -int(rows[each].sum()), each))[:MOST_BARS]
    known = ~np.isnan(candidate.values)
    return _bars(value, {name: rows[name] for name in frequent}, known, groups)


def _rows_by_value(candidate: Candidate, facts: Facts) -> dict[str, Mask]:
    part = candidate.parts[0]
    of_subject = facts.values((part.kind, part.subject))
    having = candidate.values == 1
    rows = {}
    for value, those in of_subject.items():
        rows[value] = np.zeros(facts.count, dtype=bool)
        rows[value][list(those)] = True
    if part.value not in of_subject:
        if part.value != ABSENT:  # a band of a number: the rest of it is the other bar
            return {part.value or "": having, "other": (candidate.values == 0)}
        if not rows:
            return {ABSENT: having, "present": (candidate.values == 0)}
    return {**rows, part.value or "": having}


def _of_pair(candidate: Candidate, facts: Facts, groups: Groups) -> Bars:
    first, second = (_having(part.kind, part.subject, part.value, facts) for part in candidate.parts)
    known = ~np.isnan(candidate.values)
    if first is None or second is None:
        having = candidate.values == 1
        return _bars("both", {"both": having, "not both": known & ~having}, known, groups)
    a, b = (part.words for part in candidate.parts)
    rows = {"both": first & second, f"only {a}": first & ~second, f"only {b}": second & ~first,
            "neither": ~first & ~second}  # fmt: skip
    return _bars("both", rows, known, groups)


def _having(kind: str, subject: str, value: str | None, facts: Facts) -> Mask | None:
    those = facts.values((kind, subject)).get(value or "")
    if those is None:
        return None
    rows = np.zeros(facts.count, dtype=bool)
    rows[list(those)] = True
    return rows


def _bars(found: str, rows: Mapping[str, Mask], known: Mask, groups: Groups) -> Bars:
    sides = [known & groups.these, known & ~groups.these]
    shares = [
        tuple(
            float(groups.weights[mask & side].sum() / max(groups.weights[side].sum(), 1e-300)) for mask in rows.values()
        )
        for side in sides
    ]
    return Bars(values=tuple(rows), these=shares[0], others=shares[1], found=found)


def _histograms(candidate: Candidate, groups: Groups) -> Histograms:
    known = ~np.isnan(candidate.values)
    values = candidate.values[known]
    edges, log = _edges(values)
    inside = np.clip(values, edges[0], edges[-1])
    these, weights = groups.these[known], groups.weights[known]
    sides = []
    for side in (these, ~these):
        counts = np.histogram(inside[side], edges, weights=weights[side])[0]
        sides.append(tuple(float(each) for each in counts / max(counts.sum(), 1e-300)))
    return Histograms(
        edges=tuple(float(edge) for edge in edges), these=sides[0], others=sides[1], unit=candidate.unit, log=log
    )


def _edges(values: Numbers) -> tuple[Numbers, bool]:
    """Those of bins that hold all; what is beyond the last hundredth on a side goes into the bin at the end."""
    low, high = (float(each) for each in np.quantile(values, (0.005, 0.995)))
    if low >= high:
        low, high = float(values.min()), float(values.max())
    if low > 0 and high / low >= _LOG_FROM:
        return np.geomspace(low, high, BINS + 1), True
    return np.linspace(low, high, BINS + 1), False
