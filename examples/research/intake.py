"""Intake: what is asked, what for, and about what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from assistant.classification import DOMAINS, Guess, guess_intent, guess_library, narrowed_to, softmax
from assistant.words import words
from examples.research.corpus import Corpus
from examples.research.model import Brief
from tracing_core.context import AnyTrace
from tracing_core.interface import TracingComponent

INTENTS = {
    "executing": ("How do I create a table?", "Show me how to add a button", "way to read a file", "write a test"),
    "learning": (
        "What is a session?",
        "Explain how dependency injection works",
        "Why is this needed?",
        "I want to understand",
    ),
    "validating": (
        "Is this safe to use?",
        "Should I use this or that?",
        "Is it true that it is faster?",
        "Is it the right way?",
    ),
    "exploring": (
        "Which ways are there?",
        "What options do I have?",
        "an overview of what is possible",
        "alternatives to it",
    ),
}
_CUES = {
    "executing": re.compile(
        r"^\s*(how (do|can|to|should|would)\b|show me)|\b(create|write|build) (a|an|the|my)\b", re.IGNORECASE
    ),
    "learning": re.compile(r"^\s*(what (is|are|does|do)\b|why\b|explain|describe)|\bunderstand\b", re.IGNORECASE),
    "validating": re.compile(
        r"^\s*(is|are|should|does|can) |\b(right way|safe|true that|better|difference)\b", re.IGNORECASE
    ),
    "exploring": re.compile(
        r"\b(which ways|options|overview|alternatives|ways (are|to)|possibilities)\b", re.IGNORECASE
    ),
}
_CUE_WEIGHT, _LIKENESS_WEIGHT = 2.5, 3.0
REPORT_TYPES = {
    "how_to": "how_to",
    "debug": "how_to",
    "explain": "explanation",
    "reference": "explanation",
    "compare": "comparison",
}
"""The kind of report that each kind of question asks for."""


class IntentClassifier(TracingComponent):
    """Takes a question apart.

    Args:
        corpus: what there is to search.
    """

    STAGE = "intake"

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus

    @property
    def component_name(self) -> str:
        return "intent_classifier"

    def get_trace_schema(self) -> dict[str, Any]:
        return {
            "description": "takes a question apart",
            "stages": [self.STAGE],
            "decisions": {
                "classified_intent": {"what": list(INTENTS), "confidence": True, "why": True},
                "classified_domain": {"what": sorted(set(DOMAINS.values())), "confidence": True, "why": True},
                "chose_report_type": {"what": sorted(set(REPORT_TYPES.values())), "confidence": True, "why": True},
            },
            "outputs": ["research_brief", "intent", "domain", "report_type", "libraries"],
        }

    def classify(self, question: str, trace: AnyTrace) -> Brief:
        """What `question` asks for; recorded as three decisions."""
        trace.start_stage(self.STAGE)
        vector = self._corpus.embed([question])[0]
        intent = self._intent(question, vector)
        library = guess_library(question, vector, self._corpus.index, self._corpus.embedder)
        domain = by_domain(library)
        report_type = by_report_type(guess_intent(question, vector, self._corpus.embedder))
        for decision, guess in (
            ("classified_intent", intent),
            ("classified_domain", domain),
            ("chose_report_type", report_type),
        ):
            trace.record(self.STAGE, decision, as_decision(guess))
        brief = Brief(
            question=question,
            vector=vector,
            terms=tuple(dict.fromkeys(words(question))),
            intent=intent.what,
            domain=domain.what,
            report_type=report_type.what,
            libraries=narrowed_to(library) or _of_domain(domain),
            chances=dict(library.odds),
        )
        trace.intent, trace.domain, trace.report_type = brief.intent, brief.domain, brief.report_type
        trace.library = brief.libraries[0] if len(brief.libraries) == 1 else None
        trace.end_stage(self.STAGE, outputs=_outputs(brief))
        return brief

    def _intent(self, question: str, vector: Any) -> Guess:
        likeness = {name: float((self._corpus.embed(samples) @ vector).max()) for name, samples in INTENTS.items()}
        cues = {name: match.group().strip() for name, cue in _CUES.items() if (match := cue.search(question))}
        odds = softmax({name: _LIKENESS_WEIGHT * likeness[name] + _CUE_WEIGHT * (name in cues) for name in INTENTS})
        what = max(odds, key=lambda name: odds[name])
        why = (
            f"the words “{cues[what]}” say so" if what in cues else "the question is most like the samples of this kind"
        )
        rounded = {name: round(value, 3) for name, value in likeness.items()}
        return Guess(
            what=what, why=why, odds=odds, inputs={"question": question, "cue_words": cues, "likeness": rounded}
        )


def as_decision(guess: Guess) -> dict[str, Any]:
    """A guess in the words of seed B."""
    return {
        "what": guess.what,
        "why": guess.why,
        "confidence": round(guess.confidence, 3),
        "alternatives_considered": guess.alternatives(),
        "inputs": dict(guess.inputs),
    }


def by_domain(library: Guess) -> Guess:
    """The domain, from the chances of the libraries in it."""
    odds = _added(library.odds, DOMAINS)
    what = max(odds, key=lambda name: odds[name])
    return Guess(what=what, why=f"{library.why}: most likely {library.what}", odds=odds, inputs=library.inputs)


def by_report_type(kind: Guess) -> Guess:
    """The type of report, from the chances of the kinds of question."""
    odds = _added(kind.odds, REPORT_TYPES)
    what = max(odds, key=lambda name: odds[name])
    return Guess(
        what=what, why=f"the question asks for it as a {kind.what} question: {kind.why}", odds=odds, inputs=kind.inputs
    )


def _added(odds: Mapping[str, float], groups: Mapping[str, str]) -> dict[str, float]:
    added: dict[str, float] = {}
    for name, chance in odds.items():
        added[groups[name]] = added.get(groups[name], 0.0) + chance
    return added


def _of_domain(domain: Guess) -> tuple[str, ...]:
    """The libraries of a domain that is likely enough; all (empty) otherwise."""
    return tuple(name for name, group in DOMAINS.items() if group == domain.what) if domain.confidence >= 0.5 else ()


def _outputs(brief: Brief) -> dict[str, Any]:
    return {
        "research_brief": f"A {brief.report_type} about {brief.domain} for somebody who is {brief.intent}: {brief.question}",
        "intent": brief.intent,
        "domain": brief.domain,
        "report_type": brief.report_type,
        "libraries": list(brief.libraries) or "all",
    }
