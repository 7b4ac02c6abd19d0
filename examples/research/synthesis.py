"""Synthesis: a language model writes the answer, and the report is put together around it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from assistant.language import extractive
from assistant.language.choice import Choice, Models
from assistant.language.model import Piece, Usage
from assistant.model import DEFAULT_TEMPERATURE, Source
from assistant.prompts import Prompt
from assistant.stop import StopSignal
from assistant.words import shorten
from examples.research.composing import compose
from examples.research.model import Brief, Collected, Draft, Evidence, Plan, Rubric
from examples.research.snippets import without_code
from tracing_core.context import AnyTrace
from tracing_core.cost import CostTracker
from tracing_core.errors import TracewhyError
from tracing_core.interface import TracingComponent
from tracing_core.model import SpanKind, TokenUsage
from tracing_core.recording import AnySpan

_SYSTEM = (
    "You write the core of a report about Python libraries from the numbered documents, in at most five sentences."
)


class ReportWriter(TracingComponent):
    """Writes drafts.

    Args:
        models: chooses who writes.
        prices: what that costs.
    """

    STAGE = "synthesis"

    def __init__(self, models: Models, prices: CostTracker) -> None:
        self._models = models
        self._prices = prices

    @property
    def component_name(self) -> str:
        return "report_writer"

    def get_trace_schema(self) -> dict[str, Any]:
        return {
            "description": "writes drafts",
            "stages": [self.STAGE],
            "decisions": {"prompt_construction": {"why": True}, "model_selection": {"why": True}},
            "outputs": [
                "model",
                "token_usage",
                "cost_usd",
                "extractive",
                "report_length_chars",
                "sources_cited",
                "sections_generated",
            ],
        }

    def write(
        self, brief: Brief, rubric: Rubric, collected: Collected, plan: Plan, trace: AnyTrace, wanted: str | None = None
    ) -> Draft:
        """One draft by `plan`; recorded with its prompts, its model, its tokens and its cost.

        Args:
            wanted: a model by name; None leaves it open.

        Raises:
            ModelUnavailable: the language model does not answer.
            InvalidInput: there is no such model.
        """
        trace.start_stage(self.STAGE)
        try:
            draft = self._draft(brief, rubric, collected, plan, trace, wanted)
        except TracewhyError as error:
            trace.end_stage(self.STAGE, error=str(error))
            raise
        trace.end_stage(self.STAGE, outputs=_outputs(draft))
        return draft

    def _draft(
        self, brief: Brief, rubric: Rubric, collected: Collected, plan: Plan, trace: AnyTrace, wanted: str | None
    ) -> Draft:
        choice = self._models.choose(wanted)
        sources = _sources(collected.kept[: plan.documents])
        prompt = _prompt(brief, rubric, plan, sources, choice)
        trace.record(self.STAGE, "prompt_construction", _construction(rubric, plan, prompt, sources))
        trace.record(self.STAGE, "model_selection", _selection(choice))
        trace.record_prompts(self.STAGE, prompt.as_recorded())
        with trace.span("llm_generation", SpanKind.GENERATION) as span:
            answer, usage = _generate(choice, prompt, span)
        text = compose(brief, plan, answer, sources) + _signed(choice)
        return Draft(
            plan=plan,
            answer=answer,
            text=text,
            sources=sources,
            model=choice.model.name,
            usage=usage,
            cost_usd=self._cost(choice, usage),
        )

    def _cost(self, choice: Choice, usage: Usage) -> float | None:
        if choice.model.name == extractive.NAME:
            return 0.0
        tokens = TokenUsage(
            input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens, cached_tokens=usage.cached_tokens
        )
        cost = self._prices.cost(choice.model.name, tokens)
        return None if cost is None else float(cost)


def _sources(evidence: Sequence[Evidence]) -> tuple[Source, ...]:
    return tuple(_source(number, each) for number, each in enumerate(evidence, start=1))


def _source(number: int, evidence: Evidence) -> Source:
    document = evidence.document
    has_arguments = document.signature != document.title
    return Source(
        index=number,
        id=document.id,
        title=document.title,
        library=document.library,
        text=f"{document.signature}\n\n{document.text}" if has_arguments else document.text,
        score=evidence.scores["composite"],
    )


def _prompt(brief: Brief, rubric: Rubric, plan: Plan, sources: Sequence[Source], choice: Choice) -> Prompt:
    """The rubric as instructions, and as much prose of the evidence as the model takes in; code has a section of its own."""
    budget = choice.model.budget
    sent = tuple(replace(s, text=without_code(s.text)) for s in sources[: min(plan.documents, budget.documents)])
    documents = "\n\n".join(f"[{s.index}] {s.title}\n{shorten(s.text, budget.document_chars)}" for s in sent)
    rules = "\n".join(f"- {principle.asks}" for principle in rubric.active)
    asked = shorten(brief.question.strip(), budget.question_chars)
    return Prompt(
        question=asked,
        sources=sent,
        system_prompt=f"{_SYSTEM}\n{rules}",
        user_message=f"Documents:\n\n{documents or 'Nothing was found.'}\n\nQuestion: {asked}",
        temperature=DEFAULT_TEMPERATURE,
        max_tokens=budget.answer_tokens,
        opening=f"According to [1], `{sent[0].title}`" if budget.opening and sent else "",
    )


def _generate(choice: Choice, prompt: Prompt, span: AnySpan) -> tuple[str, Usage]:
    span.set(model=choice.model.name, provider=choice.model.provider, temperature=prompt.temperature)
    pieces: list[str] = []
    usage = Usage()
    with closing(choice.model.stream(prompt, StopSignal())) as stream:  # type: ignore[type-var]
        for piece in stream:
            if isinstance(piece, Piece):
                pieces.append(piece.text)
            else:
                usage = piece
    counted = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cached_tokens": usage.cached_tokens,
        "finish_reason": usage.finish_reason,
    }
    span.set(**{name: value for name, value in counted.items() if value is not None})
    answer = "".join(pieces)
    if choice.model.name == extractive.NAME:
        span.set(note="no language model is in use; the answer quotes the sources")
        answer = _quotes_alone(answer)
    return answer, usage


def _signed(choice: Choice) -> str:
    """Who wrote it."""
    nobody = (
        " (no language model is in use; the answer quotes the sources)" if choice.model.name == extractive.NAME else ""
    )
    return f"\n*Written by {choice.model.name}{nobody}.*\n"


def _quotes_alone(answer: str) -> str:
    """What the extractive answerer quotes, without what it says of itself; the report says that at its end."""
    if answer == extractive.NOTHING:
        return ""
    return answer.removeprefix(extractive.OPENING).replace("\n> ", "\n").strip().removeprefix("> ")


def _construction(rubric: Rubric, plan: Plan, prompt: Prompt, sources: Sequence[Source]) -> dict[str, Any]:
    return {
        "what": f"{len(prompt.sources)} documents",
        "why": "the documents give the facts, the principles say what the report will be held to",
        "confidence": None,
        "inputs": {
            "active_principles": len(rubric.active),
            "sections": sorted(plan.sections),
            "evidence": len(sources),
            "only_cited": plan.only_cited,
        },
    }


def _selection(choice: Choice) -> dict[str, Any]:
    return {
        "what": choice.model.name,
        "why": choice.why,
        "confidence": None,
        "alternatives_considered": [f"{name}: {why_not}" for name, why_not in choice.others.items()],
    }


def _outputs(draft: Draft) -> dict[str, Any]:
    usage = draft.usage
    return {
        "model": draft.model,
        "extractive": draft.model == extractive.NAME,
        "token_usage": {
            "input_tokens": usage.prompt_tokens,
            "output_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
        },
        "cost_usd": draft.cost_usd,
        "report_length_chars": len(draft.text),
        "sources_cited": len({s.index for s in draft.sources if f"[{s.index}]" in draft.text}),
        "sections_generated": draft.text.count("\n## "),
    }
