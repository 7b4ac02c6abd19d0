"""The search index: every document, its vector, and its words by BM25."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray

from assistant.corpus.chunks import Document
from assistant.embedding import Embedder, Vectors
from assistant.words import name_words, words

_BATCH = 1024
logging.getLogger("bm25s").setLevel(logging.WARNING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A document that a search found: its position in the index, and how well it fits (higher is better)."""

    position: int
    score: float


@dataclass(frozen=True, kw_only=True)
class SearchIndex:
    """All that can be searched. The vectors have a row, and BM25 a document, for each of `documents`."""

    documents: tuple[Document, ...]
    vectors: Vectors
    bm25: Any = field(repr=False)

    def semantic(self, vector: Vectors, libraries: Iterable[str], limit: int) -> list[Hit]:
        """The documents closest in meaning to `vector`, by cosine.

        Args:
            libraries: search in these only; in all when empty.
        """
        return self._best(self.vectors @ vector, libraries, limit)

    def keywords(self, terms: Sequence[str], libraries: Iterable[str], limit: int) -> list[Hit]:
        """The documents in which `terms` weigh most, by BM25."""
        known = [term for term in terms if self.knows(term)]
        if not known:
            return []
        return self._best(np.asarray(self.bm25.get_scores(known)), libraries, limit)

    def knows(self, term: str) -> bool:
        """Whether any document has this word."""
        return term in self.bm25.vocab_dict

    def weight(self, term: str) -> float:
        """How much a word tells, 0 to 1: one that every document has tells nothing, an unknown one tells all."""
        number = self.bm25.vocab_dict.get(term)
        if number is None:
            return 1.0
        starts = self.bm25.scores["indptr"]
        having = int(starts[number + 1] - starts[number])
        return 1 - math.log1p(having) / math.log1p(len(self.documents))

    def _best(self, scores: NDArray[Any], libraries: Iterable[str], limit: int) -> list[Hit]:
        wanted = set(libraries)
        if wanted:
            scores = np.where(self._mask(frozenset(wanted)), scores, -np.inf)
        limit = min(limit, len(scores))
        if limit <= 0:
            return []
        top = np.argpartition(-scores, limit - 1)[:limit]
        ordered = sorted(top.tolist(), key=lambda position: (-scores[position], position))
        return [Hit(position=p, score=float(scores[p])) for p in ordered if scores[p] > 0]

    def _mask(self, libraries: frozenset[str]) -> NDArray[np.bool_]:
        return np.isin(self._library_column, sorted(libraries))

    @cached_property
    def _library_column(self) -> NDArray[np.str_]:
        return np.array([document.library for document in self.documents], dtype=np.str_)


def build_index(
    documents: Sequence[Document], embedder: Embedder, progress: Callable[[str, int, int], None]
) -> SearchIndex:
    """Embed and index `documents`."""
    vectors = _vectors(documents, embedder, progress)
    progress("Indexing words", 0, len(documents))
    bm25 = bm25s.BM25()
    bm25.index([searchable_words(document) for document in documents], show_progress=False)
    progress("Indexing words", len(documents), len(documents))
    return SearchIndex(documents=tuple(documents), vectors=vectors, bm25=bm25)


def _vectors(documents: Sequence[Document], embedder: Embedder, progress: Callable[[str, int, int], None]) -> Vectors:
    parts = []
    for start in range(0, len(documents), _BATCH):
        progress("Embedding", start, len(documents))
        parts.append(embedder.embed([f"{_spaced(d.title)}. {d.text}" for d in documents[start : start + _BATCH]]))
    return np.concatenate(parts) if parts else embedder.embed([])


def searchable_words(document: Document) -> list[str]:
    """The words of a document; those of its name count more, as they say what it is about."""
    return 2 * name_words(document.title) + words(f"{document.signature} {document.text}")


def _spaced(title: str) -> str:
    return title.replace(".", " ").replace("_", " ")
