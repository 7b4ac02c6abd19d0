"""Collection: which sources are asked, what they bring, and what of it is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from assistant.corpus.chunks import FEWEST_CHARS
from assistant.words import shorten
from examples.research.corpus import Corpus
from examples.research.model import Brief, Collected, Evidence
from examples.research.policy import Policy
from examples.research.scoring import score
from examples.research.snippets import has_code, without_code
from examples.research.source_choice import SourceChoice, choose_first, choose_second
from tracing_core.context import AnyTrace
from tracing_core.interface import TracingComponent
from tracing_core.model import SpanKind

_GLANCE_CHARS = 300


class EvidenceCollector(TracingComponent):
    """Finds evidence and sifts it.

    Args:
        corpus: what there is to search.
        policy: the rules in force.
    """

    STAGE = "collection"

    def __init__(self, corpus: Corpus, policy: Policy) -> None:
        self._corpus = corpus
        self._policy = policy

    @property
    def component_name(self) -> str:
        return "evidence_collector"

    def get_trace_schema(self) -> dict[str, Any]:
        sources = list(self._corpus.sources)
        return {
            "description": "finds evidence and sifts it",
            "stages": [self.STAGE],
            "decisions": {
                "source_selection": {"what": sources, "confidence": True, "why": True},
                "supplement_selection": {"what": sources, "confidence": True, "why": True},
                "query_formulation": {"why": True},
                "evidence_cleaning": {"what": ["whole", "prose only"], "why": True},
            },
            "outputs": [
                "evidence_passed",
                "evidence_filtered",
                "evidence_retrieved",
                "evidence_used",
                "quality_threshold_used",
                "primary_source",
            ],
        }

    def collect(self, brief: Brief, trace: AnyTrace) -> Collected:
        """The evidence for one report; recorded with its sources, scores and reasons."""
        trace.start_stage(self.STAGE)
        first = choose_first(brief, self._corpus, self._policy)
        second = choose_second(brief, first, self._policy)
        choices = [first] if second is None else [first, second]
        trace.record(self.STAGE, "source_selection", first.as_decision())
        if second is not None:
            trace.record(self.STAGE, "supplement_selection", second.as_decision())
        queries = _queries(brief)
        trace.record(self.STAGE, "query_formulation", _formulation(queries, brief))
        found = self._search(brief, choices, queries, trace)
        scored = score(brief, found, self._corpus, self._policy)
        cleaned = self._clean(brief, scored, trace)
        collected = Collected(
            primary=first.source,
            kept=tuple(evidence for evidence in cleaned if evidence.reason is None),
            filtered=tuple(evidence for evidence in cleaned if evidence.reason is not None),
            by_source=dict(Counter(found.values())),
        )
        trace.record_evidence(self.STAGE, as_evidence(collected, queries))
        trace.end_stage(self.STAGE, outputs=self._outputs(collected))
        return collected

    def note_use(self, collected: Collected, used: int, trace: AnyTrace) -> None:
        """Add to what collection gave how much of it the report cites, which is known only when that is written."""
        trace.end_stage(self.STAGE, outputs=self._outputs(collected) | {"evidence_used": used})

    def _search(
        self, brief: Brief, choices: Sequence[SourceChoice], queries: Sequence[str], trace: AnyTrace
    ) -> dict[int, str]:
        """Position in the index to the source that found it first."""
        found: dict[int, str] = {}
        for choice, limit in zip(choices, (self._policy.collected, self._policy.collected // 2), strict=False):
            with trace.span(f"search_{choice.source}", SpanKind.RETRIEVAL, limit=limit) as span:
                new = 0
                for query in queries:
                    for hit in self._corpus.search(choice.source, brief, query, limit):
                        if new < limit and hit.position not in found:
                            found[hit.position] = choice.source
                            new += 1
                span.set(n_results=new, queries=list(queries))
        return found

    def _clean(self, brief: Brief, scored: Sequence[Evidence], trace: AnyTrace) -> list[Evidence]:
        """Take out of the evidence what must not be in reports of this domain."""
        why = self._policy.without_code.get(brief.domain)
        if why is None:
            cleaning = {"what": "whole", "why": "nothing speaks against any part of it"}
            cleaned = list(scored)
        else:
            cleaning = {"what": "prose only", "why": why}
            cleaned = [_prose(evidence, brief.domain) for evidence in scored]
        code = sum(has_code(evidence.document.text) for evidence in cleaned if evidence.reason is None)
        inputs = {"domain": brief.domain, "kept_with_code": code}
        trace.record(self.STAGE, "evidence_cleaning", {**cleaning, "confidence": None, "inputs": inputs})
        return cleaned

    def _outputs(self, collected: Collected) -> dict[str, Any]:
        return {
            "evidence_passed": len(collected.kept),
            "evidence_filtered": len(collected.filtered),
            "evidence_retrieved": len(collected.kept) + len(collected.filtered),
            "quality_threshold_used": self._policy.least_composite,
            "primary_source": collected.primary,
        }


def _queries(brief: Brief) -> list[str]:
    """The question, and its words alone."""
    return list(dict.fromkeys([brief.question, " ".join(brief.terms)]))


def _formulation(queries: Sequence[str], brief: Brief) -> dict[str, Any]:
    return {
        "what": list(queries),
        "why": "the question as it was asked, and its words without the empty ones",
        "confidence": None,
        "alternatives_considered": ["the question alone"],
        "inputs": {"libraries": list(brief.libraries) or "all"},
    }


def _prose(evidence: Evidence, domain: str) -> Evidence:
    if evidence.reason is not None or not has_code(evidence.document.text):
        return evidence
    text = without_code(evidence.document.text)
    if len(text) < FEWEST_CHARS:
        return replace(evidence, reason=f"nothing is left of it without code, which {domain} does not keep")
    return replace(evidence, document=replace(evidence.document, text=text))


def as_evidence(collected: Collected, queries: Sequence[str]) -> dict[str, Any]:
    """What was collected in the words of seed B."""
    return {
        "collected_count": len(collected.kept) + len(collected.filtered),
        "by_source": dict(collected.by_source),
        "query_terms_used": list(queries),
        "kept": [{**_facts(each), "text": shorten(each.document.text, _GLANCE_CHARS)} for each in collected.kept],
        "filtered_out": [{**_facts(each), "reason": each.reason} for each in collected.filtered],
    }


def _facts(evidence: Evidence) -> Mapping[str, Any]:
    document = evidence.document
    return {
        "id": document.id,
        "title": document.title,
        "library": document.library,
        "source": evidence.source,
        "scores": dict(evidence.scores),
    }
