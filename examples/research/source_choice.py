"""Which sources to ask: one first, and one beside it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from assistant.words import identifiers
from examples.research.corpus import Corpus
from examples.research.model import Brief
from examples.research.policy import Policy

_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceChoice:
    """A source, how likely it is that it suffices (0 to 1), and why it was chosen over the others."""

    source: str
    confidence: float
    why: str
    others: dict[str, float]
    inputs: dict[str, Any]

    def as_decision(self) -> dict[str, Any]:
        """In the words of seed B."""
        ordered = sorted(self.others.items(), key=lambda pair: -pair[1])
        return {
            "what": self.source,
            "why": self.why,
            "confidence": round(self.confidence, 3),
            "alternatives_considered": [f"{name} ({chance:.2f})" for name, chance in ordered],
            "inputs": self.inputs,
        }


def choose_first(brief: Brief, corpus: Corpus, policy: Policy) -> SourceChoice:
    """The source that is asked first: what a word of the question settles, else what looks most promising."""
    seen = _features(brief, corpus)
    chances = _chances(brief, seen)
    word = next((word for word in _WORD.findall(brief.question.lower()) if word in policy.sure_words), None)
    if word is not None:
        source, confidence = policy.sure_words[word]
        why = f"the word “{word}” settles it"
    else:
        source = max(chances, key=lambda name: chances[name])
        confidence = chances[source]
        why = _WHY[source]
    others = {name: chance for name, chance in chances.items() if name != source}
    return SourceChoice(source=source, confidence=confidence, why=why, others=others, inputs={"word": word, **seen})


def choose_second(brief: Brief, first: SourceChoice, policy: Policy) -> SourceChoice | None:
    """The source beside it: none beside one that is sure, examples for a guide, else the other kind of search."""
    if first.confidence >= policy.sure_enough:
        return None
    if brief.report_type == "how_to" and first.source != "examples":
        source, why = "examples", "a guide needs code"
    elif first.source == "bm25":
        source, why = "semantic", "meaning finds what is worded otherwise"
    else:
        source, why = "bm25", "words find exact names"
    chances = {name: chance for name, chance in first.others.items() if name != source}
    chance = first.others.get(source, 0.5)
    return SourceChoice(source=source, confidence=chance, why=why, others=chances, inputs={"first": first.source})


_WHY = {
    "api_reference": "the question names what the reference has under that name",
    "examples": "a task is best shown",
    "semantic": "it is described, not named",
    "bm25": "its words occur in the documentation",
    "version_notes": "it is about what changed",
}


def _features(brief: Brief, corpus: Corpus) -> dict[str, float]:
    written = brief.question.split()
    known = [corpus.index.knows(term) for term in brief.terms]
    return {
        "name_met": round(corpus.names_met(brief), 3),
        "likeness": round(corpus.likeness(brief), 3),
        "known_terms_share": round(sum(known) / len(known), 3) if known else 0.0,
        "code_share": round(min(1.0, len(identifiers(brief.question)) / len(written)), 3) if written else 0.0,
        "about_changes": float(
            bool(re.search(r"\b(deprecated|removed|migrate|upgrade)\b", brief.question, re.IGNORECASE))
        ),
    }


def _chances(brief: Brief, seen: dict[str, float]) -> dict[str, float]:
    """How likely each source suffices. The weights were set by hand on reports of earlier questions."""
    guide = brief.report_type == "how_to"
    return {
        "api_reference": _chance(5.0 * seen["name_met"] + 2.0 * seen["code_share"] - 2.2),
        "examples": _chance(1.1 if guide else -1.5),
        "semantic": _chance(7.0 * seen["likeness"] - 3.8),
        "bm25": _chance(1.6 * seen["known_terms_share"] - 1.2),
        "version_notes": _chance(4.0 * seen["about_changes"] - 2.5),
    }


def _chance(evidence: float) -> float:
    return 1 / (1 + math.exp(-evidence))
