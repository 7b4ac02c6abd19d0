"""The steps from a question to its sources, each recorded: classification, two searches, fusion, reranking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from assistant.classification import DOMAINS, Guess, guess_intent, guess_library, narrowed_to
from assistant.embedding import DIMENSIONS, MODEL_NAME, Embedder, Vectors
from assistant.evidence import evidence
from assistant.model import Question, Source, Step
from assistant.recorder import Recorder, decide
from assistant.search.choice import BM25, SEMANTIC, choose_searches, features
from assistant.search.fusion import K, fuse
from assistant.search.index import Hit, SearchIndex
from assistant.search.rerank import AskedFor, Candidate, Ranked, rerank
from assistant.words import words
from tracing_core.model import SpanKind
from tracing_core.recording import AnySpan

PER_SEARCH = 20
RERANKED = 10


@dataclass(kw_only=True)
class Found:
    """What is known about a question so far; filled step by step."""

    vector: Vectors
    terms: list[str]
    intent: Guess
    libraries: tuple[str, ...] = ()
    odds: dict[str, float] = field(default_factory=dict)
    searches: Guess | None = None
    ranked: list[Ranked] = field(default_factory=list)
    sources: tuple[Source, ...] = ()
    kept: list[dict[str, Any]] = field(default_factory=list)

    @property
    def library(self) -> str | None:
        """The one library that the question is about; None when that is open, or when there are several."""
        return self.libraries[0] if len(self.libraries) == 1 else None


def retrieve(question: Question, index: SearchIndex, embedder: Embedder, recorder: Recorder) -> Iterator[Step | Found]:
    """Run the steps; yields one event after each, and at last what was found."""
    with recorder.step("classification", SpanKind.CLASSIFICATION) as span:
        found = _classify(question, index, embedder, recorder, span)
    yield recorder.ended("classification")
    with recorder.step("retrieval_semantic", SpanKind.RETRIEVAL) as span:
        found.searches = choose_searches(features(question.question, found.terms, index))
        decide(span, "source_selection", found.searches)
        asked = found.searches.what != BM25
        semantic = index.semantic(found.vector, found.libraries, PER_SEARCH) if asked else []
        _describe(span, semantic, asked, found, model=MODEL_NAME, strategy="cosine")
    yield recorder.ended("retrieval_semantic")
    with recorder.step("retrieval_bm25", SpanKind.RETRIEVAL) as span:
        asked = found.searches.what != SEMANTIC
        keywords = index.keywords(found.terms, found.libraries, PER_SEARCH) if asked else []
        _describe(span, keywords, asked, found, terms=found.terms[:50], strategy="bm25")
    yield recorder.ended("retrieval_bm25")
    with recorder.step("fusion_rrf", SpanKind.FUSION) as span:
        candidates = _fuse(semantic, keywords)
        span.set(n_candidates=len(candidates), n_semantic=len(semantic), n_bm25=len(keywords), k=K)
    yield recorder.ended("fusion_rrf")
    with recorder.step("reranking", SpanKind.RERANK) as span:
        _rerank(question, candidates, found, index, embedder, span)
    yield recorder.ended("reranking")
    yield found


def _classify(question: Question, index: SearchIndex, embedder: Embedder, recorder: Recorder, span: AnySpan) -> Found:
    text = question.question
    with recorder.trace.span("embedding", SpanKind.EMBEDDING, model=MODEL_NAME, dimensions=DIMENSIONS, chars=len(text)):
        vector = embedder.embed([text])[0]
    intent = guess_intent(text, vector, embedder)
    decide(span, "classified_intent", intent)
    found = Found(vector=vector, terms=words(text), intent=intent)
    if question.library_filter:
        found.libraries, found.odds = (question.library_filter,), {question.library_filter: 1.0}
    else:
        guess = guess_library(text, vector, index, embedder)
        found.libraries, found.odds = narrowed_to(guess), dict(guess.odds)
        decide(span, "classified_library", guess)
    searched = list(found.libraries) or "all"
    span.set(intent=intent.what, searched_libraries=searched, library_filter=question.library_filter)
    trace = recorder.trace
    trace.intent, trace.library = intent.what, found.library
    trace.domain = DOMAINS.get(found.library or "")
    return found


def _describe(span: AnySpan, hits: Sequence[Hit], asked: bool, found: Found, **more: Any) -> None:
    span.set(n_results=len(hits), libraries=list(found.libraries) or "all", **more)
    if hits:
        span.set(top_score=round(hits[0].score, 3), lowest_score=round(hits[-1].score, 3))
    if not asked:
        span.set(skipped=True)


def _fuse(semantic: Sequence[Hit], keywords: Sequence[Hit]) -> list[Candidate]:
    scores: dict[int, dict[str, float]] = {}
    for name, hits in (("semantic", semantic), ("bm25", keywords)):
        for rank, hit in enumerate(hits, start=1):
            scores.setdefault(hit.position, {}).update({name: round(hit.score, 3), f"{name}_rank": rank})
    fused = fuse([[hit.position for hit in semantic], [hit.position for hit in keywords]])
    return [Candidate(position=position, fused=score, scores=scores[position]) for position, score in fused]


def _rerank(
    question: Question,
    candidates: Sequence[Candidate],
    found: Found,
    index: SearchIndex,
    embedder: Embedder,
    span: AnySpan,
) -> None:
    first, unseen = candidates[:RERANKED], candidates[RERANKED:]
    telling = [term for term in found.terms if term not in words(" ".join(found.libraries))]
    asked = AskedFor(vector=found.vector, terms=telling or found.terms, libraries=found.odds)
    found.ranked = rerank(asked, first, index, embedder, question.limit)
    best = [one for one in found.ranked if one.reason is None]
    found.sources = tuple(_source(number, one) for number, one in enumerate(best, start=1))
    span.set(n_input=len(first), n_output=len(best), strategy="sentence + words + name", model=MODEL_NAME)
    if best:
        span.set(top_score=round(best[0].score, 3), moved=sum(one.rank_change != 0 for one in found.ranked))
    recorded = evidence(found.ranked, unseen, index)
    found.kept = recorded["kept"]
    span.record_evidence(recorded)


def _source(number: int, one: Ranked) -> Source:
    document = one.document
    has_arguments = document.signature != document.title
    text = f"{document.signature}\n\n{document.text}" if has_arguments else document.text
    return Source(
        index=number,
        id=document.id,
        title=document.title,
        library=document.library,
        text=text,
        score=round(one.score, 3),
    )
