"""Questions put together by what they mean: encoded, and grouped by k-means into as many groups as fit best. Pure but for the encoder.

What all questions have in common ("how do I") is taken out of their vectors, and of the rest the few directions are kept
in which they differ most; that is what the groups go by, and it takes a tenth of the time. The same questions give the
same groups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tracing_core.question_vectors import Embedder, Vectors

FEWEST_QUESTIONS = 20
"""Different ones, below which grouping them says nothing."""
MOST_GROUPS = 24
_FEWEST_OF_MANY = 8
NOT_GROUPED = -1
_COUNTS = (2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, MOST_GROUPS)
_SMALLEST_GROUP = 8
"""Different questions that a group has on average at least."""
_DIRECTIONS, _SEED, _TRIES, _JUDGED_BY = 16, 5, 2, 800
_NEARLY = 0.1
"""By how much a larger number of groups may fit worse than the best, and be taken all the same: it tells more apart."""
_LONGEST = 2_000
_DIGITS = 5
"""To which two places are told apart."""
Labels = NDArray[np.int64]


class Encoder(Protocol):
    """Turns texts into vectors of one length."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row for each text; all zeros where it has no known word."""


@cache
def encoder() -> Encoder:
    """The encoder of the process; its words are loaded at the first question."""
    return Embedder()


@dataclass(frozen=True, kw_only=True, slots=True)
class Groups:
    """Questions in groups, by number from 0.

    Args:
        labels: the number of the group of each question; `NOT_GROUPED` for one without known words.
        count: how many groups there are; 0 where there were too few questions.
        silhouette: how well they are apart: 1 is perfectly, 0 not at all; None where there are no groups.
    """

    labels: tuple[int, ...]
    count: int
    silhouette: float | None


def grouped(
    questions: Sequence[str], also: Sequence[str] = (), *, by: Encoder | None = None
) -> tuple[Groups, tuple[int, ...]]:
    """Put questions into groups.

    Args:
        questions: that the groups are made of.
        also: others, which are put into the groups that they are nearest to.
        by: the encoder; the process's own unless given.

    Returns:
        The groups, and the number of the group of each of the others.
    """
    spread = _Spread.of(questions, by or encoder())
    if spread is None:
        alone = Groups(labels=tuple([NOT_GROUPED] * len(questions)), count=0, silhouette=None)
        return alone, tuple([NOT_GROUPED] * len(also))
    with _in_one_thread():
        centres, silhouette = _best(spread.points, spread.counts)
        labels = spread.nearest(questions, centres)
        return Groups(labels=labels, count=len(centres), silhouette=silhouette), spread.nearest(also, centres)


def kinds_of(questions: Sequence[str], count: int = 10, *, by: Encoder | None = None) -> tuple[str, ...]:
    """A word for the kind of each question, the same for questions that are alike; empty where that cannot be told.

    Args:
        questions: any.
        count: how many kinds at most. Finding the number that fits best would take longer, and nobody sees them.
    """
    spread = _Spread.of(questions, by or encoder())
    if spread is None:
        return tuple([""] * len(questions))
    with _in_one_thread():
        centres, _ = _made(spread.points, spread.counts, min(count, len(spread.points) // _SMALLEST_GROUP))
        return tuple(str(label) if label >= 0 else "" for label in spread.nearest(questions, centres))


def _in_one_thread() -> AbstractContextManager[object]:
    """On a busy machine threads that share such small work wait for each other ten times as long as it takes."""
    import sklearn.cluster  # noqa: F401  # what it loads is held back, too
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limits


class _Spread:
    """Questions as points in the directions in which they differ most."""

    def __init__(self, by: Encoder, mean: Vectors, directions: Vectors) -> None:
        self._by, self._mean, self._directions = by, mean, directions
        self._seen: dict[str, Vectors] = {}
        self.points: Vectors = np.zeros((0, 0), dtype=np.float32)
        self.counts: Vectors = np.zeros(0, dtype=np.float32)

    @classmethod
    def of(cls, questions: Sequence[str], by: Encoder) -> _Spread | None:
        """None where there are too few different ones."""
        times = Counter(filter(None, map(_plain, questions)))
        texts = sorted(times)
        vectors = by.embed(texts) if len(texts) >= FEWEST_QUESTIONS else np.zeros((0, 1), dtype=np.float32)
        known = np.linalg.norm(vectors, axis=1) > 0
        if known.sum() < FEWEST_QUESTIONS:
            return None
        kept = vectors[known]
        mean = np.asarray(kept.mean(axis=0), dtype=np.float32)
        centred = kept - mean
        _, directions = np.linalg.eigh((centred.T @ centred).astype(np.float64))
        made = cls(by, mean, directions[:, ::-1][:, :_DIRECTIONS].astype(np.float32))
        made.points = made._placed(kept)
        made.counts = np.array(
            [times[text] for text, is_known in zip(texts, known, strict=True) if is_known], np.float32
        )
        made._seen = dict(
            zip([t for t, is_known in zip(texts, known, strict=True) if is_known], made.points, strict=True)
        )
        return made

    def nearest(self, questions: Sequence[str], centres: Vectors) -> tuple[int, ...]:
        """The number of the centre that each question is nearest to."""
        texts = [_plain(question) for question in questions]
        new = sorted({text for text in texts if text and text not in self._seen})
        if new:
            vectors = self._by.embed(new)
            known = np.linalg.norm(vectors, axis=1) > 0
            self._seen |= {text: point for text, point, ok in zip(new, self._placed(vectors), known, strict=True) if ok}
        points = np.array([self._seen[text] for text in texts if text in self._seen], dtype=np.float32)
        labels = iter(_nearest(points, centres).tolist() if len(points) else ())
        return tuple(next(labels) if text in self._seen else NOT_GROUPED for text in texts)

    def _placed(self, vectors: Vectors) -> Vectors:
        points = (vectors - self._mean) @ self._directions
        lengths = np.linalg.norm(points, axis=1, keepdims=True)
        return np.asarray(points / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _plain(question: str) -> str:
    return " ".join(question[:_LONGEST].lower().split())


def _best(points: Vectors, counts: Vectors) -> tuple[Vectors, float]:
    from sklearn.metrics import silhouette_score

    judged = np.random.default_rng(_SEED).permutation(len(points))[:_JUDGED_BY]
    found: list[tuple[float, Vectors]] = []
    least = _least(len(points))
    for count in (each for each in _COUNTS if each >= least):
        if found and count * _SMALLEST_GROUP > len(points):
            break
        centres, labels = _made(points, counts, count)
        different = len(set(labels[judged].tolist()))
        score = float(silhouette_score(points[judged], labels[judged])) if 1 < different < len(judged) else -1.0
        found.append((score, centres))
    best = max(score for score, _ in found)
    enough = best - abs(best) * _NEARLY
    score, centres = [each for each in found if each[0] >= enough][-1]
    return centres, score


def _least(different: int) -> int:
    """The fewest groups: very few of very many questions would be called after what most of them are not about."""
    return min(max(round(sqrt(different) / 3), _COUNTS[0]), _FEWEST_OF_MANY)


def _made(points: Vectors, counts: Vectors, count: int) -> tuple[Vectors, Labels]:
    from sklearn.cluster import KMeans

    different = len(np.unique(points.round(_DIGITS), axis=0))
    wanted = min(max(count, 2), different)
    made = KMeans(wanted, n_init=_TRIES, max_iter=60, random_state=_SEED).fit(points, sample_weight=counts)
    return made.cluster_centers_.astype(np.float32), made.labels_.astype(np.int64)


def _nearest(points: Vectors, centres: Vectors) -> Labels:
    distances = (centres**2).sum(axis=1) - 2 * points @ centres.T
    nearest: Labels = distances.argmin(axis=1)
    return nearest
