"""Questions with OpenLLMetry's instrumentation of the OpenAI client, sent over gRPC."""

import openai
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))  # to OTEL_EXPORTER_OTLP_ENDPOINT
trace.set_tracer_provider(provider)
OpenAIInstrumentor().instrument()

client = openai.OpenAI()
tracer = trace.get_tracer("shop")


def ask(question: str, stream: bool) -> str:
    """An answer."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    more = {"stream_options": {"include_usage": True}} if stream else {}
    said = client.chat.completions.create(
        model="gpt-4o-mini", messages=messages, max_tokens=20, temperature=0, stream=stream, **more
    )
    if stream:
        return "".join(chunk.choices[0].delta.content or "" for chunk in said if chunk.choices)
    return said.choices[0].message.content


for question, stream in (("What is the capital of France?", False), ("What is the capital of Italy?", True)):
    with tracer.start_as_current_span("ask") as span:
        span.set_attributes({"session.id": "session-1", "user.id": "ann"})
        ask(question, stream)
provider.shutdown()
