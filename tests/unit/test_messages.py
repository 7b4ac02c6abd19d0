"""Questions, answers and conversations are found in every shape they are sent in (E1)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.factories import NOON, make_span
from tracing_core.model import SpanData, SpanEvent, SpanKind
from tracing_core.normal_form import facts_of
from tracing_core.span_view import outputs_of, prompts_of

Q, A, S = "What is a span?", "A piece of work.", "Be brief."
CHAT = [{"role": "system", "content": S}, {"role": "user", "content": Q}]
SAID = {"role": "assistant", "content": A}


def call(attributes: dict[str, Any], events: tuple[SpanEvent, ...] = (), kind: SpanKind = SpanKind.LLM) -> SpanData:
    return make_span(kind=kind, attributes=attributes, events=events)


def event(name: str, **attributes: Any) -> SpanEvent:
    return SpanEvent(name=name, timestamp=NOON, attributes=attributes)


INPUTS: dict[str, dict[str, Any]] = {
    "plain text": {"input.value": Q},
    "messages as JSON": {"ai.prompt.messages": json.dumps(CHAT)},
    "messages as values": {"langfuse.observation.input": CHAT},
    "parts": {"gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": Q}]}]},
    "two parts": {
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": Q}, {"type": "image", "url": "x"}]}]
    },
    "a question and a tool's result after it": {
        "gen_ai.input.messages": [
            {"role": "user", "parts": [{"type": "text", "content": Q}]},
            {"role": "user", "parts": [{"type": "tool_call_response", "id": "1", "result": "42"}]},
        ]
    },
    "OpenInference, indexed": {
        "llm.input_messages.0.message.role": "system", "llm.input_messages.0.message.content": S,
        "llm.input_messages.1.message.role": "user", "llm.input_messages.1.message.content": Q,
    },
    "OpenInference, contents": {
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.contents.0.message_content.type": "text",
        "llm.input_messages.0.message.contents.0.message_content.text": Q,
    },
    "OpenInference, unflattened": {"llm.input_messages": [{"message": {"role": "user", "content": Q}}]},
    "OpenInference, prompts": {"llm.prompts.0.prompt.text": Q},
    "OpenLLMetry, indexed": {
        "gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": S,
        "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": Q,
    },
    "OpenLLMetry, content parts": {
        "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": json.dumps([{"type": "text", "text": Q}]),
    },
    "more than nine, out of order": {
        **{f"gen_ai.prompt.{number}.role": "user" for number in reversed(range(12))},
        **{f"gen_ai.prompt.{number}.content": Q if number == 11 else "earlier" for number in reversed(range(12))},
    },
    "a request as it went over the wire": {"input.value": json.dumps({"model": "m", "messages": CHAT})},
    "a request of the responses interface": {"input.value": json.dumps({"model": "m", "input": Q, "instructions": S})},
    "Gemini": {"gcp.vertex.agent.llm_request": {"contents": [{"role": "user", "parts": [{"text": Q}]}]}},
    "Anthropic": {"input.value": {"system": S, "messages": [{"role": "user", "content": [{"type": "text", "text": Q}]}]}},
    "LangChain": {"input.value": json.dumps({"messages": [[
        {"lc": 1, "type": "constructor", "id": ["HumanMessage"], "kwargs": {"content": Q, "type": "human"}}]]})},
    "Vercel": {"ai.prompt": json.dumps({"system": S, "messages": [{"role": "user", "content": Q}]})},
    "an object with a question": {"traceloop.entity.input": json.dumps({"inputs": {"question": Q, "chat_history": []}})},
    "MLflow": {"mlflow.spanInputs": json.dumps({"question": Q})},
    "arguments of a function": {"langfuse.observation.input": json.dumps({"args": [Q, 3], "kwargs": {"mode": "fast"}})},
    "arguments by name": {"traceloop.entity.input": json.dumps({"args": ["u-1"], "kwargs": {"k": 3, "question": Q}})},
    "messages as an argument": {"langfuse.observation.input": {"args": [CHAT], "kwargs": {}}},
}  # fmt: skip


@pytest.mark.parametrize("shape", INPUTS)
def test_the_question(shape: str) -> None:
    """Of a model call it is what the user said last."""
    found = facts_of(call(INPUTS[shape])).query
    assert found is not None
    assert found.startswith(Q)
    assert prompts_of(call(INPUTS[shape]))["user_message"] == found


@pytest.mark.parametrize("shape", [shape for shape, given in INPUTS.items() if S in json.dumps(given)])
def test_the_instructions(shape: str) -> None:
    """They are found beside the question, wherever the shape keeps them."""
    assert prompts_of(call(INPUTS[shape]))["system_prompt"] == S


CALL = {"id": "c1", "name": "look", "arguments": {"at": "docs"}}
OUTPUTS: dict[str, dict[str, Any]] = {
    "plain text": {"output.value": A},
    "a message": {"langfuse.observation.output": json.dumps(SAID)},
    "parts, with thoughts": {"gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [
        {"type": "reasoning", "content": "hm"}, {"type": "text", "content": A}]}])},
    "OpenInference, indexed": {
        "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": A},
    "OpenInference, choices": {"llm.choices.0.completion.text": A},
    "OpenLLMetry, indexed": {"gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": A},
    "OpenLLMetry, without a role": {"gen_ai.completion.0.content": A},
    "a response as it went over the wire": {"output.value": json.dumps({"choices": [{"message": SAID}]})},
    "a response of the responses interface": {"output.value": json.dumps({"output": [
        {"type": "reasoning", "summary": []},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": A}]}]})},
    "Gemini": {"gcp.vertex.agent.llm_response": {"content": {"role": "model", "parts": [{"text": A}]}}},
    "Gemini, candidates": {"output.value": {"candidates": [{"content": {"parts": [{"text": A}], "role": "model"}}]}},
    "LangChain": {"output.value": {"generations": [[{"text": A, "message": {"kwargs": {"content": A, "type": "ai"}}}]]}},
    "Vercel": {"ai.response.text": A},
    "an object with an answer": {"output.value": json.dumps({"answer": A, "sources": ["x"]})},
    "MLflow": {"mlflow.spanOutputs": json.dumps(A)},
    "pydantic-ai": {"pydantic_ai.all_messages": [*CHAT, SAID]},
}  # fmt: skip


@pytest.mark.parametrize("shape", OUTPUTS)
def test_the_answer(shape: str) -> None:
    """What the model said, without its thoughts and without JSON around it."""
    assert facts_of(call(OUTPUTS[shape])).answer == A
    assert outputs_of(call(OUTPUTS[shape])) == {"answer": A}


CALLS: dict[str, dict[str, Any]] = {
    "gen_ai": {"gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "tool_call", **CALL}]}]},
    "OpenAI": {"output.value": {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": "docs"}'}}]}}]}},
    "Anthropic": {"langfuse.observation.output": {"role": "assistant", "content": [
        {"type": "tool_use", "id": "c1", "name": "look", "input": {"at": "docs"}}]}},
    "OpenInference": {
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"at": "docs"}'},
    "OpenLLMetry": {
        "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.tool_calls.0.id": "c1",
        "gen_ai.completion.0.tool_calls.0.name": "look", "gen_ai.completion.0.tool_calls.0.arguments": '{"at": "docs"}'},
    "Vercel": {"ai.response.toolCalls": json.dumps([{"toolCallId": "c1", "toolName": "look", "args": '{"at": "docs"}'}])},
    "Vercel 5": {"ai.response.toolCalls": json.dumps([{"toolCallId": "c1", "toolName": "look", "input": {"at": "docs"}}])},
}  # fmt: skip


@pytest.mark.parametrize("shape", CALLS)
def test_tools_that_the_model_wants(shape: str) -> None:
    """Id, name and arguments, which are no answer."""
    span = call(CALLS[shape])
    assert facts_of(span).answer is None
    assert outputs_of(span) == {"tool_calls": [CALL]}


def test_events_with_attributes() -> None:
    """The older conventions send each message as an event of the span."""
    span = call(
        {},
        (
            event("gen_ai.system.message", content=S),
            event("gen_ai.user.message", content=Q),
            event("gen_ai.choice", index=0, finish_reason="stop", message=json.dumps(SAID)),
        ),
    )
    assert (facts_of(span).query, facts_of(span).answer) == (Q, A)
    assert prompts_of(span) == {"system_prompt": S, "user_message": Q}


def test_events_that_came_as_log_records() -> None:
    """The official instrumentation of openai sends bodies in log records; roles are in the names."""
    body = {"index": 0, "finish_reason": "stop", "message": {"content": A}}
    asked = event("gen_ai.user.message", **{"log.record": True, "gen_ai.system": "openai", "body": {"content": Q}})
    told = event("gen_ai.choice", **{"log.record": True, "body": body})
    span = call({"gen_ai.operation.name": "chat"}, (asked, told))
    assert (facts_of(span).query, facts_of(span).answer) == (Q, A)
    wanted = {"message": {"tool_calls": [{"id": "c1", "function": {"name": "look", "arguments": '{"at": "docs"}'}}]}}
    assert outputs_of(call({}, (event("gen_ai.choice", body=wanted),))) == {"tool_calls": [CALL]}


def test_one_event_with_everything() -> None:
    """`gen_ai.client.inference.operation.details` holds the conversation in its attributes."""
    attributes = {"gen_ai.input.messages": CHAT, "gen_ai.output.messages": [SAID], "gen_ai.system_instructions": S}
    span = call({}, (event("gen_ai.client.inference.operation.details", **attributes),))
    assert (facts_of(span).query, facts_of(span).answer) == (Q, A)


def test_a_longer_conversation_can_be_read() -> None:
    """Every turn in its order, with the calls of tools and their results."""
    turns = [
        *CHAT,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "function": {"name": "look", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "found"},
    ]
    found = prompts_of(call({"langfuse.observation.input": turns}))
    assert found["conversation"] == f"user: {Q}\n\nassistant: calls look({{}})\n\ntool: found"
    assert found["user_message"] == Q


def test_the_text_of_spans_that_are_no_model_calls() -> None:
    """A chain's input and output are told by the field that says most; a tool's stay as they are."""
    chain = call({"input.value": '{"query": "why?", "k": 3}', "output.value": '["a", "b"]'}, kind=SpanKind.CHAIN)
    assert (facts_of(chain).query, facts_of(chain).answer) == ("why?", "a\nb")
    assert outputs_of(chain) == {"input": {"query": "why?", "k": 3}, "output": "a\nb"}
    other = call({"input.value": '{"k": 3, "n": 4}'}, kind=SpanKind.CHAIN)
    assert facts_of(other).query == '{"k": 3, "n": 4}'
    nothing = call({"langfuse.observation.input": '{"args": [], "kwargs": {}}'}, kind=SpanKind.CHAIN)
    assert facts_of(nothing).query is None
    number = call({"langfuse.observation.input": '{"args": [3], "kwargs": {}}'}, kind=SpanKind.CHAIN)
    assert facts_of(number).query == '{"args": [3], "kwargs": {}}'
    tool = call({"gen_ai.tool.call.arguments": '{"query": "x"}', "gen_ai.tool.name": "t"}, kind=SpanKind.TOOL)
    assert facts_of(tool).query == '{"query": "x"}'
    assert outputs_of(tool) == {"tool": "t", "arguments": {"query": "x"}}


def test_what_cannot_be_stored_is_replaced() -> None:
    """NUL does not reach the database."""
    assert facts_of(call({"input.value": "a\0b", "session.id": "\0"}))._asdict().items() >= {
        ("query", "a\ufffdb"), ("session_id", "\ufffd"),
    }  # fmt: skip


def test_our_own_prompts_and_outputs_stay() -> None:
    """What was recorded by name is shown as it was recorded."""
    span = make_span(prompts={"mine": "p"}, outputs={"mine": 1}, attributes={"input.value": Q, "output.value": A})
    assert prompts_of(span) == {"mine": "p"}
    assert outputs_of(span) == {"mine": 1}


def test_templates_are_shown_with_the_prompt() -> None:
    """The template and what was put into it."""
    span = call({"llm.prompt_template.template": "Say {x}", "llm.prompt_template.variables": '{"x": 1}'})
    assert prompts_of(span) == {"template": "Say {x}", "variables": '{"x":1}'}
