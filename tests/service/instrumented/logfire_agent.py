"""A pydantic-ai agent with a tool, instrumented by logfire."""

import logfire
from pydantic_ai import Agent

logfire.configure(send_to_logfire=False)  # to OTEL_EXPORTER_OTLP_ENDPOINT
logfire.instrument_pydantic_ai()

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


with logfire.span("weather", **{"user.id": "ann"}):
    guide.run_sync("What is the weather in Paris?", conversation_id="session-1")
logfire.shutdown()
