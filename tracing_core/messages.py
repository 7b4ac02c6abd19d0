"""What was asked and what was answered, as text for people, and the conversation around it: from every shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tracing_core.conventions import INDEXED_MESSAGES
from tracing_core.message_shapes import Message, as_text, messages_in, unflattened
from tracing_core.model import SpanData, SpanEvent, SpanKind
from tracing_core.readings import clean, parsed
from tracing_core.said import RANKS, each, is_empty

_SPEAKER = {"query": "user", "answer": "assistant"}
_INDEXED = {
    side: tuple(prefix for prefix, where in INDEXED_MESSAGES.items() if where == side) for side in ("query", "answer")
}
_STRUCTURED = {
    "query": RANKS["query"]["gen_ai.tool.call.arguments"],
    "answer": RANKS["answer"]["gen_ai.tool.call.result"],
}
"""Names up to this rank are preferred to names with numbers in them."""

Given = tuple[int, Any] | None


def query_of(span: SpanData, given: Given) -> str | None:
    """What was asked.

    Args:
        span: of any convention.
        given: the rank and the value of the name that comes first, as `said_by` found it.
    """
    return _side(span, given, "query")


def answer_of(span: SpanData, given: Given) -> str | None:
    """What came out; the arguments are those of `query_of`."""
    return None if span.kind is SpanKind.EMBEDDING else _side(span, given, "answer")


def _side(span: SpanData, given: Given, side: str) -> str | None:
    attributes = span.attributes
    if given is not None and span.kind is SpanKind.TOOL:
        return as_text(given[1]) or None
    if given is not None and given[0] <= _STRUCTURED[side] and (found := telling_text(given[1], side)) is not None:
        return found
    if (found := _indexed_text(attributes, side)) is not None:
        return found
    if given is not None:
        if (found := telling_text(given[1], side)) is not None:
            return found
        others = (telling_text(value, side) for name, value in each(attributes, side) if RANKS[side][name] > given[0])
        if (found := next((other for other in others if other is not None), None)) is not None:
            return found
    return _in_events(span, side) if span.events else None


def telling_text(value: Any, side: str) -> str | None:
    """The text in a value that tells most: the last question or the answer of messages, the field that has it in an object."""
    if isinstance(value, str):
        if value[:1] not in ("[", "{", '"'):
            return clean(value) if value and not value.isspace() else None
        opened = parsed(value)
        if isinstance(opened, str):
            return clean(opened) or None
    else:
        opened = value
    if isinstance(opened, list) and (found := _plain_words(opened, _SPEAKER[side])) is not None:
        return found
    if isinstance(opened, Mapping) and opened.keys() == _CALL:
        return _of_call(opened, side) or (as_text(value) if any(opened.values()) else None)
    if isinstance(opened, list | tuple | Mapping):
        messages = messages_in(opened, _SPEAKER[side])
        if messages:
            return _last_words(messages, side)
        return _told(opened, side, 6) or as_text(value) if opened else None
    return None if is_empty(opened) else as_text(opened)


def _plain_words(messages: list[Any], speaker: str) -> str | None:
    """What `_last_words` finds, without looking at every message: where the last one of the speaker is plain text."""
    for message in reversed(messages):
        if type(message) is not dict or "role" not in message:
            return None
        if message["role"] != speaker:
            continue
        said = message.get("parts") or message.get("content")
        if type(said) is list and len(said) == 1 and type(said[0]) is dict and said[0].get("type") == "text":
            said = said[0].get("content") or said[0].get("text")
        if isinstance(said, str) and said[:1] not in ("", "[") and "tool_calls" not in message:
            return clean(said)
        return None
    return None


def _last_words(messages: list[Message], side: str) -> str | None:
    """The last question, or what was answered since; None where nobody said anything."""
    speaker = _SPEAKER[side]
    told = [message.text for message in messages if message.role == speaker and message.text]
    if told:
        return told[-1]
    others = [message.text for message in messages if message.text and message.role not in ("system", "tool")]
    return others[-1] if others and side == "query" else None


_TELLING = {
    "query": (
        "question", "query", "user_input", "user_message", "input", "prompt", "human_input", "message", "text", "content",
        "task", "goal", "topic",
    ),
    "answer": (
        "answer", "output", "response", "result", "final_answer", "output_text", "text", "content", "message", "completion",
        "summary", "report", "combined_chunk_content",
    ),
}  # fmt: skip


_CALL = {"args", "kwargs"}
"""How decorators write down the arguments of a function."""


def _of_call(call: Mapping[str, Any], side: str) -> str | None:
    """What tells most in the arguments of a function: one by its name, else the first that is a text, else any."""
    named, args = parsed(call["kwargs"]), parsed(call["args"])
    named = named if isinstance(named, Mapping) else {}
    telling = [named[key] for key in _TELLING[side] if not is_empty(named.get(key))]
    others = [*args, *named.values()] if isinstance(args, list | tuple) else [*named.values()]
    for value in (*telling, *others):
        messages = messages_in(value, _SPEAKER[side]) if isinstance(value, list | tuple | Mapping) else []
        if found := _last_words(messages, side) if messages else _told(value, side, 5):
            return found
    return None


def _told(value: Any, side: str, depth: int) -> str | None:
    if isinstance(value, str):
        return clean(value) or None
    if depth == 0:
        return None
    if isinstance(value, Mapping):
        found = (_told(value[key], side, depth - 1) for key in _TELLING[side] if not is_empty(value.get(key)))
        if (text := next((text for text in found if text), None)) is not None:
            return text
        return _told(next(iter(value.values())), side, depth - 1) if len(value) == 1 else None
    if isinstance(value, list | tuple) and value and all(isinstance(item, str) for item in value):
        return clean("\n".join(value)) or None
    return None


# --- names with numbers in them ---

_SPREAD_OVER = {
    "llm.input_messages": ("message.role", "message.content"),
    "llm.output_messages": ("message.role", "message.content"),
    "gen_ai.prompt": ("role", "content"),
    "gen_ai.completion": ("role", "content"),
    "llm.prompts": ("", "prompt.text"),
    "llm.choices": ("", "completion.text"),
}
_PATHS = {
    side: [
        (prefix, *_SPREAD_OVER[prefix], frozenset(f"{prefix}.0.{name}" for name in _SPREAD_OVER[prefix] if name))
        for prefix in prefixes
    ]
    for side, prefixes in _INDEXED.items()
}
"""For each side where its messages may be: role and content, and the names of these in the first message."""


def _indexed_text(attributes: Mapping[str, Any], side: str) -> str | None:
    """The last question or answer, looked up by its names where the messages are plain."""
    for prefix, role, content, first in _PATHS[side]:
        if not attributes.keys().isdisjoint(first):
            told = _by_names(attributes, prefix, role, content, side)
            return told if told is not None else _last_words(_indexed(attributes, prefix, side), side)
    return None


def _by_names(attributes: Mapping[str, Any], prefix: str, role: str, content: str, side: str) -> str | None:
    speaker, told, number = _SPEAKER[side], None, 0
    while True:
        said = attributes.get(f"{prefix}.{number}.{content}")
        by = attributes.get(f"{prefix}.{number}.{role}") if role else None
        if said is None and by is None:
            return told
        if said is None and by == speaker:
            return None
        if isinstance(said, str) and said and (by is None or by == speaker):
            if said[0] in "[{":
                return None
            told = clean(said)
        number += 1


def _indexed(attributes: Mapping[str, Any], prefix: str, side: str) -> list[Message]:
    return [
        message for item in unflattened(attributes, prefix) for message in messages_in(_plain(item), _SPEAKER[side])
    ]


def _plain(item: Any) -> Any:
    """Texts of prompts and completions that are one level further down."""
    if isinstance(item, Mapping):
        for key in ("prompt", "completion"):
            if isinstance(inner := item.get(key), Mapping) and isinstance(inner.get("text"), str):
                return inner["text"]
    return item


# --- events ---

_DETAILS = "gen_ai.client.inference.operation.details"
_SIDE_OF_EVENT = {
    "gen_ai.system.message": ("query", "system"),
    "gen_ai.user.message": ("query", "user"),
    "gen_ai.assistant.message": ("query", "assistant"),
    "gen_ai.tool.message": ("query", "tool"),
    "gen_ai.content.prompt": ("query", "user"),
    "gen_ai.choice": ("answer", "assistant"),
    "gen_ai.content.completion": ("answer", "assistant"),
}
_BODIES = ("body", "event_body", "gen_ai.event.content", "gen_ai.prompt", "gen_ai.completion")


def _in_events(span: SpanData, side: str) -> str | None:
    messages = list(event_messages(span.events, side))
    return _last_words(messages, side) if messages else None


def event_messages(events: tuple[SpanEvent, ...], side: str) -> Iterator[Message]:
    """The messages that events bring: each one, or all of a call in one event."""
    for event in events:
        where, role = _SIDE_OF_EVENT.get(event.name, ("", ""))
        if where == side:
            yield from messages_in(_body(event.attributes, role), role)
        elif event.name == _DETAILS:
            body = parsed(event.attributes.get("body"))
            for source in (event.attributes, body if isinstance(body, Mapping) else {}):
                for _, value in each(source, side):
                    yield from messages_in(value, _SPEAKER[side])


def _body(attributes: Mapping[str, Any], role: str) -> Any:
    """What an event says: its body, or attributes that are the message themselves. The name of the event tells who speaks."""
    body = next((parsed(attributes[key]) for key in _BODIES if not is_empty(attributes.get(key))), attributes)
    if isinstance(body, Mapping) and isinstance(message := parsed(body.get("message")), Mapping):
        body = {**body, **message}
    return {"role": role, **body} if isinstance(body, Mapping) else body


# --- the whole conversation ---


def conversation_of(span: SpanData, side: str) -> list[Message]:
    """Every message that went in (`query`) or came out (`answer`), from the first source that has any."""
    for name, value in each(span.attributes, side):
        if RANKS[side][name] > _STRUCTURED[side]:
            break
        if messages := messages_in(value, _SPEAKER[side]):
            return messages
    for prefix in _INDEXED[side]:
        if messages := _indexed(span.attributes, prefix, side):
            return messages
    for _, value in each(span.attributes, side):
        if messages := messages_in(value, _SPEAKER[side]):
            return messages
    return list(event_messages(span.events, side))
