"""What published instrumentation sends, unmodified and with its defaults, arrives in its fields (E1).

Each program under `instrumented/` is one that a user would write. It runs in a process of its own, calls the embedded
language model through the OpenAI client, and knows of us by environment variables alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from textwrap import indent

import pytest

from assistant.language.embedded import missing
from launch.environment import APART
from tests.factories import make_span
from tests.service.applications import ANSWERED_BY, PROGRAMS, Applications, Arrived, applications
from tracing_core.dialects import unmapped_keys
from tracing_core.model import SpanKind, SpanStatus, TraceStatus
from tracing_core.query.feedback import for_trace
from tracing_core.query.trace import decisions
from tracing_core.storage.database import Database

pytestmark = pytest.mark.skipif(missing() is not None, reason=f"no embedded model: {missing()}")

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
FRANCE, ITALY = "What is the capital of France?", "What is the capital of Italy?"
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


@pytest.fixture(scope="module")
def apps(shared_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applications]:
    """The service and the model's server, for all programs."""
    with applications(shared_database, tmp_path_factory.mktemp("applications")) as apps:
        yield apps


def check_trace(arrived: Arrived, question: str) -> None:
    """What every trace of a question has, whoever sent it; no attribute of it is unknown here."""
    trace = arrived.trace
    assert (trace.status, trace.source, trace.error) == (TraceStatus.COMPLETE, "otlp", None)
    assert (trace.query, trace.model) == (question, ANSWERED_BY)
    assert (trace.session_id, trace.user_id) == ("session-1", "ann")
    assert trace.answer
    assert trace.input_tokens
    assert trace.output_tokens
    assert trace.duration_ms is not None
    assert trace.unknown_models == ()
    for span in arrived.spans:
        assert unmapped_keys(make_span(attributes=arrived.payload(span).attributes)) == ()
    assert trace.cost_usd == Decimal(trace.input_tokens + 2 * trace.output_tokens) / 1_000_000


def check_call(arrived: Arrived, question: str, *, system: str) -> None:
    """What the one model call in a trace has: the trace's tokens, cost and answer, and a prompt that can be read."""
    (call,) = arrived.of_kind(SpanKind.LLM)
    trace = arrived.trace
    assert (trace.input_tokens or 0) + (trace.output_tokens or 0) == call.total_tokens
    assert (call.model, call.cost_usd) == (ANSWERED_BY, trace.cost_usd)
    assert call.status is not SpanStatus.ERROR
    assert call.duration_ms is not None
    assert 0 < call.duration_ms <= (trace.duration_ms or 0)
    payload = arrived.payload(call)
    assert payload.prompts["user_message"] == question
    assert payload.prompts["system_prompt"].startswith(system)
    assert payload.outputs["answer"] == trace.answer


def check_first_token(arrived: Arrived, *, streamed: bool) -> None:
    """The time to the first token of a call that was streamed."""
    first = arrived.trace.time_to_first_token_ms
    if streamed:
        assert first is not None
        assert 0 < first <= (arrived.trace.duration_ms or 0)
    else:
        assert first is None


def test_openinference_over_http(apps: Applications) -> None:
    """Kinds, documents, session, user and tags of a chain that retrieves and asks, plain and streamed."""
    found = apps.run("openinference_rag", "openinference")
    assert len(found) == 2
    for arrived, question, streamed in zip(found, (FRANCE, ITALY), (False, True), strict=True):
        check_trace(arrived, question)
        check_call(arrived, question, system="Answer in one short sentence.")
        check_first_token(arrived, streamed=streamed)
        assert [span.kind for span in arrived.spans] == [SpanKind.CHAIN, SpanKind.RETRIEVAL, SpanKind.LLM]
        assert (arrived.trace.provider, arrived.trace.tags) == ("openai", ("geography",))
        assert arrived.trace.evidence_collected == 3
        kept = arrived.payload(arrived.spans[1]).evidence["kept"]
        assert [document["id"] for document in kept] == ["fr", "it", "ja"]
        assert kept[2]["text"] == "東京 is the capital of Japan."
        assert [document["scores"]["score"] for document in kept] == [0.9, 0.8, 0.7]


def test_openllmetry_over_grpc(apps: Applications) -> None:
    """Prompts, answers and tokens of each call; session and user, which are on the span around it, rise to the trace."""
    found = apps.run("openllmetry", "openllmetry", OTEL_EXPORTER_OTLP_ENDPOINT=apps.grpc_url)
    assert len(found) == 2
    for arrived, question, streamed in zip(found, (FRANCE, ITALY), (False, True), strict=True):
        check_trace(arrived, question)
        check_call(arrived, question, system="Be brief.")
        check_first_token(arrived, streamed=streamed)
        assert arrived.trace.provider == "openai"
        assert arrived.trace.cached_tokens is not None


@pytest.mark.parametrize("content", ["span_only", "event_only", "span_and_event"])
def test_opentelemetry_genai(apps: Applications, content: str) -> None:
    """Prompts and answers in span attributes, in log records that come in requests of their own, or in both."""
    found = apps.run("opentelemetry_genai", f"genai-{content}", **{CONTENT: content})
    assert len(found) == 2
    for arrived, question in zip(found, (FRANCE, ITALY), strict=True):
        check_trace(arrived, question)
        check_call(arrived, question, system="Be brief.")
        assert arrived.trace.provider == "openai"
        (call,) = arrived.of_kind(SpanKind.LLM)
        payload = arrived.payload(call)
        assert ("gen_ai.input.messages" in payload.attributes) == ("span" in content)
        assert bool(payload.events) == ("event" in content)
        assert arrived.trace.span_count == 2


def test_opentelemetry_genai_by_its_defaults(apps: Applications) -> None:
    """It sends no content then: everything but question and answer is there."""
    for arrived in apps.run("opentelemetry_genai", "genai-default"):
        assert (arrived.trace.query, arrived.trace.answer) == (None, None)
        assert (arrived.trace.model, arrived.trace.session_id, arrived.trace.user_id) == (
            ANSWERED_BY,
            "session-1",
            "ann",
        )
        (call,) = arrived.of_kind(SpanKind.LLM)
        assert call.total_tokens == (arrived.trace.input_tokens or 0) + (arrived.trace.output_tokens or 0) > 0


def test_pydantic_ai(apps: Applications) -> None:
    """An agent, its calls and its tool; the agent repeats what its calls used, which is counted once."""
    (arrived,) = apps.run("pydantic_agent", "pydantic-ai")
    check_trace(arrived, "What is the weather in Paris?")
    (agent,), calls, (tool,) = (arrived.of_kind(kind) for kind in (SpanKind.AGENT, SpanKind.LLM, SpanKind.TOOL))
    used = sum(call.total_tokens or 0 for call in calls)
    assert len(calls) == 2
    assert (arrived.trace.input_tokens or 0) + (arrived.trace.output_tokens or 0) == used == agent.total_tokens
    assert arrived.trace.cost_usd == sum(call.cost_usd or 0 for call in calls)
    asked, told = (arrived.payload(call) for call in calls)
    assert asked.prompts["system_prompt"] == "Tell the weather in one short sentence."
    (wanted,) = asked.outputs["tool_calls"]
    assert wanted["name"] == "get_weather"
    held = arrived.payload(tool).outputs
    assert held["arguments"] == wanted["arguments"]
    assert held["result"] == f"It is sunny in {wanted['arguments']['city']}, 21 degrees."
    assert held["result"] in told.prompts["conversation"]
    assert told.outputs["answer"] == arrived.trace.answer == arrived.payload(agent).outputs["answer"]


def test_decisions_of_pydantic_ai(apps: Applications) -> None:
    """What a decision model chose is a decision, with its confidence and what it was chosen over; its tokens count once."""
    (arrived,) = apps.run("pydantic_decision", "decisions")
    (decision,) = decisions(arrived.database, arrived.trace.trace_id)
    assert (decision.decision, decision.what, decision.confidence) == ("source", "wiki", 0.6)
    assert decision.alternatives_considered == ("mail (0.20)", "code (0.20)")
    assert (decision.stage, arrived.trace.decision_count) == ("decide words", 1)
    assert (arrived.trace.query, arrived.trace.session_id) == ("Is the wiki right about this?", "session-1")
    assert (arrived.trace.input_tokens, arrived.trace.output_tokens) == (40, 2)


def test_langfuse(apps: Applications) -> None:
    """Decorated functions, their documents, its OpenAI client, session, user, tags and name; a score is a rating."""
    keys = {"LANGFUSE_BASE_URL": apps.url, "LANGFUSE_PUBLIC_KEY": "pk-lf-any", "LANGFUSE_SECRET_KEY": "sk-lf-any"}
    found = apps.run("langfuse_sdk", "langfuse", **keys)
    assert len(found) == 2
    for arrived, question, streamed in zip(found, (FRANCE, ITALY), (False, True), strict=True):
        check_trace(arrived, question)
        check_call(arrived, question, system="Be brief.")
        check_first_token(arrived, streamed=streamed)
        assert (arrived.trace.name, arrived.trace.tags) == ("question", ("geography",))
        (retrieval,) = arrived.of_kind(SpanKind.RETRIEVAL)
        (kept,) = arrived.payload(retrieval).evidence["kept"]
        assert kept == {"id": "fr", "text": "Paris is the capital of France.", "scores": {"score": 0.9}}
        (rating,) = for_trace(arrived.database, arrived.trace.trace_id)
        assert (rating.rating, rating.comment) == (5, "helpful")
        assert arrived.trace.rating == 5


@pytest.mark.skipif(not APART.is_dir(), reason="`python3 dev.py setup` installs logfire apart")
def test_logfire(apps: Applications) -> None:
    """Its OpenAI client, plain and streamed: an answer that was streamed comes in a span of its own, with the tokens."""
    plain, streamed = apps.run("logfire_sdk", "logfire", PYTHONPATH=str(APART))
    check_trace(plain, FRANCE)
    check_call(plain, FRANCE, system="Be brief.")
    assert plain.trace.cached_tokens is not None
    assert (streamed.trace.query, streamed.trace.session_id, streamed.trace.user_id) == (ITALY, "session-1", "ann")
    asked, told = streamed.of_kind(SpanKind.LLM)
    assert asked.total_tokens is None
    assert told.total_tokens == (streamed.trace.input_tokens or 0) + (streamed.trace.output_tokens or 0) > 0
    assert streamed.payload(told).outputs["answer"] == streamed.trace.answer
    for arrived in (plain, streamed):
        assert arrived.trace.provider == "openai"
        for span in arrived.spans:
            assert unmapped_keys(make_span(attributes=arrived.payload(span).attributes)) == ()


@pytest.mark.skipif(not APART.is_dir(), reason="`python3 dev.py setup` installs logfire apart")
def test_logfire_with_pydantic_ai(apps: Applications) -> None:
    """What an agent and its calls used is counted once, and its session is there although logfire scrubs such names."""
    (arrived,) = apps.run("logfire_agent", "logfire-agent", PYTHONPATH=str(APART))
    check_trace(arrived, "What is the weather in Paris?")
    (agent,), calls, tools = (arrived.of_kind(kind) for kind in (SpanKind.AGENT, SpanKind.LLM, SpanKind.TOOL))
    assert (len(calls), len(tools)) == (2, 1)
    used = (arrived.trace.input_tokens or 0) + (arrived.trace.output_tokens or 0)
    assert used == sum(call.total_tokens or 0 for call in calls) == agent.total_tokens


def test_the_readme_shows_programs_that_run() -> None:
    """Each piece of code in the README's section about instrumented applications is, line by line, in one of these programs."""
    section = README.split("## Send traces from an application that is already instrumented\n")[1].split("\n## ")[0]
    programs = [path.read_text() for path in sorted(PROGRAMS.glob("*.py"))]
    pieces = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(pieces) >= 5
    for piece in pieces:
        assert any(_is_in(piece, program) for program in programs), piece


def _is_in(piece: str, program: str) -> bool:
    """Whether each paragraph of a piece stands in a program, at whatever depth."""
    return all(
        any(indent(paragraph.strip(), " " * depth) in program for depth in (0, 4, 8))
        for paragraph in piece.split("\n\n")
    )
