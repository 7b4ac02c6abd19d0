"""How good evidence is: about the question, specific, and from where it should be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from assistant.corpus.chunks import Document
from assistant.search.fusion import K
from assistant.search.rerank import AskedFor, Candidate, Ranked, rerank
from assistant.words import identifiers
from examples.research.corpus import Corpus
from examples.research.model import Brief, Evidence
from examples.research.policy import Policy
from examples.research.snippets import has_code

WEIGHTS = {"relevance": 0.6, "specificity": 0.15, "credibility": 0.25}
"""What the composite is made of; together 1."""
_OUTDATED = re.compile(r"\bdeprecated\b|\blegacy\b", re.IGNORECASE)
_RELEVANCE = {"sentence": 0.5, "coverage": 0.3, "title": 0.2}


def score(brief: Brief, found: Mapping[int, str], corpus: Corpus, policy: Policy) -> list[Evidence]:
    """The documents that were found, scored, best first; those that are not good enough carry the reason.

    Args:
        found: the source of each position of the index, in the order of finding.
    """
    candidates = [
        Candidate(position=position, fused=1 / (K + rank), scores={}) for rank, position in enumerate(found, start=1)
    ]
    asked = AskedFor(vector=brief.vector, terms=brief.terms, libraries=brief.chances)
    ranked = rerank(asked, candidates, corpus.index, corpus.embedder, len(candidates))
    scored = [_scored(one, found[one.candidate.position], brief) for one in ranked]
    scored.sort(key=lambda evidence: -evidence.scores["composite"])
    return _sifted(scored, policy)


def _scored(one: Ranked, source: str, brief: Brief) -> Evidence:
    parts = {
        "relevance": sum(weight * one.parts[name] for name, weight in _RELEVANCE.items()),
        "specificity": _specificity(one.document),
        "credibility": _credibility(one.document, brief),
    }
    composite = sum(WEIGHTS[name] * value for name, value in parts.items())
    scores = {name: round(value, 3) for name, value in (parts | {"composite": composite}).items()}
    return Evidence(document=one.document, source=source, scores=scores, reason=one.reason)


def _specificity(document: Document) -> float:
    """Code, arguments and names."""
    written = len(document.text.split()) or 1
    named = min(1.0, 8 * len(identifiers(document.text)) / written)
    return 0.4 * has_code(document.text) + 0.3 * ("(" in document.signature) + 0.3 * named


def _credibility(document: Document, brief: Brief) -> float:
    """From the library that is meant, the beginning of its docstring, and not outdated."""
    chance = brief.chances.get(document.library, 0.0)
    late = "#" in document.id and int(document.id.rpartition("#")[2]) > 3
    return (
        0.5 + 0.4 * min(1.0, 2 * chance) - 0.2 * late - 0.3 * bool(_OUTDATED.search(document.text)) + 0.1 * (not late)
    )


def _sifted(scored: Sequence[Evidence], policy: Policy) -> list[Evidence]:
    kept = 0
    sifted = []
    for evidence in scored:
        reason = evidence.reason or _against(evidence.scores, policy)
        if reason is None and kept == policy.kept:
            reason = f"beyond the best {policy.kept}"
        kept += reason is None
        sifted.append(
            Evidence(document=evidence.document, source=evidence.source, scores=evidence.scores, reason=reason)
        )
    return sifted


def _against(scores: Mapping[str, float], policy: Policy) -> str | None:
    if scores["relevance"] < policy.least_relevance:
        return f"relevance {scores['relevance']:.2f} is below {policy.least_relevance}"
    if scores["composite"] < policy.least_composite:
        return f"composite score {scores['composite']:.2f} is below {policy.least_composite}"
    return None
