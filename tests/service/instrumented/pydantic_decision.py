"""A pydantic-ai agent whose model decides among routes instead of writing."""

from typing import Literal

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.decision import (
    ChoiceAnswer,
    DecisionModel,
    DecisionModelSettings,
    DecisionRequest,
    DecisionResponse,
)
from pydantic_ai.usage import RequestUsage

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))  # to OTEL_EXPORTER_OTLP_ENDPOINT
trace.set_tracer_provider(provider)
Agent.instrument_all()


class Words(DecisionModel):
    """Decides by the words that options and question share."""

    model_name = "words"
    system = "own"

    async def decide(self, request: DecisionRequest, model_settings: DecisionModelSettings) -> DecisionResponse:
        """The options that the question names are likelier."""
        answers = {}
        for name, question in request.questions.items():
            weights = {option: 3.0 if option in str(request.state) else 1.0 for option in question.criteria}
            shares = {option: weight / sum(weights.values()) for option, weight in weights.items()}
            choice = max(shares, key=shares.get)
            answers[name] = ChoiceAnswer(choice=choice, confidence=shares[choice], probabilities=shares)
        usage = RequestUsage(input_tokens=40, output_tokens=2)
        return DecisionResponse(answers=answers, model_name="words-1", usage=usage)


class Source(BaseModel):
    """Where to look for the answer."""

    source: Literal["mail", "wiki", "code"]


Agent(Words(), output_type=Source).run_sync("Is the wiki right about this?", conversation_id="session-1")
provider.shutdown()
