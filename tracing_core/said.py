"""What the attributes of a span say, concept by concept. Where to look is found out once for spans with the same names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeVar

from tracing_core.conventions import CONCEPTS, FACTS, Reading
from tracing_core.readings import READERS

_Entry = tuple[str, int, Callable[[Any], Any] | None, Any]
"""A concept, the rank of a name in it, how its values are read, and the entry of a second concept with that name."""

_RANKED = frozenset({Reading.MESSAGES, Reading.USAGE, Reading.USAGE_EXCLUSIVE, Reading.COSTS})
"""Readings whose values are kept as they are, with their rank: texts are only parsed where somebody needs them."""


def _index() -> dict[str, _Entry]:
    found: dict[str, _Entry] = {}
    for concept, about in FACTS.items():
        for rank, (name, reading) in enumerate(about.readings()):
            found[name] = (concept, rank, None if reading in _RANKED else READERS[reading], found.get(name))
    return found


_FIRST_OF = _index().get
RANKS: Mapping[str, Mapping[str, int]] = {
    concept: {name: rank for rank, (name, _) in enumerate(about.readings())} for concept, about in CONCEPTS.items()
}

_Result = TypeVar("_Result")
_MOST_NAMES = 256


def of_names(function: Callable[[tuple[Any, ...]], _Result]) -> Callable[[Mapping[Any, Any]], _Result]:
    """Remember what `function` makes of the names of attributes: spans of a kind have the same names again and again."""
    remembered = lru_cache(maxsize=1024)(function)

    def of(attributes: Mapping[Any, Any]) -> _Result:
        names = tuple(attributes)
        return remembered(names) if len(names) <= _MOST_NAMES else function(names)

    return of


@of_names
def _places(names: tuple[Any, ...]) -> tuple[tuple[str, tuple[tuple[Any, int, Callable[[Any], Any] | None], ...]], ...]:
    """Each concept that these names can say, with the names in order of precedence, their ranks and how they are read."""
    found: dict[str, list[tuple[Any, int, Callable[[Any], Any] | None]]] = {}
    for name in names:
        entry = _FIRST_OF(name)
        while entry is not None:  # all but a few names stand for one concept
            concept, rank, read, entry = entry
            found.setdefault(concept, []).append((name, rank, read))
    return tuple((concept, tuple(sorted(places, key=itemgetter(1)))) for concept, places in found.items())


def said_by(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Concept to value. Those of messages and of mappings are a pair: the rank of the name, and the value as it came."""
    found: dict[str, Any] = {}
    for concept, places in _places(attributes):
        for name, rank, read in places:
            value = attributes[name]
            if read is not None:
                if (usable := read(value)) is not None:
                    found[concept] = usable
                    break
            elif (value.__class__ is str and value) or not is_empty(value):
                found[concept] = rank, value
                break
    return found


def is_empty(value: Any) -> bool:
    """Whether a value says nothing at all."""
    return value is None or (isinstance(value, str | list | tuple | dict) and not value)


def each(attributes: Mapping[str, Any], concept: str) -> Iterator[tuple[str, Any]]:
    """Every name of one concept that is there, with its value as it came, in order of precedence."""
    for name, _ in CONCEPTS[concept].readings():
        value = attributes.get(name)
        if not is_empty(value):
            yield name, value


def names_of(concepts: Iterable[str]) -> frozenset[str]:
    """Every name of these concepts."""
    return frozenset(name for concept in concepts for name, _ in CONCEPTS[concept].readings())
