"""Which searches to ask: by meaning, by words, or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assistant.classification import Guess, softmax
from assistant.search.index import SearchIndex
from assistant.words import identifiers

BOTH = "semantic + bm25"
BM25 = "bm25 only"
SEMANTIC = "semantic only"


@dataclass(frozen=True, kw_only=True, slots=True)
class Features:
    """What a question looks like to a search.

    Args:
        terms: its words, without empty ones.
        known: the share of them that the documentation has.
        code: the share of its words that look like code.
    """

    terms: int
    known: float
    code: float


def features(question: str, terms: Sequence[str], index: SearchIndex) -> Features:
    """Look at a question."""
    written = question.split()
    return Features(
        terms=len(terms),
        known=sum(index.knows(term) for term in terms) / len(terms) if terms else 0.0,
        code=min(1.0, len(identifiers(question)) / len(written)) if written else 0.0,
    )


def choose_searches(seen: Features) -> Guess:
    """Both searches as a rule; words alone for the bare name of something, meaning alone when no word is known."""
    odds = softmax(
        {
            BOTH: 2.0 if seen.known else -4.0,
            BM25: 5.0 * seen.code * seen.known - (1.0 if seen.terms > 4 else 0.0),
            SEMANTIC: 3.0 * (1 - seen.known) - 1.0,
        }
    )
    what = max(odds, key=lambda name: odds[name])
    why = {
        BOTH: "words find exact names, meaning finds other wordings; together they miss least",
        BM25: "the question is the name of something, which exact words find best",
        SEMANTIC: "none of its words occurs in the documentation, so only meaning can help",
    }[what]
    inputs = {"terms": seen.terms, "known_terms_share": round(seen.known, 3), "code_share": round(seen.code, 3)}
    return Guess(what=what, why=why, odds=odds, inputs=inputs)
