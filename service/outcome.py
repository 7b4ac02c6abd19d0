"""What came of a question: the answer with its numbers, which are the ones that the trace's row will have."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from assistant.model import Done
from service.schemas import AskResponse, ChatResponse, Latency, QueryResponse, Tokens
from tracing_core.cost import CostTracker
from tracing_core.freeze import freeze
from tracing_core.model import TokenUsage
from tracing_core.projection import Projector
from tracing_core.quality import QualityRules
from tracing_core.settings import Settings
from tracing_core.steps import steps_view
from tracing_core.trace import Trace


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """An answer, and what its trace says.

    Args:
        done: the assistant's last word.
        view: the trace in seed C's shape; None when the run is not recorded.
        latency: milliseconds.
        cost_usd: None when the model's price is not known.
        trace_id: under which the trace is found; None when it is not recorded.
        stored: whether it can be found already.
    """

    done: Done
    view: dict[str, Any] | None
    latency: Latency
    cost_usd: float | None
    trace_id: str | None
    stored: bool

    @property
    def tokens(self) -> Tokens:
        """Tokens as the model counted them."""
        done = self.done
        return Tokens(prompt=done.prompt_tokens, completion=done.completion_tokens, total=done.total_tokens)

    def as_event(self) -> dict[str, Any]:
        """The data of the stream's `done` event."""
        return {
            "trace_id": self.trace_id,
            "interaction_id": self.trace_id,
            "stored": self.stored,
            "total_ms": self.latency.total,
            "latency_ms": self.latency.model_dump(),
            "steps": self.view["steps"] if self.view else [],
            "answer": self.done.answer,
            "citations": [asdict(citation) for citation in self.done.citations],
            "confidence": self.done.confidence,
            "intent": self.done.intent,
            "library": self.done.library,
            "model": self.done.model,
            "provider": self.done.provider,
            "tokens": self.tokens.model_dump(),
            "time_to_first_token_ms": self.done.time_to_first_token_ms,
            "tokens_per_second": self.done.tokens_per_second,
            "cost_usd": self.cost_usd,
        }

    def as_ask(self) -> AskResponse:
        """The answer to `POST /ask`."""
        return AskResponse(
            answer=self.done.answer,
            sources=[asdict(source) for source in self.done.sources],
            citations=[asdict(citation) for citation in self.done.citations],
            confidence=self.done.confidence,
            model=self.done.model,
            tokens=self.tokens,
            cost_usd=self.cost_usd,
            trace=self.view,
            trace_id=self.trace_id,
            interaction_id=self.trace_id,
        )

    def as_query(self) -> QueryResponse:
        """The answer to `POST /api/v1/query`."""
        return QueryResponse(
            answer=self.done.answer,
            sources=[asdict(source) for source in self.done.sources],
            confidence=self.done.confidence,
            trace_id=self.trace_id,
        )

    def as_chat(self) -> ChatResponse:
        """The answer to `POST /api/v1/chat`."""
        return ChatResponse(
            interaction_id=self.trace_id,
            answer=self.done.answer,
            citations=[asdict(citation) for citation in self.done.citations],
            sources=[asdict(source) for source in self.done.sources],
            confidence=self.done.confidence,
            latency_ms=self.latency,
            tokens=self.tokens,
            model_name=self.done.model,
            cost_estimate=self.cost_usd,
        )


class Bookkeeper:
    """Reads the numbers of a finished run off its trace, by the rules and prices in force."""

    def __init__(self, settings: Settings) -> None:
        self.model: str | None = settings.llm_model
        """Which model answered last; before that, which one is set."""
        self._prices = CostTracker(settings.prices)
        self._projector = Projector(rules=QualityRules.of(settings), prices=self._prices)

    def outcome(self, done: Done, trace: Trace | None, trace_id: str | None, stored: bool) -> Outcome:
        """The outcome of a run.

        Args:
            done: the assistant's last word.
            trace: the marked trace; None when the run is not recorded.
            trace_id: under which it was stored.
            stored: whether it was.
        """
        self.model = done.model
        if trace is None:
            usage = TokenUsage(input_tokens=done.prompt_tokens, output_tokens=done.completion_tokens)
            cost = self._prices.cost(done.model, usage)
            row: dict[str, Any] = {"duration_ms": done.total_ms, "cost_usd": cost}
            view = None
        else:
            data = freeze(trace)
            row = self._projector.project(data).trace
            view = steps_view(data) | {"trace_id": trace_id}
        cost = row["cost_usd"]
        return Outcome(
            done=done,
            view=view,
            latency=Latency(
                total=row["duration_ms"], retrieval=row.get("retrieval_ms"), generation=row.get("generation_ms")
            ),
            cost_usd=None if cost is None else float(cost),
            trace_id=trace_id,
            stored=stored,
        )
