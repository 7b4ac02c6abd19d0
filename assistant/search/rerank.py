"""Reranking: a closer look at the few documents that fusion put first.

Fusion knows ranks only. Here every candidate is compared with the question itself: its best sentence in meaning, the
words of the question that it has (rare ones count more), and how well its name fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assistant.corpus.chunks import Document
from assistant.embedding import Embedder, Vectors
from assistant.search.index import SearchIndex, searchable_words
from assistant.words import name_words, sentences, words

WEIGHTS = {"sentence": 0.30, "coverage": 0.25, "title": 0.30, "library": 0.10, "fusion": 0.05}
"""How much each comparison counts; together 1."""
NEAR_DUPLICATE = 0.97
"""Cosine from which two documents say the same, as the methods do that two classes share."""
PER_TITLE = 2
"""Pieces of one docstring that may be kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A document as fusion left it: its position in the index, its fused score, and each search's score and rank."""

    position: int
    fused: float
    scores: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """A document after reranking.

    Args:
        score: 0 to 1.
        parts: the comparisons that the score is made of.
        rank_before, rank: from 1, among the candidates before and after.
        reason: why it was not kept; None when it was.
    """

    candidate: Candidate
    document: Document
    score: float
    parts: Mapping[str, float]
    rank_before: int
    rank: int
    reason: str | None = None

    @property
    def rank_change(self) -> int:
        """How many places reranking moved it up; negative when it moved down."""
        return self.rank_before - self.rank


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedFor:
    """The question as reranking sees it.

    Args:
        terms: its words.
        libraries: how likely each library is meant, 0 to 1.
    """

    vector: Vectors
    terms: Sequence[str]
    libraries: Mapping[str, float]


def rerank(
    asked: AskedFor, candidates: Sequence[Candidate], index: SearchIndex, embedder: Embedder, keep: int
) -> list[Ranked]:
    """All candidates, best first; those after the first `keep` and those that repeat another carry a reason."""
    if not candidates:
        return []
    weights = {term: index.weight(term) for term in set(asked.terms)}
    best_sentences = _best_sentences(asked.vector, [index.documents[c.position] for c in candidates], embedder)
    best_fused = max(candidate.fused for candidate in candidates)
    scored = []
    for before, (candidate, sentence) in enumerate(zip(candidates, best_sentences, strict=True), start=1):
        document = index.documents[candidate.position]
        parts = {
            "sentence": max(sentence, 0.0),
            "coverage": share(weights, set(searchable_words(document))),
            "title": _in_name(weights, document.title),
            "library": asked.libraries.get(document.library, 0.0),
            "fusion": candidate.fused / best_fused,
        }
        score = sum(WEIGHTS[name] * value for name, value in parts.items())
        scored.append((score, before, candidate, document, parts))
    scored.sort(key=lambda row: (-row[0], row[1]))
    ranked = [
        Ranked(candidate=c, document=d, score=s, parts=p, rank_before=before, rank=rank)
        for rank, (s, before, c, d, p) in enumerate(scored, start=1)
    ]
    return _chosen(ranked, index.vectors, keep)


def share(weights: Mapping[str, float], having: set[str]) -> float:
    """The share, by weight, of the words that `having` has; 0 when there are no words."""
    total = sum(weights.values())
    return sum(weight for term, weight in weights.items() if term in having) / total if total else 0.0


def _in_name(weights: Mapping[str, float], title: str) -> float:
    """How well a name fits: the words of the question that it has, and the share of its own that were asked for."""
    name = set(words(title)) - {title.lower()}
    asked_for = len(name & weights.keys()) / len(name) if name else 0.0
    return (share(weights, set(name_words(title))) + asked_for) / 2


def _best_sentences(vector: Vectors, documents: Sequence[Document], embedder: Embedder) -> list[float]:
    """For every document the cosine of its sentence that is closest to the question."""
    split = [sentences(document.text) or [document.text] for document in documents]
    cosines = embedder.embed([sentence for one in split for sentence in one]) @ vector
    ends = np.cumsum([len(one) for one in split])
    return [float(part.max()) for part in np.split(cosines, ends[:-1])]


def _chosen(ranked: Sequence[Ranked], vectors: Vectors, keep: int) -> list[Ranked]:
    kept: list[Ranked] = []
    result = []
    for one in ranked:
        reason = _against(one, kept, vectors, keep)
        if reason is None:
            kept.append(one)
        result.append(one if reason is None else _with_reason(one, reason))
    return result


def _against(one: Ranked, kept: Sequence[Ranked], vectors: Vectors, keep: int) -> str | None:
    """Why `one` is not kept beside `kept`; None when it is."""
    for other in kept:
        if vectors[one.candidate.position] @ vectors[other.candidate.position] >= NEAR_DUPLICATE:
            return f"says the same as {other.document.id}"
    if sum(other.document.title == one.document.title for other in kept) >= PER_TITLE:
        return f"{PER_TITLE} other pieces of {one.document.title} rank higher"
    if len(kept) >= keep:
        return f"below the best {keep} after reranking"
    return None


def _with_reason(one: Ranked, reason: str) -> Ranked:
    return Ranked(
        candidate=one.candidate,
        document=one.document,
        score=one.score,
        parts=one.parts,
        rank_before=one.rank_before,
        rank=one.rank,
        reason=reason,
    )
