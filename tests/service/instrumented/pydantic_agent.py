"""A pydantic-ai agent with a tool."""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from pydantic_ai import Agent

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))  # to OTEL_EXPORTER_OTLP_ENDPOINT
trace.set_tracer_provider(provider)
Agent.instrument_all()

guide = Agent(
    "openai-chat:gpt-4o-mini",
    name="guide",
    instructions="Tell the weather in one short sentence.",
    model_settings={"max_tokens": 30, "temperature": 0},
)


@guide.tool_plain
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"It is sunny in {city}, 21 degrees."


with trace.get_tracer("shop").start_as_current_span("weather") as span:
    span.set_attributes({"user.id": "ann"})
    guide.run_sync("What is the weather in Paris?", conversation_id="session-1")
provider.shutdown()
