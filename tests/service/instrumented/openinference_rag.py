"""Questions about documents, with OpenInference's instrumentation of the OpenAI client."""

import openai
from openinference.instrumentation import OITracer, TraceConfig, using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))  # to OTEL_EXPORTER_OTLP_ENDPOINT
trace.set_tracer_provider(provider)
OpenAIInstrumentor().instrument()

tracer = OITracer(trace.get_tracer("shop"), config=TraceConfig())
client = openai.OpenAI()
DOCUMENTS = {
    "fr": "Paris is the capital of France. It lies on the Seine.",
    "it": "Rome is the capital of Italy.",
    "ja": "東京 is the capital of Japan.",
}


def retrieve(question: str) -> dict[str, str]:
    """The documents that fit."""
    with tracer.start_as_current_span("retrieve", openinference_span_kind="retriever") as span:
        span.set_input(question)
        for place, (name, text) in enumerate(DOCUMENTS.items()):
            document = f"retrieval.documents.{place}.document"
            attributes = {f"{document}.id": name, f"{document}.content": text, f"{document}.score": 0.9 - place / 10}
            span.set_attributes(attributes)
        return DOCUMENTS


def ask(question: str, stream: bool) -> str:
    """An answer by the documents."""
    with tracer.start_as_current_span("ask", openinference_span_kind="chain") as span:
        span.set_input(question)
        found = "\n".join(retrieve(question).values())
        messages = [
            {"role": "system", "content": f"Answer in one short sentence.\n{found}"},
            {"role": "user", "content": question},
        ]
        more = {"stream_options": {"include_usage": True}} if stream else {}
        said = client.chat.completions.create(
            model="gpt-4o-mini", messages=messages, max_tokens=20, temperature=0, stream=stream, **more
        )
        if stream:
            answer = "".join(chunk.choices[0].delta.content or "" for chunk in said if chunk.choices)
        else:
            answer = said.choices[0].message.content
        span.set_output(answer)
        return answer


with using_attributes(session_id="session-1", user_id="ann", tags=["geography"]):
    ask("What is the capital of France?", stream=False)
    ask("What is the capital of Italy?", stream=True)
provider.shutdown()
