"""Questions with OpenTelemetry's own instrumentation of the OpenAI client; the content goes where the environment says."""

import openai
from opentelemetry import _logs, metrics, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))  # to OTEL_EXPORTER_OTLP_ENDPOINT
trace.set_tracer_provider(provider)
logs = LoggerProvider()
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
_logs.set_logger_provider(logs)
meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
metrics.set_meter_provider(meters)
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
        span.set_attributes({"gen_ai.conversation.id": "session-1", "user.id": "ann"})
        ask(question, stream)
for each in (provider, logs, meters):
    each.shutdown()
