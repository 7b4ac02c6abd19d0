"""OTLP's JSON, which is not protobuf's own: ids are hex, enums numbers, 64-bit numbers may be text. Protobuf's own is read too.

Unknown names are ignored, and names may be in camelCase or snake_case.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import EncodeError

from tracing_core.errors import InvalidInput
from tracing_core.otlp.any_value import wire_text

_IDS = frozenset({"trace_id", "span_id", "parent_span_id"})
_INTEGERS = frozenset(
    {
        FieldDescriptor.CPPTYPE_INT32,
        FieldDescriptor.CPPTYPE_INT64,
        FieldDescriptor.CPPTYPE_UINT32,
        FieldDescriptor.CPPTYPE_UINT64,
    }
)
_DEEPEST = 90
"""Messages within messages; protobuf itself refuses more than a hundred."""
_fields_by_name: dict[str, Mapping[str, FieldDescriptor]] = {}


def message_bytes(body: bytes, message_class: Any) -> bytes:
    """The protobuf encoding of a JSON body.

    Args:
        body: UTF-8.
        message_class: the official class of what it should be.

    Raises:
        InvalidInput: it is no JSON object, or a value in it does not fit its name.
    """
    message = message_class()
    _fill(message, _loaded(body), message_class.DESCRIPTOR.name, _DEEPEST)
    try:
        encoded: bytes = message.SerializeToString()
    except EncodeError as error:
        raise InvalidInput("body", f"cannot be read as {message_class.DESCRIPTOR.name} ({error})") from error
    return encoded


def _loaded(body: bytes) -> Any:
    """The content of a JSON body. JavaScript writes half a character of a text that was cut, and NaN; both are read, slowly."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("body", f"is not JSON ({error})" if body else "is empty; an empty request is {}") from error


def _fill(message: Any, content: Any, place: str, depth: int) -> None:
    if not isinstance(content, dict):
        raise InvalidInput("body", f"{place} is {_shown(content)}; expected an object")
    if depth == 0:
        raise InvalidInput("body", f"{place[:100]}... is nested too deeply; {_DEEPEST} levels are read")
    message.SetInParent()
    fields = _fields(message.DESCRIPTOR)
    for name, value in content.items():
        if value is None or (field := fields.get(name)) is None:
            continue
        where = f"{place}.{name}"
        if field.is_repeated:
            _extend(getattr(message, field.name), field, value, where, depth)
        elif field.message_type is not None:
            _fill(getattr(message, field.name), value, where, depth - 1)
        else:
            _set(message, field, value, where)


def _fields(descriptor: Descriptor) -> Mapping[str, FieldDescriptor]:
    if descriptor.full_name not in _fields_by_name:
        both = {field.name: field for field in descriptor.fields} | {
            field.camelcase_name: field for field in descriptor.fields
        }
        _fields_by_name[descriptor.full_name] = both
    return _fields_by_name[descriptor.full_name]


def _extend(items: Any, field: FieldDescriptor, values: Any, where: str, depth: int) -> None:
    if not isinstance(values, list):
        raise InvalidInput("body", f"{where} is {_shown(values)}; expected a list")
    for number, value in enumerate(values):
        place = f"{where}[{number}]"
        if field.message_type is not None:
            _fill(items.add(), value, place, depth - 1)
        elif isinstance(value, str):
            items.append(wire_text(value))
        else:
            raise InvalidInput("body", f"{place} is {_shown(value)}; expected text")


def _set(message: Any, field: FieldDescriptor, value: Any, where: str) -> None:
    try:
        setattr(message, field.name, _scalar(field, value))
    except (TypeError, ValueError, OverflowError, KeyError) as error:
        expected = "a name or number of its enum" if field.enum_type is not None else field_type(field)
        raise InvalidInput("body", f"{where} is {_shown(value)}; expected {expected}") from error


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values_by_name[value].number if _is_name(value) else int(value)
    if field.name in _IDS:
        return _id(value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b64decode(value.replace("-", "+").replace("_", "/") + "==") if isinstance(value, str) else value
    if field.cpp_type in _INTEGERS:
        return _integer(value)
    if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
        return float(value)
    return wire_text(value) if isinstance(value, str) else value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError(value)
    return int(value)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and not value.lstrip("-").isdigit()


def _id(value: Any) -> bytes:
    """Hex digits as bytes, or base64, which ends with "=" at these lengths; nothing where it is neither, which costs the span
    alone, as any bad id does.
    """
    if not isinstance(value, str):
        return b""
    try:
        return b64decode(value, validate=True) if value.endswith("=") else bytes.fromhex(value)
    except ValueError:
        return b""


def field_type(field: FieldDescriptor) -> str:
    """What a field holds, in words."""
    if field.type == FieldDescriptor.TYPE_BYTES:
        return "base64"
    if field.cpp_type in _INTEGERS:
        return "a whole number in range"
    words = {FieldDescriptor.CPPTYPE_DOUBLE: "a number", FieldDescriptor.CPPTYPE_BOOL: "true or false"}
    return words.get(field.cpp_type, "text")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
