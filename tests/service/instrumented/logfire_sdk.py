"""Questions with logfire's instrumentation of the OpenAI client."""

import logfire
from openai import OpenAI

logfire.configure(send_to_logfire=False)  # to OTEL_EXPORTER_OTLP_ENDPOINT
logfire.instrument_openai()

client = OpenAI()


def ask(question: str, stream: bool) -> None:
    """Ask the model, within a span of the request."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    more = {"stream_options": {"include_usage": True}} if stream else {}
    with logfire.span("question", **{"gen_ai.conversation.id": "session-1", "user.id": "ann"}):
        said = client.chat.completions.create(
            model="gpt-4o-mini", messages=messages, max_tokens=20, temperature=0, stream=stream, **more
        )
        if stream:
            for _ in said:
                pass


ask("What is the capital of France?", stream=False)
ask("What is the capital of Italy?", stream=True)
logfire.shutdown()
