"""JSON comes out of anything."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracing_core.jsontext import dump, dump_for_postgres, storable

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda values: st.lists(values) | st.dictionaries(st.text(st.characters(exclude_categories=())), values),
    max_leaves=20,
)


def there_and_back(value: Any) -> Any:
    return orjson.loads(dump(value))


@given(json_values)
def test_any_plain_value_comes_out_in_both_forms(value: object) -> None:
    """NUL, lone surrogates, NaN and big integers included; what PostgreSQL gets holds no NUL."""
    orjson.loads(dump(value))
    orjson.loads(dump(value, indent=True))
    text = dump_for_postgres(value)
    orjson.loads(text)
    assert "\\u0000" not in text.replace("\\\\", "")
    text.encode()


def test_what_json_can_hold_stays_as_it_is() -> None:
    """Nested lists and dictionaries, numbers, texts and moments."""
    assert there_and_back({"a": [1, 2.5, None, True, "x\n\u20ac"]}) == {"a": [1, 2.5, None, True, "x\n\u20ac"]}
    assert there_and_back(datetime(2026, 11, 21, 12, tzinfo=UTC)) == "2026-11-21T12:00:00Z"


def test_what_json_cannot_hold_becomes_text_or_null() -> None:
    """Sets become lists, keys texts, NaN null, other objects their `str`."""

    class Colour(enum.Enum):
        RED = "red"

    number = uuid.UUID(int=1)
    assert there_and_back({3, 1, 2}) == [1, 2, 3]
    assert there_and_back({1: "a", None: "b"}) == {"1": "a", "null": "b"}
    assert there_and_back([float("nan"), float("inf")]) == [None, None]
    assert there_and_back([Colour.RED, number, b"x"]) == ["red", str(number), "b'x'"]
    assert there_and_back(2**70) == str(2**70)
    assert there_and_back("a\ud800b") == "a\ufffdb"


def test_one_odd_value_does_not_change_the_others() -> None:
    """Whether or not something else in the same document needs care, a value looks the same."""

    @dataclass
    class Point:
        x: int

    plain = {
        "mapping": MappingProxyType({"a": 1}),
        "set": {1, 2},
        "when": datetime(2026, 11, 21, 12, tzinfo=UTC),
        "point": Point(1),
        "number": 1.5,
    }
    odd = there_and_back(plain | {"odd": 2**70})
    del odd["odd"]
    assert odd == there_and_back(plain)


def test_numbers_of_numpy_are_numbers() -> None:
    """Scores and counts of models stay numbers, alone and beside an odd value."""
    numpy = pytest.importorskip("numpy")
    scores = {"single": numpy.float32(0.5), "double": numpy.float64(0.25), "count": numpy.int64(3)}
    assert there_and_back(scores) == {"single": 0.5, "double": 0.25, "count": 3}
    assert there_and_back(scores | {"odd": 2**70})["double"] == 0.25
    assert there_and_back({"vector": numpy.array([1.0, 2.0])}) == {"vector": [1.0, 2.0]}


def test_a_ring_is_cut() -> None:
    """A value that contains itself comes out, once, however often it does so."""
    ring: dict[str, Any] = {"name": "ring"}
    ring["self"], ring["again"], ring["list"] = ring, ring, [ring, ring]
    written = dump(ring)
    assert orjson.loads(written)["name"] == "ring"
    assert len(written) < 1000


def test_parents_and_children_that_know_each_other_are_cut() -> None:
    """A tree whose nodes name their parent does not unfold without end."""
    root: dict[str, Any] = {"children": []}
    for _ in range(20):
        child: dict[str, Any] = {"parent": root, "children": []}
        child["children"] = [{"parent": child} for _ in range(20)]
        root["children"].append(child)
    assert len(dump(root)) < 100_000


def test_what_is_too_deep_is_cut() -> None:
    """A thousand levels are more than anyone reads."""
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    assert len(dump(deep)) < 100_000
    assert len(dump({"deep": deep, "beside": 1})) < 100_000


def test_a_mapping_of_another_kind_is_an_object() -> None:
    """Whatever has keys and items."""

    class Own(Mapping[str, int]):
        def __getitem__(self, key: str) -> int:
            return 1

        def __iter__(self) -> Iterator[str]:
            return iter("ab")

        def __len__(self) -> int:
            return 2

    assert there_and_back({"own": Own()}) == {"own": {"a": 1, "b": 1}}


@pytest.mark.parametrize("method", ["__str__", "keys"])
def test_an_object_that_raises_is_named_by_its_type(method: str) -> None:
    """What the host's own methods do cannot cost the trace."""

    def raises(*_arguments: object) -> str:
        raise RuntimeError("no words")

    kind = type("Odd", (), {"__str__": raises, "__repr__": raises, "__getitem__": raises, method: raises})
    assert there_and_back({"odd": kind(), "fine": 1}) == {"odd": "<Odd>", "fine": 1}


def test_storable_text_replaces_what_postgresql_refuses() -> None:
    """NUL and lone surrogates, and nothing else."""
    assert storable("a\x00b\udfff\u20ac\n") == "a\ufffdb\ufffd\u20ac\n"


def test_text_that_looks_like_an_escape_stays() -> None:
    """A backslash, a u and four zeros are six characters."""
    assert orjson.loads(dump_for_postgres({"a": "\\u0000", "b": "\x00"})) == {"a": "\\u0000", "b": "\ufffd"}
