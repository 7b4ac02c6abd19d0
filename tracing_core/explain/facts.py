"""What is known of the traces looked at, gathered trace by trace, and made into columns that can be compared. Pure.

A fact is a value that a trace has (`library = pandas`), of which it may have several of one subject, or a number (`input
tokens`). Spans and contents are read of some of the traces alone: what comes from them is unknown of the rest (NaN), which
is something else than absent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from tracing_core.explain.result import Part, Tier

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]
Key = tuple[str, str]
"""Kind and subject."""

_Place = tuple[str, str, str]
"""Scope, kind and subject."""

ABSENT, ANY_ERROR = "absent", "an error"
THE_RUN = "the run"
"""What an error is of that no span says where it began."""
EVERY, SPANS, CONTENTS = "every", "spans", "contents"
FEWEST = 4
"""Traces that must have a value, and must not, for it to be looked at."""
MOST_VALUES, MOST_FLAGS, MOST_NUMBERS = 60, 2_500, 800
_SAME_MS = 0.05
"""Times that are so near to each other are the same, read from two places."""
_FEW_DISTINCT = 12
"""A number with no more different values than this is looked at value by value, too."""
_BANDS = ((0.75, True), (0.9, True), (0.95, True), (0.25, False), (0.1, False))
"""The others are looked at above and below some of their quantiles."""

TIERS: Mapping[str, Tier] = {
    **dict.fromkeys(("decision", "confidence", "alternative", "model", "prompt", "source", "document"), "choice"),
    **dict.fromkeys(("stage", "self_time", "time", "tokens", "evidence", "count", "error", "span"), "course"),
    **dict.fromkeys(("quality", "principle", "cost", "rating", "status"), "outcome"),
}
"""When facts of a kind are known; all others are, before the run begins."""
_UNITS = {"stage": "ms", "self_time": "ms", "time": "ms", "cost": "USD"}
_ORDER: tuple[Tier, ...] = ("setting", "choice", "course", "outcome")


def tier_of(*parts: Part) -> Tier:
    """When the last of these is known."""
    return max((TIERS.get(part.kind, "setting") for part in parts), key=_ORDER.index)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Candidate:
    """Something that may set the traces apart: a column with a number for each trace looked at.

    Args:
        parts: what it is about.
        flag: whether it is 1 where a trace has it and 0 where not; else any number.
        values: one for each trace; NaN where it is not known.
        scope: of which traces it is known at all: `every`, or those whose `spans` or `contents` were read.
    """

    parts: tuple[Part, ...]
    flag: bool
    values: Numbers
    scope: str = EVERY

    @property
    def tier(self) -> Tier:
        """When it is known."""
        return tier_of(*self.parts)

    @property
    def unit(self) -> str:
        """Of the numbers."""
        return "" if self.flag else _UNITS.get(self.parts[0].kind, "")


class Facts:
    """What is known of `count` traces, which are called by their row.

    Args:
        count: how many traces.
        scopes: for `spans` and `contents`, of which of them these were read; none where left out.
    """

    def __init__(self, count: int, scopes: Mapping[str, Mask] | None = None) -> None:
        self.count = count
        nothing = np.zeros(count, dtype=bool)
        self.scopes: dict[str, Mask] = {EVERY: np.ones(count, dtype=bool), SPANS: nothing, CONTENTS: nothing}
        self.scopes.update(scopes or {})
        self._values: defaultdict[_Place, defaultdict[str, list[int]]] = defaultdict(_lists)
        self._numbers: defaultdict[_Place, defaultdict[int, float]] = defaultdict(_zeros)

    def has(self, row: int, kind: str, subject: str, value: str, scope: str = EVERY) -> None:
        """The trace of this row has this value, beside others that it may have."""
        self._values[scope, kind, subject][value].append(row)

    def counts(self, row: int, kind: str, subject: str, number: float, scope: str = EVERY) -> None:
        """The trace of this row has this number; a second one of the same subject is added to it."""
        if isfinite(number):
            self._numbers[scope, kind, subject][row] += number

    def values(self, key: Key) -> Mapping[str, list[int]]:
        """The rows that have each value of a subject."""
        return next((found for (_, *each), found in self._values.items() if tuple(each) == key), {})

    def candidates(self) -> list[Candidate]:
        """All that can be compared: values and numbers that some traces have, in enough of them, and others have not."""
        numbers = list(_without_leaves(list(self._number_columns())))
        flags = list(self._flags(numbers))
        flags.sort(key=lambda each: -float(np.nansum(each.values)))
        return [*flags[:MOST_FLAGS], *numbers[:MOST_NUMBERS]]

    def _number_columns(self) -> Iterator[Candidate]:
        for (scope, kind, subject), known in self._numbers.items():
            values = np.full(self.count, np.nan)
            values[list(known)] = list(known.values())
            if len(known) >= FEWEST and np.nanmin(values) < np.nanmax(values):
                yield Candidate(parts=(Part(kind=kind, subject=subject),), flag=False, values=values, scope=scope)

    def _flags(self, numbers: list[Candidate]) -> Iterator[Candidate]:
        named = set()
        for (scope, *key), values in self._values.items():
            kind, subject = key
            named.add((kind, subject))
            frequent = sorted(values.items(), key=lambda item: (-len(item[1]), item[0]))[:MOST_VALUES]
            for value, rows in frequent:
                yield from self._flag(scope, (kind, subject), value, set(rows))
            if kind != "error":
                yield from self._flag(scope, (kind, subject), ABSENT, self._without(scope, values))
            elif ANY_ERROR not in values:  # that none was there is the same, the other way round
                yield from self._flag(scope, (kind, subject), ANY_ERROR, set().union(*values.values()))
        for number in numbers:
            kind, subject = number.parts[0].kind, number.parts[0].subject
            for band, having in _bands(number):
                yield from self._flag(number.scope, (kind, subject), band, having)
            if number.tier != "outcome" and (kind, subject) not in named:
                missing = self.scopes[number.scope] & np.isnan(number.values)
                yield from self._flag(number.scope, (kind, subject), ABSENT, set(np.flatnonzero(missing).tolist()))

    def _without(self, scope: str, values: Mapping[str, list[int]]) -> set[int]:
        return set(np.flatnonzero(self.scopes[scope]).tolist()).difference(*values.values())

    def _flag(self, scope: str, key: Key, value: str, rows: set[int]) -> Iterator[Candidate]:
        known = self.scopes[scope]
        if not FEWEST <= len(rows) <= int(known.sum()) - FEWEST:
            return
        column = np.where(known, 0.0, np.nan)
        column[list(rows)] = 1.0
        part = Part(kind=key[0], subject=key[1], value=value)
        yield Candidate(parts=(part,), flag=True, values=column, scope=scope)


def _bands(number: Candidate) -> Iterator[tuple[str, set[int]]]:
    """A number that is no mere measure of how the run went, as values: `3`, or `0.95 or more`."""
    if number.tier not in ("setting", "choice"):
        return
    values = number.values
    known = values[~np.isnan(values)]
    distinct = np.unique(known)
    if len(distinct) <= _FEW_DISTINCT:
        for value in distinct:
            yield f"{value:g}", set(np.flatnonzero(values == value).tolist())
        return
    if number.parts[0].kind != "confidence":
        return
    for share, above in _BANDS:
        edge = round(float(np.quantile(known, share)), 2)
        rows = values >= edge if above else values <= edge
        yield f"{edge:g} or {'more' if above else 'less'}", set(np.flatnonzero(rows).tolist())


def _without_leaves(numbers: list[Candidate]) -> Iterator[Candidate]:
    """A stage without parts of its own takes as long as its self time: once is enough."""
    stages = {each.parts[0].subject: each.values for each in numbers if each.parts[0].kind == "stage"}
    for each in numbers:
        part = each.parts[0]
        if part.kind == "self_time" and part.subject in stages:
            known = ~np.isnan(each.values)
            if np.allclose(each.values[known], stages[part.subject][known], rtol=0, atol=_SAME_MS, equal_nan=True):
                continue
        yield each


def without_doubles(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Of facts that the very same traces have, under several names, one speaks for all: a tag may repeat a library."""
    kept: dict[bytes, Candidate] = {}
    for each in candidates:
        column = each.values.tobytes()
        if column not in kept or _nearness(each) < _nearness(kept[column]):
            kept[column] = each
    return list(kept.values())


_NEAREST = ("decision", "prompt", "source", "library", "model", "stage", "error")


def _nearness(candidate: Candidate) -> tuple[bool, int, bool]:
    """What says a fact best comes first: that something is there rather than that something else is absent, and by kind."""
    part = candidate.parts[0]
    other = len(_NEAREST) + (part.kind in ("tag", "attribute")) + 2 * (part.kind == "self_time")
    kind = _NEAREST.index(part.kind) if part.kind in _NEAREST else other
    return part.value == ABSENT, kind, part.subject == THE_RUN  # where an error began tells more


def _lists() -> defaultdict[str, list[int]]:
    return defaultdict(list)


def _zeros() -> defaultdict[int, float]:
    return defaultdict(float)
