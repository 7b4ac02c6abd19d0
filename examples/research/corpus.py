"""What can be searched, and the five ways of searching it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np

from assistant.embedding import Embedder, Vectors
from assistant.search.index import Hit, SearchIndex
from assistant.words import name_words, words
from examples.research.model import Brief
from examples.research.snippets import has_code

_ABOUT_VERSIONS = re.compile(
    r"\b(deprecat\w*|(since|in|as of|until) version|version ?(added|changed)|no longer|backwards?|legacy|upgrad\w*|migrat\w*)\b",
    re.IGNORECASE,
)

_NOT_ASKED_FOR = 0.3
"""How much the words of a name that nobody asked for count against it."""


class Corpus:
    """The documents of the assistant, and what finds some of them for a question.

    Args:
        index: the assistant's search index.
        embedder: what made its vectors.
    """

    def __init__(self, index: SearchIndex, embedder: Embedder) -> None:
        self.index = index
        self.embedder = embedder
        self.sources: Mapping[str, Callable[[Brief, str, int], list[Hit]]] = {
            "semantic": self._semantic,
            "bm25": self._bm25,
            "api_reference": self._api_reference,
            "examples": self._examples,
            "version_notes": self._version_notes,
        }

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row for each of `texts`."""
        return self.embedder.embed(texts)

    def search(self, source: str, brief: Brief, query: str, limit: int) -> list[Hit]:
        """The best documents for `query`, best first, within the libraries that the brief names."""
        return self.sources[source](brief, query, limit)

    def names_met(self, brief: Brief) -> float:
        """How well the best name of the corpus fits the question, 0 to 1."""
        best = self._by_name(brief, brief.question)
        return best[0].score if best else 0.0

    def likeness(self, brief: Brief) -> float:
        """How close in meaning the closest document is, 0 to 1."""
        best = self.index.semantic(brief.vector, brief.libraries, 1)
        return best[0].score if best else 0.0

    def _semantic(self, brief: Brief, query: str, limit: int) -> list[Hit]:
        return self.index.semantic(self.embed([query])[0], brief.libraries, limit)

    def _bm25(self, brief: Brief, query: str, limit: int) -> list[Hit]:
        return self.index.keywords(words(query), brief.libraries, limit)

    def _api_reference(self, brief: Brief, query: str, limit: int) -> list[Hit]:
        return self._by_name(brief, query)[:limit]

    def _examples(self, brief: Brief, query: str, limit: int) -> list[Hit]:
        return self._among(self._with_code, brief, query, limit)

    def _version_notes(self, brief: Brief, query: str, limit: int) -> list[Hit]:
        return self._among(self._about_versions, brief, query, limit)

    def _among(self, positions: Sequence[int], brief: Brief, query: str, limit: int) -> list[Hit]:
        """The closest in meaning of some documents."""
        wanted = [p for p in positions if not brief.libraries or self.index.documents[p].library in brief.libraries]
        if not wanted:
            return []
        likeness = self.index.vectors[wanted] @ self.embed([query])[0]
        best = np.argsort(-likeness, kind="stable")[:limit]
        return [Hit(position=wanted[i], score=float(likeness[i])) for i in best.tolist()]

    def _by_name(self, brief: Brief, query: str) -> list[Hit]:
        """The documents whose names fit: the words that query and name share, by weight, over all words of both."""
        positions, totals = self._names
        asked = {term: self.index.weight(term) for term in set(words(query))}
        shared: dict[int, float] = defaultdict(float)
        for term, weight in asked.items():
            for position in positions.get(term, ()):
                shared[position] += weight
        whole = sum(asked.values())
        hits = [
            Hit(position=position, score=weight / (whole + _NOT_ASKED_FOR * (totals[position] - weight)))
            for position, weight in shared.items()
            if not brief.libraries or self.index.documents[position].library in brief.libraries
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.position))

    @cached_property
    def _names(self) -> tuple[Mapping[str, list[int]], list[float]]:
        """The documents that have a word in their name, and what the words of each name weigh together."""
        positions: dict[str, list[int]] = defaultdict(list)
        totals = []
        for position, document in enumerate(self.index.documents):
            terms = set(name_words(document.title)) - {document.title.lower()}
            totals.append(sum(self.index.weight(term) for term in terms))
            for term in terms:
                positions[term].append(position)
        return positions, totals

    @cached_property
    def _with_code(self) -> list[int]:
        return [p for p, document in enumerate(self.index.documents) if has_code(document.text)]

    @cached_property
    def _about_versions(self) -> list[int]:
        return [p for p, document in enumerate(self.index.documents) if _ABOUT_VERSIONS.search(document.text)]
