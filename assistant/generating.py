"""The last step: a language model answers from the sources, and the answer is weighed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

from assistant.citations import find_citations, grounding
from assistant.classification import Guess
from assistant.confidence import Signs, judge
from assistant.embedding import Embedder
from assistant.evidence import mark_use
from assistant.language import extractive
from assistant.language.choice import Choice
from assistant.language.circles import CIRCLE_CHARS, in_circles
from assistant.language.model import Usage
from assistant.model import Citation, Question, Token
from assistant.prompts import Prompt, make_prompt
from assistant.recorder import Recorder, decide
from assistant.retrieving import Found
from assistant.search.index import SearchIndex
from assistant.search.rerank import share
from assistant.stop import StopSignal
from assistant.words import words
from tracing_core.model import SpanKind
from tracing_core.recording import NO_SPAN, AnySpan

STEP = "llm_generation"
GONE = "client went away"


@dataclass(kw_only=True)
class Generated:
    """An answer while it grows, and what it took."""

    choice: Choice
    prompt: Prompt
    pieces: list[str] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    first_token_ms: float | None = None
    tokens_per_second: float | None = None
    stopped: bool = False
    span: AnySpan = NO_SPAN

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self.pieces)


def start(question: Question, found: Found, choice: Choice) -> Generated:
    """Make the prompt for the model that was chosen."""
    return Generated(
        choice=choice,
        prompt=make_prompt(question.question, found.sources, question.temperature, choice.model.budget),
    )


def generate(generated: Generated, recorder: Recorder, stop: StopSignal) -> Iterator[Token]:
    """Stream the answer. When the consumer closes this generator, the model's connection is closed at once."""
    with recorder.step(STEP, SpanKind.GENERATION) as span:
        generated.span = span
        _describe(generated, span)
        try:
            yield from _tokens(generated, recorder, stop)
        except GeneratorExit:  # not an error of this step, so it must not leave through its span
            generated.stopped = True
        recorder.trace.answer = generated.text
        generated.stopped = generated.stopped or stop.is_set()
        _count(generated)
        if generated.stopped:
            span.set(stopped=GONE)


def _tokens(generated: Generated, recorder: Recorder, stop: StopSignal) -> Iterator[Token]:
    start = first = recorder.now()
    try:
        with closing(generated.choice.model.stream(generated.prompt, stop)) as pieces:  # type: ignore[type-var]
            for piece in pieces:
                if isinstance(piece, Usage):
                    generated.usage = piece
                    continue
                if generated.first_token_ms is None:
                    generated.first_token_ms, first = recorder.since(start), recorder.now()
                    generated.span.event("first_token", time_to_first_token_ms=generated.first_token_ms)
                generated.pieces.append(piece.text)
                generated.usage = piece.so_far or generated.usage
                yield Token(text=piece.text)
                if in_circles(generated.text[-CIRCLE_CHARS:]):
                    generated.usage = replace(generated.usage, finish_reason="ran in circles")
                    break
    finally:
        recorder.trace.answer = generated.text
    seconds, tokens = recorder.since(first) / 1000, generated.usage.completion_tokens
    if tokens and tokens > 1 and seconds > 0:
        generated.tokens_per_second = round((tokens - 1) / seconds, 1)


def _describe(generated: Generated, span: AnySpan) -> None:
    choice, prompt = generated.choice, generated.prompt
    span.set(
        model=choice.model.name,
        provider=choice.model.provider,
        temperature=prompt.temperature,
        max_tokens=prompt.max_tokens,
        sources_sent=len(prompt.sources),
    )
    if choice.model.name == extractive.NAME:
        span.set(extractive=True, note="no language model is in use; the answer quotes the sources")
    span.decide(
        "model_selection",
        what=choice.model.name,
        why=choice.why,
        confidence=1.0,
        alternatives_considered=[f"{name}: {why_not}" for name, why_not in choice.others.items()],
        inputs={"sources": len(prompt.sources), "answer_tokens_at_most": prompt.max_tokens},
    )
    span.record_prompts(prompt.as_recorded())


def _count(generated: Generated) -> None:
    usage = generated.usage
    facts = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "cached_tokens": usage.cached_tokens,
        "finish_reason": usage.finish_reason,
        "time_to_first_token_ms": generated.first_token_ms,
        "tokens_per_second": generated.tokens_per_second,
    }
    generated.span.set(**{name: value for name, value in facts.items() if value is not None})


def weigh(
    generated: Generated, found: Found, index: SearchIndex, embedder: Embedder, threshold: float
) -> tuple[Guess, tuple[Citation, ...]]:
    """How far the answer can be trusted, with its citations; both are recorded on the step.

    Args:
        threshold: the confidence that an answer without a caveat needs.
    """
    sources = generated.prompt.sources
    citations = find_citations(generated.text, sources, embedder)
    mark_use(found.kept, len(sources), {citation.index for citation in citations})
    guess = judge(_signs(generated, found, citations, index), threshold)
    decide(generated.span, "answer_confidence", guess)
    cited = [{"source": c.index, "score": c.score, "explicit": c.explicit, "sentence": c.sentence} for c in citations]
    generated.span.set_outputs({"citations": cited})
    return guess, citations


def _signs(generated: Generated, found: Found, citations: tuple[Citation, ...], index: SearchIndex) -> Signs:
    kept = [one for one in found.ranked if one.reason is None]
    left_out = [one.score for one in found.ranked if one.reason is not None]
    weights = {term: index.weight(term) for term in set(found.terms)}
    having = set(words(" ".join(f"{source.title} {source.text}" for source in found.sources)))
    return Signs(
        top_score=kept[0].score if kept else 0.0,
        margin=max(0.0, kept[0].score - max(left_out)) if kept and left_out else 0.0,
        coverage=share(weights, having),
        grounding=grounding(generated.text, citations),
    )
