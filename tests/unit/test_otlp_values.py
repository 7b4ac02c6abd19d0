"""Attributes are read off their bytes where they have the usual form; what they say is what protobuf says that they say."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

from tracing_core.errors import InvalidInput
from tracing_core.otlp.values import attributes_of

_EDGES = (
    0,
    1,
    119,
    120,
    121,
    122,
    123,
    124,
    125,
    126,
    127,
    128,
    129,
    8178,
    8186,
    8187,
    8188,
    8192,
    16_380,
    16_384,
    20_000,
)
_values = st.one_of(
    st.builds(AnyValue),
    st.builds(AnyValue, string_value=st.text(max_size=8)),
    st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1) | st.integers(0, 20_000)),
    st.builds(AnyValue, bool_value=st.booleans()),
    st.builds(AnyValue, double_value=st.floats(allow_nan=False, allow_infinity=False)),
)
_lists = st.lists(_values, max_size=6).map(lambda items: AnyValue(array_value=ArrayValue(values=items)))


def _said(raw: bytes) -> Any:
    """What the official classes make of a KeyValue; None when they refuse it."""
    try:
        pair = KeyValue.FromString(raw)
    except DecodeError:
        return None
    which = pair.value.WhichOneof("value")
    return {pair.key: getattr(pair.value, which) if which else None}


@pytest.mark.parametrize("length", _EDGES)
@pytest.mark.parametrize("name", ["k", "k" * 18, "k" * 127, "k" * 128, "k" * 200])
def test_texts_of_every_length_are_read_whole(name: str, length: int) -> None:
    """How many bytes say how long a text is changes at certain lengths; nothing is lost and nothing added there."""
    pair = KeyValue(key=name, value=AnyValue(string_value="x" * length))
    assert attributes_of([pair.SerializeToString()]) == {name: "x" * length}


@given(st.sampled_from(["", "a", "gen_ai.system", "session.id"]), _values)
def test_an_attribute_is_what_protobuf_says_it_is(name: str, value: AnyValue) -> None:
    """Whatever the type, and whether it was seen before or not."""
    raw = KeyValue(key=name, value=value).SerializeToString()
    assert attributes_of([raw]) == attributes_of([raw]) == _said(raw)


@given(_lists, st.integers(0, 3))
def test_a_list_is_what_protobuf_says_it_is(value: AnyValue, deeper: int) -> None:
    """Short or long, empty, or of lists."""
    for _ in range(deeper):
        value = AnyValue(array_value=ArrayValue(values=[value, AnyValue(), value]))
    raw = KeyValue(key="k", value=value).SerializeToString()
    assert attributes_of([raw]) == {"k": _plain(value)}


def _plain(value: AnyValue) -> Any:
    which = value.WhichOneof("value")
    if which == "array_value":
        return [_plain(item) for item in value.array_value.values]
    return getattr(value, which) if which else None


@given(_values, st.data())
def test_damaged_bytes_are_read_as_protobuf_reads_them(value: AnyValue, data: st.DataObject) -> None:
    """An attribute that is not what it seems is refused with the request, or says what protobuf finds in it."""
    raw = bytearray(KeyValue(key="gen_ai.system", value=value).SerializeToString())
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=3)):
        raw[at] = data.draw(st.sampled_from([0, 1, 9, 10, 16, 18, 24, 33, 127, 128, 129, 255]))
    expected = _said(bytes(raw))
    if expected is not None and all(isinstance(said, str | int | bool | None) for said in expected.values()):
        assert attributes_of([bytes(raw)]) == expected
        return
    try:
        attributes_of([bytes(raw)])  # text that is no UTF-8 is kept as well as it can be
    except InvalidInput:
        assert expected is None
