"""Reciprocal rank fusion: one ranking out of several, by ranks alone, as the scores of different searches do not compare."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

K = 60
"""How little the first few ranks differ; 60 is the value of the original paper."""


def fuse(rankings: Iterable[Sequence[T]], k: int = K) -> list[tuple[T, float]]:
    """Each item with the sum of `1 / (k + rank)` over the rankings that have it (ranks from 1), best first.

    Items that tie stay in the order in which they were first met.
    """
    scores: dict[T, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + 1 / (k + rank)
    return sorted(scores.items(), key=lambda pair: -pair[1])
