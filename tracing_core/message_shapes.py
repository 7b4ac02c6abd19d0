"""Messages in every shape that instrumentation sends: lists of roles and contents, parts, choices, requests and responses as they went over the wire."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tracing_core.jsontext import dump
from tracing_core.readings import clean, parsed

_DEEPEST = 12
_ROLES = {
    "human": "user", "ai": "assistant", "model": "assistant", "agent": "assistant", "chatbot": "assistant",
    "developer": "system", "function": "tool",
}  # fmt: skip
_SPEAKERS = frozenset({"user", "assistant", "system", "tool", *_ROLES})
_NO_CALLS: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One turn of a conversation: its text for people, and the tools that it wants called (id, name, arguments)."""

    role: str
    text: str
    calls: tuple[Mapping[str, Any], ...] = _NO_CALLS


def messages_in(value: Any, role: str, depth: int = _DEEPEST) -> list[Message]:
    """The messages in a value; none when it holds something else.

    Args:
        value: as it came; JSON is read.
        role: of those who speak without saying who they are.
        depth: how far down is looked.
    """
    if isinstance(value, str) and value[:1] not in ("[", "{"):
        return [Message(role=role, text=clean(value))] if value else []
    value = parsed(value)
    if depth == 0:
        return []
    if isinstance(value, list | tuple):
        return [
            message for item in value if not isinstance(item, str) for message in messages_in(item, role, depth - 1)
        ]
    return _in_mapping(value, role, depth - 1) if isinstance(value, Mapping) else []


def _in_mapping(value: Mapping[str, Any], role: str, depth: int) -> list[Message]:
    if _speaker(value) is not None or _looks_like_content(value):
        return [_message(value, role, depth)]
    if isinstance(value.get("args"), list | tuple) and "kwargs" in value:  # the arguments of a function
        return messages_in(value["args"], role, depth) or messages_in(value["kwargs"], role, depth)
    for key in ("message", "delta", "kwargs"):
        if isinstance(value.get(key), Mapping):
            return messages_in(value[key], role, depth)
    found: list[Message] = []
    for key, speaker in _ENVELOPES:
        inside = value.get(key)
        wire = key in ("input", "output") and ("model" in value or bool(found))
        if isinstance(inside, list | tuple | Mapping) or (isinstance(inside, str) and (speaker == "system" or wire)):
            found += messages_in(inside, speaker or role, depth)
    return found if any(message.role != "system" for message in found) else []


_ENVELOPES = (
    ("system_instruction", "system"), ("instructions", "system"), ("system", "system"), ("messages", ""), ("input", ""),
    ("contents", ""), ("choices", "assistant"), ("candidates", "assistant"), ("output", "assistant"),
    ("generations", "assistant"), ("content", ""),
)  # fmt: skip
"""Where a request or a response keeps its messages, and who speaks there when it does not say."""


def _speaker(value: Mapping[str, Any]) -> str | None:
    for key in ("role", "type"):
        said = value.get(key)
        if isinstance(said, str) and said.lower() in _SPEAKERS:
            return _ROLES.get(said.lower(), said.lower())
    return None


def _type(part: Mapping[str, Any]) -> str:
    """The word by which a part says what it is; none is empty."""
    said = part.get("type") or part.get("kind")
    return said if isinstance(said, str) else ""


def _looks_like_content(value: Mapping[str, Any]) -> bool:
    return _type(value) in _PART_TYPES or isinstance(value.get("parts"), list) or "tool_calls" in value


def _message(value: Mapping[str, Any], role: str, depth: int) -> Message:
    parts = list(_parts(value, depth))
    calls = tuple(part for part in parts if isinstance(part, Mapping))
    texts = [part for part in parts if isinstance(part, str)]
    speaker = _speaker(value) or role
    if speaker == "user" and not calls and _only_results(value):
        speaker = "tool"
    return Message(role=speaker, text=clean("\n".join(text for text in texts if text)), calls=calls)


# --- content: texts, and calls as mappings ---

_PART_TYPES = frozenset(
    {"text", "input_text", "output_text", "tool_call", "tool_use", "function_call", "tool-call", "tool_call_response",
     "tool_result", "tool-result", "function_call_output"}
)  # fmt: skip
_CALLS = frozenset({"tool_call", "tool_use", "function_call", "tool-call", "server_tool_call"})
_RESULTS = frozenset({"tool_call_response", "tool_result", "tool-result", "function_call_output"})
_SILENT = frozenset({"reasoning", "thinking", "redacted_thinking", "compaction"})

Part = str | Mapping[str, Any]


def _parts(value: Mapping[str, Any], depth: int) -> Iterator[Part]:
    if _type(value) in _PART_TYPES and "parts" not in value and "role" not in value:
        yield from _part(value, depth)
        return
    for key in ("parts", "content", "contents"):
        if value.get(key) is not None:
            yield from _content(value[key], depth)
    if isinstance(value.get("text"), str) and "content" not in value:
        yield value["text"]
    yield from (_call(call) for call in _items(value.get("tool_calls")) if isinstance(call, Mapping))
    if isinstance(value.get("function_call"), Mapping):
        yield _call(value["function_call"])


def _items(value: Any) -> Iterable[Any]:
    value = parsed(value)
    return value if isinstance(value, list | tuple) else ()


def _content(value: Any, depth: int) -> Iterator[Part]:
    if depth == 0:
        return
    if isinstance(value, str):
        if value[:1] != "[" or not isinstance(inside := parsed(value), list) or not all(map(_is_part, inside)):
            yield value
            return
        value = inside
    if isinstance(value, Mapping):
        yield from _part(value, depth)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _content(item, depth - 1)
    elif value is not None:
        yield str(value)


def _is_part(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("type"), str)


def _part(part: Mapping[str, Any], depth: int) -> Iterator[Part]:
    kind = _type(part)
    inner = part.get("message_content")
    if isinstance(inner, Mapping) and depth > 0:
        yield from _part(inner, depth - 1)
    elif kind in _SILENT:
        return
    elif kind in _CALLS or "functionCall" in part or "function_call" in part:
        yield _call(part)
    elif kind in _RESULTS or "functionResponse" in part or "function_response" in part:
        yield from _result(part)
    elif (text := _first_text(part)) is not None:
        yield text
    elif isinstance(part.get("content"), list | tuple | Mapping) and depth > 0:
        yield from _content(part["content"], depth - 1)
    elif kind or "inlineData" in part or "image" in part:
        yield f"[{part.get('modality') or kind or 'data'}]"
    else:
        yield as_text(part)


def _first_text(part: Mapping[str, Any]) -> str | None:
    for key in ("text", "content", "input_text", "output_text"):
        said = part.get(key)
        if isinstance(said, Mapping):
            said = said.get("value")
        if isinstance(said, str):
            return said
    return None


def _result(part: Mapping[str, Any]) -> Iterator[Part]:
    for key in ("response", "result", "output", "content", "functionResponse", "function_response"):
        if part.get(key) is not None:
            result = part[key]
            yield result if isinstance(result, str) else as_text(result)
            return


def _only_results(value: Mapping[str, Any]) -> bool:
    content = value.get("parts") or value.get("content")
    if not isinstance(content, list | tuple) or not content:
        return False
    return all(isinstance(part, Mapping) and _type(part) in _RESULTS for part in content)


def _call(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """A call of a tool as id, name and arguments; arguments as JSON are read."""
    inner: Any = given
    for key in ("tool_call", "function", "functionCall", "function_call"):
        if isinstance(inner.get(key), Mapping):
            inner = inner[key]
    name = inner.get("name") or given.get("toolName") or given.get("tool_name") or given.get("name")
    arguments = next(
        (inner[key] for key in ("arguments", "args", "input") if inner.get(key) is not None), given.get("args")
    )
    outer = given.get("tool_call") if isinstance(given.get("tool_call"), Mapping) else given
    identifier = (
        outer.get("id") or given.get("call_id") or given.get("toolCallId") if isinstance(outer, Mapping) else None
    )
    said = {"id": identifier, "name": name, "arguments": parsed(arguments)}
    return {key: value for key, value in said.items() if value is not None}


def as_text(value: Any) -> str:
    """A value for people: texts as they are, the rest as JSON."""
    return clean(value) if isinstance(value, str) else clean(dump(value).decode())


# --- names with numbers in them ---


def unflattened(attributes: Mapping[str, Any], prefix: str) -> list[Any]:
    """The values under `prefix.0.x`, `prefix.1.y` as a list of what they were before they were spread over names."""
    tree: dict[str, Any] = {}
    start = len(prefix) + 1
    for name, value in attributes.items():
        if name.startswith(prefix) and name[start - 1 : start] == ".":
            _plant(tree, name[start:].split(".", _DEEPEST), value)
    listed = _listed({key: value for key, value in tree.items() if key.isdecimal()})
    return listed if isinstance(listed, list) else []


def _plant(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        branch = tree.setdefault(key, {})
        if not isinstance(branch, dict):
            branch = tree[key] = {"": branch}
        tree = branch
    if isinstance(tree.get(path[-1]), dict):
        tree[path[-1]][""] = value
    else:
        tree[path[-1]] = value


def _listed(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    if tree and all(key.isdecimal() for key in tree):
        return [_listed(tree[key]) for key in sorted(tree, key=lambda key: (len(key), key))]
    return {key: _listed(value) for key, value in tree.items()}
