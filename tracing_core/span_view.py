"""What went into a span and what came out of it, for the view of one span: our own recording as it is, any other convention read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tracing_core.message_shapes import Message, as_text, messages_in
from tracing_core.messages import answer_of, conversation_of, query_of
from tracing_core.model import SpanData, SpanKind
from tracing_core.readings import parsed
from tracing_core.said import each, said_by

_WITHOUT_PROMPT = frozenset({SpanKind.TOOL, SpanKind.RETRIEVAL, SpanKind.EMBEDDING, SpanKind.RERANK, SpanKind.FUSION})
_ASKED = frozenset(
    {SpanKind.LLM, SpanKind.GENERATION, SpanKind.AGENT, SpanKind.ROOT, SpanKind.PROMPT, SpanKind.CLASSIFICATION}
)


def prompts_of(span: SpanData) -> dict[str, str]:
    """What a model was told, by name: `system_prompt`, `user_message` (the last), `conversation` where there is more."""
    if span.prompts:
        return dict(span.prompts)
    if span.kind in _WITHOUT_PROMPT:
        return {}
    messages = [*_instructions(span), *conversation_of(span, "query")]
    system = [message.text for message in messages if message.role == "system" and message.text]
    turns = [message for message in messages if message.role != "system"]
    questions = [message.text for message in turns if message.role == "user" and message.text]
    asked = questions[-1] if questions else query_of(span, said_by(span.attributes).get("query")) or ""
    found = {
        "system_prompt": "\n\n".join(dict.fromkeys(system)),
        "user_message": asked if questions or span.kind in _ASKED else "",
    }
    if len(turns) > 1:
        found["conversation"] = "\n\n".join(_line(message) for message in turns)
    for name, value in each(span.attributes, "template"):
        found[_last_part(name)] = as_text(parsed(value))
    return {name: text for name, text in found.items() if text}


def _instructions(span: SpanData) -> Iterable[Message]:
    for _, value in each(span.attributes, "system"):
        yield from (Message(role="system", text=message.text) for message in messages_in(value, "system"))
    for event in span.events:
        for _, value in each(event.attributes, "system"):
            yield from (Message(role="system", text=message.text) for message in messages_in(value, "system"))


def _line(message: Message) -> str:
    calls = (f"calls {call.get('name', 'a tool')}({as_text(call.get('arguments', ''))})" for call in message.calls)
    return f"{message.role}: " + "\n".join(part for part in (message.text, *calls) if part)


def _last_part(name: str) -> str:
    return (
        "_".join(name.split(".")[-2:]) if name.startswith(("gen_ai.prompt.", "langfuse.")) else name.rpartition(".")[2]
    )


def outputs_of(span: SpanData) -> dict[str, Any]:
    """What came out: `answer` and `tool_calls` of a model, `arguments` and `result` of a tool, `output` of anything else.

    What went in is `input`, for spans that have no prompt to show it in.
    """
    if span.outputs:
        return dict(span.outputs)
    said = said_by(span.attributes)
    if span.kind is SpanKind.TOOL:
        return _of_tool(said)
    text = answer_of(span, said.get("answer"))
    calls = list(_calls(span))
    name = "answer" if calls or span.kind in _ASKED else "output"
    found = {"input": _input(span, said), name: text, "tool_calls": calls}
    return {key: value for key, value in found.items() if value}


def _input(span: SpanData, said: Mapping[str, Any]) -> Any:
    return parsed(said["query"][1]) if "query" in said and not prompts_of(span) else None


def _of_tool(said: Mapping[str, Any]) -> dict[str, Any]:
    found = {"tool": said.get("tool_name")}
    for name, concept in (("arguments", "query"), ("result", "answer")):
        if concept in said:
            found[name] = parsed(said[concept][1])
    return {key: value for key, value in found.items() if value is not None}


def _calls(span: SpanData) -> Iterable[Mapping[str, Any]]:
    """The tools that the model's answer asks for."""
    for _, value in each(span.attributes, "tool_calls"):
        for message in messages_in({"role": "assistant", "tool_calls": parsed(value)}, "assistant"):
            yield from message.calls
    for message in _answers(span):
        yield from message.calls


def _answers(span: SpanData) -> list[Message]:
    """The messages of the answer; of a whole conversation those after the last question."""
    messages = conversation_of(span, "answer")
    last = max((at for at, message in enumerate(messages) if message.role == "user"), default=-1)
    return messages[last + 1 :]
