"""The rules by which attributes of any convention are read (E1)."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON, make_span, milliseconds
from tests.strategies import json_values
from tracing_core.conventions import CONCEPTS, FACTS
from tracing_core.dialects import conventions_of, unmapped_keys
from tracing_core.kinds import KINDS, kind_of
from tracing_core.model import SpanData, SpanEvent, SpanKind, TokenUsage
from tracing_core.normal_form import SpanFacts, facts_of
from tracing_core.retrieved import evidence_of
from tracing_core.said import names_of
from tracing_core.span_view import outputs_of, prompts_of
from tracing_core.usage import add, model_of, usage_of


def llm(**overrides: Any) -> SpanData:
    """A model call of one second; attributes are given by keyword or as a mapping."""
    return make_span(**({"kind": SpanKind.LLM, "duration_ns": milliseconds(1000)} | overrides))


@pytest.mark.parametrize(
    ("said", "model"),
    [
        ("/models/llama-3.Q4_K_M.gguf", "llama-3.Q4_K_M.gguf"),
        ("~/models/llama-3/", "llama-3"),
        ("C:\\models\\llama-3.gguf", "llama-3.gguf"),
        ("D:/models/llama-3.gguf", "llama-3.gguf"),
        ("meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),
        ("models/gemini-2.0-flash", "models/gemini-2.0-flash"),
        ("llama3:8b", "llama3:8b"),
        ("/", "/"),
    ],
)
def test_a_model_that_was_loaded_from_a_disk_is_named_by_its_file(said: str, model: str) -> None:
    """Of a path, which servers of local models give, the last part is the name; names with slashes in them stay."""
    assert facts({"gen_ai.response.model": said, "gen_ai.request.model": "any"}).model == model


def facts(attributes: dict[str, Any], **overrides: Any) -> SpanFacts:
    return facts_of(llm(attributes=attributes, **overrides))


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"openinference.span.kind": "RETRIEVER"}, SpanKind.RETRIEVAL),
        ({"openinference.span.kind": "reranker"}, SpanKind.RERANK),
        ({"openinference.span.kind": "DECISION"}, SpanKind.CLASSIFICATION),
        ({"gen_ai.operation.name": "chat"}, SpanKind.LLM),
        ({"gen_ai.operation.name": "invoke_agent"}, SpanKind.AGENT),
        ({"gen_ai.operation.name": "execute_tool"}, SpanKind.TOOL),
        ({"gen_ai.operation.name": "embeddings"}, SpanKind.EMBEDDING),
        ({"traceloop.span.kind": "workflow"}, SpanKind.CHAIN),
        ({"llm.request.type": "rerank"}, SpanKind.RERANK),
        ({"langfuse.observation.type": "generation"}, SpanKind.LLM),
        ({"langfuse.observation.type": "span", "gen_ai.operation.name": "chat"}, SpanKind.LLM),
        ({"langfuse.observation.type": "span"}, SpanKind.UNKNOWN),
        ({"mlflow.spanType": '"CHAT_MODEL"'}, SpanKind.LLM),
        ({"ai.operationId": "ai.streamText"}, SpanKind.CHAIN),
        ({"ai.operationId": "ai.streamText.doStream"}, SpanKind.LLM),
        ({"ai.observability.span_type": "retrieval"}, SpanKind.RETRIEVAL),
        ({"gen_ai.operation.name": "brew_coffee"}, SpanKind.UNKNOWN),
        ({"gen_ai.operation.name": ["chat"], "tool.name": "x"}, SpanKind.TOOL),
        ({"gen_ai.request.model": "m"}, SpanKind.LLM),
        ({"http.method": "GET"}, SpanKind.UNKNOWN),
        ({}, SpanKind.UNKNOWN),
    ],
)
def test_kinds_of_every_convention(attributes: dict[str, Any], kind: SpanKind) -> None:
    """Each convention's words become ours; an unknown word leaves it to the next attribute, and then to signs."""
    assert kind_of(attributes) is kind


@pytest.mark.parametrize(
    ("attributes", "usage"),
    [
        ({"gen_ai.usage.input_tokens": 10, "gen_ai.usage.cache_read.input_tokens": 4}, (10, None, 4, None, None)),
        ({"gen_ai.usage.input_tokens": 10, "gen_ai.usage.cache_read.input_tokens": 64}, (74, None, 64, None, None)),
        (
            {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.cache_read_input_tokens": 64,
             "gen_ai.usage.cache_creation_input_tokens": 8, "gen_ai.usage.output_tokens": 2},
            (77, 2, 64, 8, None),
        ),
        (
            {"llm.token_count.prompt": 70, "llm.token_count.completion": 3, "llm.token_count.total": 137,
             "llm.token_count.prompt_details.cache_read": 64},
            (134, 3, 64, None, None),
        ),
        ({"gen_ai.usage.prompt_tokens": "12", "gen_ai.usage.completion_tokens": 3.0}, (12, 3, None, None, None)),
        ({"gen_ai.usage.input_tokens": -1, "llm.token_count.prompt": 5}, (5, None, None, None, None)),
        ({"gen_ai.usage.input_tokens": True, "gen_ai.usage.output_tokens": 10**12}, (None,) * 5),
        ({"llm.token_count.total": 9, "llm.token_count.prompt": 4}, (4, 5, None, None, None)),
        ({"gen_ai.usage.output_tokens": 5, "gen_ai.usage.reasoning_tokens": 7}, (None, 12, None, None, 7)),
        ({"gen_ai.aggregated_usage.input_tokens": 9, "gen_ai.usage.input_tokens": 4}, (4, None, None, None, None)),
        ({"mlflow.chat.tokenUsage": '{"input_tokens": 5, "output_tokens": 6, "total_tokens": 11}'}, (5, 6, None, None, None)),
        (
            {"langfuse.observation.usage_details": {"input": 10, "output": 4, "cache_read_input_tokens": 6, "total": 14}},
            (10, 4, 6, None, None),
        ),
        (
            {"langfuse.observation.usage_details": '{"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 2, '
             '"cache_creation_input_tokens": 1}'},
            (6, 4, 2, 1, None),
        ),
        (
            {"langfuse.observation.usage_details": {"input": 1, "input_cache_creation_5m": 2, "input_cache_creation_1h": 3,
             "output": 4, "output_reasoning_tokens": 5}},
            (6, 9, None, 5, 5),
        ),
        ({"langfuse.observation.usage_details": "not json"}, (None,) * 5),
        ({"ai.usage.tokens": 8}, (8, None, None, None, None)),
        ({"ai.usage.promptTokens": 3, "ai.usage.completionTokens": 4, "ai.usage.cachedInputTokens": 1}, (3, 4, 1, None, None)),
    ],
)  # fmt: skip
def test_tokens_by_class(attributes: dict[str, Any], usage: tuple[int | None, ...]) -> None:
    """Cached tokens are part of the input whatever the sender's convention, texts count, and nonsense does not."""
    found = facts(attributes).usage
    assert found == usage_of(llm(attributes=attributes))
    assert (
        found.input_tokens, found.output_tokens, found.cached_tokens, found.cache_write_tokens, found.reasoning_tokens
    ) == usage  # fmt: skip


@pytest.mark.parametrize(
    ("attributes", "cost"),
    [
        ({"gen_ai.usage.cost": 0.25}, "0.25"),
        ({"llm.cost.total": "0.1"}, "0.1"),
        ({"llm.cost.prompt": 0.1, "llm.cost.completion": 0.2}, "0.3"),
        ({"langfuse.observation.cost_details": '{"input": 0.1, "output": 0.2}'}, "0.3"),
        ({"langfuse.observation.cost_details": '{"input": 0.1, "total": 0.5}'}, "0.5"),
        ({"ai.observability.cost.cost": 3, "ai.observability.cost.cost_currency": "EUR"}, None),
        ({"ai.observability.cost.cost": 3, "ai.observability.cost.cost_currency": "USD"}, "3"),
        ({"gen_ai.usage.cost": -1}, None),
        ({"gen_ai.usage.cost": float("nan")}, None),
        ({}, None),
    ],
)
def test_cost_that_the_sender_gives(attributes: dict[str, Any], cost: str | None) -> None:
    """In exact decimals; parts add up where no total is given; another currency is no cost in dollars."""
    assert facts(attributes).cost_given_usd == (None if cost is None else Decimal(cost))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"time_to_first_token_ms": 250}, 250),
        ({"gen_ai.response.time_to_first_chunk": 0.25}, 250),
        ({"gen_ai.server.time_to_first_token": 250}, 250),
        ({"gen_ai.response.time_to_first_chunk": 250_000_000}, 250),
        ({"ai.response.msToFirstChunk": "250"}, 250),
        ({"time_to_first_token_ns": 250_000_000}, 250),
        ({"langfuse.observation.completion_start_time": '"2026-11-21T12:00:00.250Z"'}, 250),
        ({"langfuse.observation.completion_start_time": (NOON + timedelta(milliseconds=250)).isoformat()}, 250),
        ({"langfuse.observation.completion_start_time": int(NOON.timestamp() * 1000) + 250}, 250),
        ({"langfuse.observation.completion_start_time": "2026-11-21T11:59:59Z"}, 0),
        ({"langfuse.observation.completion_start_time": "2030-01-01T00:00:00Z"}, 1000),
        ({"time_to_first_token_ms": 1004}, 1000),
        ({"time_to_first_token_ms": "soon"}, None),
        ({"langfuse.observation.completion_start_time": "soon"}, None),
    ],
)
def test_first_token_in_every_unit(attributes: dict[str, Any], expected: float | None) -> None:
    """Seconds, milliseconds, nanoseconds and moments become milliseconds within the span."""
    assert facts(attributes).first_token_ms == (None if expected is None else pytest.approx(expected, abs=0.01))


def test_first_token_by_an_event() -> None:
    """Where no attribute says it, the first event of the name does."""
    events = [
        SpanEvent(name="First Token Stream Event", timestamp=NOON + timedelta(milliseconds=after))
        for after in (400, 300)
    ]
    assert facts({}, events=tuple(events)).first_token_ms == 300
    assert facts({}, events=(SpanEvent(name="exception", timestamp=NOON),)).first_token_ms is None


def test_speed_in_both_directions() -> None:
    """Tokens a second, or seconds a token."""
    assert facts({"ai.response.avgOutputTokensPerSecond": 20}).tokens_per_second == 20
    assert facts({"gen_ai.server.time_per_output_token": 0.05}).tokens_per_second == pytest.approx(20)
    assert facts({"gen_ai.server.time_per_output_token": 0}).tokens_per_second is None


def test_session_and_user_of_every_convention() -> None:
    """On the span or on its resource; the span wins."""
    for name in ("session.id", "langfuse.session.id", "gen_ai.conversation.id", "ai.telemetry.metadata.sessionId"):
        assert facts({name: "s"}).session_id == "s"
    for name in ("user.id", "langfuse.user.id", "gen_ai.user", "traceloop.association.properties.user_id"):
        assert facts({name: 7}).user_id == "7"
    resource = {"session.id": "far", "user.id": "u", "service.version": "2.1", "deployment.environment": "prod"}
    found = facts({"session.id": "near"}, otel={"resource": resource})
    assert (found.session_id, found.user_id, found.release, found.environment) == ("near", "u", "2.1", "prod")
    assert facts({}, otel={"resource": "nonsense"}).release is None


def test_malformed_values_leave_it_to_the_next_name() -> None:
    """A list is no session, and an empty list of messages is no question."""
    found = facts(
        {"session.id": ["a"], "gen_ai.conversation.id": "c", "gen_ai.input.messages": "[]", "input.value": "why?"}
    )
    assert (found.session_id, found.query) == ("c", "why?")


def test_tags_come_as_lists_and_as_texts() -> None:
    """A list, a list in JSON, one word."""
    assert facts({"tag.tags": ["a", "b"]}).tags == ("a", "b")
    assert facts({"langfuse.trace.tags": '["a", 1]'}).tags == ("a", "1")
    assert facts({"opik.tags": "a"}).tags == ("a",)
    assert facts({"tag.tags": []}).tags == ()


def test_providers_have_one_name_each() -> None:
    """Old and new words of one provider, and a provider with its interface, are the same."""
    assert facts({"gen_ai.system": "xai"}).provider == "x_ai"
    assert facts({"gen_ai.provider.name": "x_ai"}).provider == "x_ai"
    assert facts({"gen_ai.system": "OpenAI"}).provider == "openai"
    assert facts({"ai.model.provider": "openai.chat"}).provider == "openai"
    assert facts({"gen_ai.provider.name": "aws.bedrock"}).provider == "aws.bedrock"


def test_confidence_is_that_of_the_answer() -> None:
    """By our own name or Langfuse's metadata, where numbers are JSON; a step's own confidence is not it."""
    assert facts({"tracewhy.confidence": 0.7}).confidence == 0.7
    assert facts({"langfuse.trace.metadata.confidence": "0.8"}).confidence == 0.8
    assert facts({"tracewhy.confidence": 7}).confidence is None
    assert facts({"confidence": 0.7}).confidence is None


def test_what_is_said_of_the_whole_trace() -> None:
    """Langfuse says the input and output of the trace on any of its spans."""
    found = facts({"langfuse.trace.input": '{"question": "why?"}', "langfuse.trace.output": "because"})
    assert (found.trace_query, found.trace_answer) == ("why?", "because")


def test_our_own_names_are_one_more_convention() -> None:
    """What our recorder writes is read by the same table."""
    span = llm(attributes={"model": "m", "prompt_tokens": 1, "completion_tokens": 2, "tokens_per_second": 3.5})
    assert model_of(span) == "m"
    assert usage_of(span) == TokenUsage(input_tokens=1, output_tokens=2)
    assert conventions_of(span) == ("tracewhy",)


def test_sums_keep_every_class() -> None:
    """Of tokens; a class that nobody counted stays unknown."""
    one = TokenUsage(input_tokens=1, cache_write_tokens=2)
    assert add([one, one, TokenUsage(reasoning_tokens=3)]) == TokenUsage(
        input_tokens=2, cache_write_tokens=4, reasoning_tokens=3
    )


def test_texts_are_left_alone_when_nobody_wants_them() -> None:
    """Everything else is the same."""
    span = llm(attributes={"input.value": "a", "output.value": "b", "langfuse.trace.input": "c", "user.id": "u"})
    assert facts_of(span, texts=False) == facts_of(span)._replace(query=None, answer=None, trace_query=None)


def test_keys_that_nobody_knows_are_named() -> None:
    """Numbers within them become N, so that a long list is one line."""
    span = llm(attributes={"my.key": 1, "x.0.y": 1, "x.12.y": 2, "gen_ai.usage.input_tokens": 1, "http.route": "/"})
    assert unmapped_keys(span) == ("my.key", "x.N.y")
    assert conventions_of(span) == ("gen_ai",)


def test_names_stand_for_one_thing() -> None:
    """No name is in two concepts, but for those that hold a whole conversation."""
    both_ways = {"pydantic_ai.all_messages", "all_messages_events"}
    seen = [name for concept in CONCEPTS.values() for name, _ in concept.readings() if name not in both_ways]
    assert len(seen) == len(set(seen))
    assert set(FACTS) >= set(SpanFacts._fields) - {"cost_given_usd", "usage"}


# --- whatever comes ---


@pytest.mark.parametrize("kind", [SpanKind.LLM, SpanKind.RETRIEVAL, SpanKind.TOOL, SpanKind.CHAIN])
@pytest.mark.parametrize(
    "key",
    ["message", "messages", "content", "parts", "document", "documents", "metadata", "message_content", "kwargs", "output",
     "answer", "tool_call", "function"],
)  # fmt: skip
def test_nests_are_only_opened_so_far(kind: SpanKind, key: str) -> None:
    """Neither JSON in JSON nor a name with a thousand dots exhausts the stack."""
    opening = f'{{"{key}":'
    nests = [opening * 900 + "1" + "}" * 900, (opening + "[") * 450 + "[1]" + "]}" * 450, "[" * 900 + "]" * 900]
    for nest in nests:
        for name in (
            "input.value",
            "output.value",
            "gen_ai.output.messages",
            "retrieval.documents",
            "langfuse.trace.input",
        ):
            span = llm(
                kind=kind,
                attributes={name: nest, "gen_ai.prompt.0." + f"{key}." * 2000: 1, "gen_ai.prompt.0.role": "user"},
            )
            assert facts_of(span).model is None
            assert isinstance(prompts_of(span), dict)
            assert isinstance(outputs_of(span), dict)
            assert isinstance(evidence_of(span), dict)


_ANY_NAME = st.sampled_from(sorted({*names_of(CONCEPTS), *KINDS})) | st.sampled_from(
    ["llm.input_messages.0.message.role", "llm.input_messages.0.message.content", "gen_ai.prompt.0.role", "gen_ai.prompt.x",
     "gen_ai.completion.0.content", "retrieval.documents.0.document.score", "retrieval.documents.0", "llm.prompts.0.prompt.text",
     "llm.output_messages.0.message.tool_calls.0.tool_call.function.name", "llm.output_messages.0.message.tool_calls"]
)  # fmt: skip
_ROLES = st.sampled_from(["user", "assistant", "system", "tool", "human", "", 7])
_MESSAGES = st.recursive(
    st.text(max_size=5) | json_values,
    lambda inside: st.lists(inside, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["role", "content", "parts", "type", "text", "messages", "choices", "message", "tool_calls", "function", "kwargs",
             "arguments", "document", "metadata", "score", "scores", "id", "input", "output", "total"]
        ),
        _ROLES | inside,
        max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip
_ANY_VALUE = (
    json_values
    | st.floats()
    | _MESSAGES
    | _MESSAGES.map(json.dumps)
    | st.binary(max_size=4)
    | st.decimals()
    | st.sampled_from(["[[[[", '{"a":', "1e999", '"', "[" * 2000, "\x00", "9" * 50, NOON])
)


@given(attributes=st.dictionaries(_ANY_NAME, st.text(max_size=5) | st.integers(), max_size=8), order=st.randoms())
def test_the_order_of_attributes_does_not_matter(attributes: dict[str, Any], order: Random) -> None:
    """Precedence is that of the table, not of the sender."""
    names = list(attributes)
    order.shuffle(names)
    assert facts({name: attributes[name] for name in names}) == facts(attributes)


@given(attributes=st.dictionaries(_ANY_NAME, _ANY_VALUE, max_size=8), kind=st.sampled_from(SpanKind))
def test_nothing_that_comes_breaks_the_reading(attributes: dict[str, Any], kind: SpanKind) -> None:
    """Whatever the values are, every reading gives something, and counts and times within their bounds."""
    events = tuple(
        SpanEvent(name=name, timestamp=NOON, attributes=attributes)
        for name in (
            "gen_ai.user.message",
            "gen_ai.choice",
            "gen_ai.client.inference.operation.details",
            "db.query.result",
        )
    )
    span = llm(attributes=attributes, kind=kind, events=events, otel={"resource": attributes})
    found = facts_of(span)
    kind_of(attributes)
    usage = found.usage
    for part, whole in (
        (usage.cached_tokens, usage.input_tokens), (usage.cache_write_tokens, usage.input_tokens),
        (usage.reasoning_tokens, usage.output_tokens),
    ):  # fmt: skip
        assert part is None or whole is None or 0 <= part <= whole
    assert found.first_token_ms is None or 0 <= found.first_token_ms <= 1000
    assert found.query is None or isinstance(found.query, str)
    assert found.answer is None or isinstance(found.answer, str)
    json.dumps(prompts_of(span))
    assert isinstance(outputs_of(span), dict)
    assert isinstance(evidence_of(span), dict)
    assert conventions_of(span) is not None
    assert unmapped_keys(span) is not None
