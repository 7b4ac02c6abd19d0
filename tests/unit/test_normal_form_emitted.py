"""What instrumentation packages emit today arrives in our fields (E1): one test per convention, from recorded output."""

from __future__ import annotations

import pytest

from tests.unit.emitted_spans import CONVENTIONS, emitted, emitted_logs
from tracing_core.dialects import conventions_of, unmapped_keys
from tracing_core.model import SpanData, SpanEvent, SpanKind, TokenUsage
from tracing_core.normal_form import SpanFacts, facts_of
from tracing_core.retrieved import evidence_of
from tracing_core.span_view import outputs_of, prompts_of

QUESTION, ANSWER = "What is the capital of France?", "Paris is the capital."
USAGE = TokenUsage(input_tokens=120, output_tokens=34, cached_tokens=64, reasoning_tokens=10)
ASKED_FOR_TOOL = [{"id": "call_1", "name": "get_weather", "arguments": {"city": "Paris"}}]


def calls(convention: str) -> list[tuple[SpanData, SpanFacts]]:
    """The model calls among the emitted spans."""
    return [(span, facts_of(span)) for span in emitted(convention) if span.kind is SpanKind.LLM]


def check_call(facts: SpanFacts, usage: TokenUsage = USAGE) -> None:
    assert facts.model is not None
    assert facts.model.startswith("gpt-4o-mini")
    assert facts.usage == usage
    assert facts.query == QUESTION
    assert facts.environment == "staging"


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_key_of_a_known_package_is_understood(convention: str) -> None:
    """The diagnostics page has nothing to say of a span that a supported package sends."""
    spans = emitted(convention)
    assert spans
    assert [unmapped_keys(span) for span in spans] == [()] * len(spans)


def test_openinference() -> None:
    """Model, tokens by class, question, answer, session, user and tags; a streamed call has its first token."""
    found = calls("openinference")
    assert len(found) == 5
    for _, facts in found:
        check_call(facts)
        assert (facts.provider, facts.session_id, facts.user_id, facts.tags) == ("openai", "s-1", "u-1", ("a",))
    plain, streamed, asking, told, response = (facts for _, facts in found)
    assert [facts.answer for facts in (plain, streamed, asking, told, response)] == [
        ANSWER,
        ANSWER,
        None,
        ANSWER,
        ANSWER,
    ]
    assert plain.first_token_ms is None
    assert streamed.first_token_ms is not None
    assert streamed.first_token_ms > 0
    assert outputs_of(found[2][0]) == {"tool_calls": ASKED_FOR_TOOL}
    embedding = next(span for span in emitted("openinference") if span.kind is SpanKind.EMBEDDING)
    assert facts_of(embedding).model == "text-embedding-3-small"
    assert facts_of(embedding).usage == TokenUsage(input_tokens=8)
    assert conventions_of(found[0][0]) == ("openinference",)


def test_openllmetry() -> None:
    """Model, tokens, question and answer of each call; session and user are on the span around them."""
    found = calls("openllmetry")
    assert len(found) == 5
    for span, facts in found:
        check_call(facts, facts.usage)
        assert (facts.usage.input_tokens, facts.usage.output_tokens, facts.usage.cached_tokens) == (120, 34, 64)
        assert facts.provider == "openai"
        assert prompts_of(span)["system_prompt"] == "Be brief."
    assert found[0][1].usage == USAGE
    assert found[0][1].user_id == "u-1"
    assert found[1][1].first_token_ms is not None
    assert found[2][1].answer is None
    assert outputs_of(found[2][0]) == {"tool_calls": ASKED_FOR_TOOL}
    around = facts_of(emitted("openllmetry")[-1])
    assert (around.session_id, around.user_id) == ("s-1", "u-1")


def test_langfuse() -> None:
    """Its counts exclude cached tokens where it says `input`; cost, first token, session, user, name and release are read."""
    found = {span.name: (span, facts_of(span)) for span in emitted("langfuse")}
    for _, facts in found.values():
        assert (facts.session_id, facts.user_id, facts.tags) == ("s-1", "u-1", ("a",))
        assert (facts.trace_name, facts.environment, facts.release) == ("qa", "staging", "1.2")
    by_hand, from_openai = found["gen"][1], found["via-openai"][1]
    check_call(by_hand, TokenUsage(input_tokens=120, output_tokens=34, cached_tokens=64))
    assert str(by_hand.cost_given_usd) == "0.0001"
    check_call(from_openai)
    streamed = found["OpenAI-generation"][1]
    check_call(streamed)
    assert streamed.first_token_ms is not None
    assert streamed.first_token_ms > 0
    root, facts = found["root"]
    assert (root.kind, facts.query, facts.answer) == (SpanKind.AGENT, QUESTION, ANSWER)
    hits = evidence_of(found["find"][0])["kept"]
    assert hits == [{"id": "d1", "text": "Paris ...", "scores": {"score": 0.9}}]


def test_pydantic_ai() -> None:
    """Calls, the tool between them, and the agent around them that repeats their tokens under names of its own."""
    spans = emitted("pydantic_ai")
    found = calls("pydantic_ai")
    for _, facts in found:
        check_call(facts)
        assert (facts.provider, facts.agent_name) == ("openai", "guide")
        assert str(facts.cost_given_usd) == "0.0000336"
    assert found[0][1].session_id == "c-1"
    assert found[2][1].first_token_ms == pytest.approx(7.93, abs=0.01)
    agent = next(facts_of(span) for span in spans if span.kind is SpanKind.AGENT)
    assert agent.usage == TokenUsage(input_tokens=240, output_tokens=68, cached_tokens=128, reasoning_tokens=20)
    assert (agent.query, agent.answer, agent.session_id) == (QUESTION, ANSWER, "c-1")
    tool = next(span for span in spans if span.kind is SpanKind.TOOL)
    assert outputs_of(tool) == {"tool": "get_weather", "arguments": {"city": "Paris"}, "result": "sunny"}


def test_opentelemetry_gen_ai() -> None:
    """The conventions as their own reference writes them: cache writes, reasoning, documents, workflow, tool."""
    ((call, facts),) = calls("gen_ai")
    check_call(
        facts._replace(environment="staging"),
        TokenUsage(input_tokens=120, output_tokens=34, cached_tokens=64, cache_write_tokens=8, reasoning_tokens=10),
    )
    assert (facts.answer, facts.session_id, facts.provider) == (ANSWER, "c-1", "openai")
    assert prompts_of(call) == {"system_prompt": "Be brief.", "user_message": QUESTION}
    by_name = {span.name: span for span in emitted("gen_ai")}
    search = by_name["retrieval kb"]
    assert facts_of(search).query == "capital"
    assert evidence_of(search)["kept"] == [{"id": "d1", "text": "Paris", "scores": {"score": 0.9}}]
    assert facts_of(by_name["invoke_workflow qa"]).trace_name == "qa"
    assert outputs_of(by_name["execute_tool get_weather"]) == {"tool": "get_weather", "result": "sunny"}


def test_content_that_came_as_a_log_record() -> None:
    """A span without content has its conversation when the record with it has been joined."""
    (log,) = emitted_logs("gen_ai")
    ((call, _),) = calls("gen_ai")
    bare = {
        name: value for name, value in call.attributes.items() if "messages" not in name and "instructions" not in name
    }
    event = SpanEvent(
        name=log["event_name"],
        timestamp=call.started_at,
        attributes={**log["attributes"], "log.record": True, "body": log["body"]},
    )
    span = SpanData(
        span_id=call.span_id, parent_id=None, name=call.name, kind=call.kind, started_at=call.started_at,
        duration_ns=call.duration_ns, attributes=bare, events=(event,),
    )  # fmt: skip
    facts = facts_of(span)
    assert (facts.query, facts.answer) == (QUESTION, ANSWER)
    assert prompts_of(span) == {"system_prompt": "Be brief.", "user_message": QUESTION}
    assert outputs_of(span) == {"answer": ANSWER}
