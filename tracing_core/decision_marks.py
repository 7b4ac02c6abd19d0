"""Marks on decisions that could not be kept as they were given.

A mark is one of a decision's inputs, so it goes wherever the decision goes: to the file, the database, another backend. A
host's own input of that name is left alone; the mark is then called `decision.` and its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

import orjson

from tracing_core.jsontext import dump, text_of

CONFIDENCE, AS_TEXT, CUT = "confidence_given", "kept_as_text", "cut"
PREFIX = "decision."
MOST_BYTES = 65_536
"""Of the JSON of one part of a decision in the database, where lists of decisions are read. Its file has all of it."""
_MOST_ITEMS, _LONGEST_ITEM = 100, 400
_LONGEST_TEXT = 4000
_NATIVE = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def marked(inputs: Mapping[str, Any], marks: Mapping[str, Any]) -> Mapping[str, Any]:
    """`inputs` with marks among them."""
    if not marks:
        return inputs
    return {**inputs, **{name if name not in inputs else PREFIX + name: value for name, value in marks.items()}}


def marks_of(confidence: Any, kept: float | None, parts: Mapping[str, Any]) -> dict[str, Any]:
    """What has to be said of a decision.

    Args:
        confidence: as it was given.
        kept: what is recorded of it.
        parts: what was chosen and the rest, by name, and in it the inputs by theirs.
    """
    marks: dict[str, Any] = {}
    if kept is None and confidence is not None:
        marks[CONFIDENCE] = _plain(confidence)
    if not _is_json(parts):
        marks[AS_TEXT] = [name for name, value in parts.items() if not _is_json(value)]
    return marks


def notes(inputs: Mapping[str, Any], why: str) -> Iterator[str]:
    """What a reader should know of a decision, in half sentences."""
    if not why:
        yield "no reason was recorded"
    given = found(inputs, CONFIDENCE)
    if given is not None:
        yield f"its confidence was given as {given}, which is no number from 0 to 1"
    if as_text := found(inputs, AS_TEXT):
        names = as_text if isinstance(as_text, list) else [as_text]
        yield f"kept as text, since JSON cannot hold it: {', '.join(map(text_of, names))}"
    if cut := found(inputs, CUT):
        yield f"cut here, whole in the raw trace: {cut}"


def found(inputs: Mapping[str, Any], mark: str) -> Any:
    """What a mark says; None without it."""
    return inputs.get(PREFIX + mark, inputs.get(mark))


def is_mark(name: str) -> bool:
    """Whether an input is a mark, which is shown as such and not as what a choice was based on."""
    return name.removeprefix(PREFIX) in (CONFIDENCE, AS_TEXT, CUT)


def cut(what: Any, why: str, alternatives: Sequence[Any], inputs: Mapping[str, Any]) -> tuple[Any, str, Any, Any]:
    """The parts of a decision, each no larger than a row should be; what had to be cut is marked."""
    if len(dump((what, why, alternatives, inputs))) <= MOST_BYTES:
        return what, why, alternatives, inputs
    parts = {"what": what, "why": why, "alternatives_considered": alternatives, "inputs": inputs}
    sizes = {name: size for name, value in parts.items() if (size := len(dump(value))) > MOST_BYTES}
    if not sizes:
        return what, why, alternatives, inputs
    short = {name: _short(value) if name in sizes else value for name, value in parts.items()}
    said = ", ".join(f"{name} ({size} bytes)" for name, size in sizes.items())
    return short["what"], short["why"], short["alternatives_considered"], marked(short["inputs"], {CUT: said})


def _short(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {text_of(name)[:_LONGEST_ITEM]: _item(each) for name, each in list(value.items())[:_MOST_ITEMS]}
    if isinstance(value, list | tuple):
        return [_item(each) for each in value[:_MOST_ITEMS]]
    text = value if isinstance(value, str) else text_of(value)
    return text[:_LONGEST_TEXT] + "…"


def _item(value: Any) -> Any:
    encoded = dump(value)
    if len(encoded) <= _LONGEST_ITEM:
        return value
    text = value if isinstance(value, str) else encoded.decode()
    return text[:_LONGEST_ITEM] + "…"


def _is_json(value: Any) -> bool:
    try:
        orjson.dumps(value, option=_NATIVE)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _plain(value: Any) -> Any:
    if isinstance(value, bool | str) or (type(value) is float and isfinite(value)):
        return value if not isinstance(value, str) else value[:_LONGEST_ITEM]
    return text_of(value)[:_LONGEST_ITEM]
