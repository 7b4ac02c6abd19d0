"""Made-up facts about made-up traces, for Explain: noise, and what may be planted in it."""

from __future__ import annotations

import numpy as np

from tracing_core.explain.definition import Definition
from tracing_core.explain.facts import Facts
from tracing_core.explain.ranks import Groups
from tracing_core.explain.result import Cohort, CohortKind
from tracing_core.explain.search import Found, search
from tracing_core.query.filters import TraceFilter

LETTERS = "abcdef"


def definition(kind: CohortKind = "low_rated") -> Definition:
    """What a cohort of a kind is picked by."""
    return Definition(Cohort(kind=kind, chosen=TraceFilter()))


def noise(source: np.random.Generator, count: int, subjects: int) -> Facts:
    """Facts that have nothing to do with each other: frequent and rare values, skewed numbers, decisions, mostly zeros."""
    facts = Facts(count)
    for number in range(subjects):
        kind = number % 5
        for row in range(count):
            if kind == 0:
                facts.has(row, "attribute", f"a{number}", LETTERS[source.integers(0, 6)])
            elif kind == 1:
                facts.counts(row, "stage", f"s{number}", source.lognormal())
            elif kind == 2 and source.random() < 0.05:
                facts.has(row, "tag", f"t{number}", "x")
            elif kind == 3:
                facts.counts(row, "attribute", f"n{number}", source.random() if source.random() < 0.1 else 0.0)
            elif kind == 4:
                facts.has(row, "decision", f"d{number}", LETTERS[min(source.geometric(0.3), 5)])
                facts.counts(row, "confidence", f"d{number}", source.beta(6, 2))
    return facts


def some_of(source: np.random.Generator, count: int, share: float) -> Groups:
    """A cohort that chance picks, of two at least."""
    these = source.random(count) < share
    these[:2] = True
    return Groups(these=these, weights=np.ones(count))


def found_in(facts: Facts, groups: Groups, kind: CohortKind = "low_rated") -> Found:
    """What stands out."""
    return search(facts.candidates(), groups, definition(kind))


def words(found: Found) -> list[tuple[str, bool]]:
    """What stands out in words, and whether it is a cause."""
    return [
        (" and ".join(part.words for part in place.standing.candidate.parts), place.cause) for place in found.places
    ]
