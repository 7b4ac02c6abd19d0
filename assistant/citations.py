"""Which sentence of an answer rests on which source: as the answer says itself, else by likeness of meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.embedding import Embedder
from assistant.model import Citation, Source
from assistant.words import sentences

SUPPORTED = 0.55
"""Cosine from which a sentence of the answer counts as resting on a sentence of a source."""
_MARK = re.compile(r"\[(\d{1,2})\]")
_FEWEST_CHARS = 15


def find_citations(answer: str, sources: Sequence[Source], embedder: Embedder) -> tuple[Citation, ...]:
    """Every sentence that names a source or is close to one; a number that is no source's is passed over."""
    claims = _claims(answer)
    if not claims or not sources:
        return ()
    split = [(source.index, sentence) for source in sources for sentence in (source.title, *sentences(source.text))]
    likeness = (
        embedder.embed([_MARK.sub("", claim) for claim in claims]) @ embedder.embed([text for _, text in split]).T
    )
    found = []
    for claim, row in zip(claims, likeness, strict=True):
        best: dict[int, float] = {}
        for (index, _), cosine in zip(split, row.tolist(), strict=True):
            best[index] = max(best.get(index, 0.0), cosine)
        found += _of_claim(claim, best)
    return tuple(found)


def _of_claim(claim: str, best: dict[int, float]) -> list[Citation]:
    named = [number for number in dict.fromkeys(int(mark) for mark in _MARK.findall(claim)) if number in best]
    if named:
        return [Citation(index=n, sentence=claim, score=round(best[n], 3), explicit=True) for n in named]
    index = max(best, key=lambda number: best[number])
    if best[index] < SUPPORTED:
        return []
    return [Citation(index=index, sentence=claim, score=round(best[index], 3), explicit=False)]


def grounding(answer: str, citations: Sequence[Citation]) -> float:
    """The share of the answer's sentences that rest on a source in meaning; naming one is not enough."""
    claims = _claims(answer)
    resting = {citation.sentence for citation in citations if citation.score >= SUPPORTED}
    return sum(claim in resting for claim in claims) / len(claims) if claims else 0.0


def _claims(answer: str) -> list[str]:
    return [sentence for sentence in sentences(answer) if len(_MARK.sub("", sentence).strip()) >= _FEWEST_CHARS]
