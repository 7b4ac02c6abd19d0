"""What is recorded is held against the registered schemas while a program runs (seed B, section 4; TRACEWHY_VALIDATE)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.surroundings import PATIENCE_SECONDS, HeldStore, finished, make_writer
from tests.unit.test_interface import Selector, decided
from tracing_core.context import TraceContext
from tracing_core.interface import register, unregister
from tracing_core.runtime import Runtime, configure
from tracing_core.validation import NOTED, Validation
from tracing_core.writer import TraceWriter


@pytest.fixture(autouse=True)
def _selector() -> Iterator[None]:
    register(Selector(decisions={"source_selection": {"what": ["exa"]}}))
    yield
    unregister("selector")


def test_a_problem_is_logged_once_and_noted_each_time(caplog: pytest.LogCaptureFixture) -> None:
    """Section 4, at run time: the log names the first trace with a problem, every trace with it says so on its root."""
    validation = Validation()
    first, second = decided(what="bing"), decided(what="bing")
    with caplog.at_level(logging.WARNING):
        noted = [validation.noted(trace).spans[0].attributes[NOTED] for trace in (first, second)]
    problem = "selector: selector.source_selection: what is bing; there can be exa"
    assert noted == [[problem], [problem]]
    assert [record.getMessage() for record in caplog.records] == [
        f"recorded against its schema, first in trace {first.trace_id}: {problem}"
    ]


def test_what_follows_its_schema_is_left_as_it_is() -> None:
    """A trace without problems is the very same afterwards."""
    trace = decided()
    assert Validation().noted(trace) is trace


def test_a_choice_that_cannot_be_compared_is_a_problem_and_no_error() -> None:
    """An object of the host may raise when it is compared; it is compared as what would be stored of it."""

    class Sullen:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError("do not compare me")

        __hash__ = None  # type: ignore[assignment]

        def __str__(self) -> str:
            return "sullen"

    noted = Validation().noted(decided(what=Sullen())).spans[0].attributes[NOTED]
    assert noted == ["selector: selector.source_selection: what is sullen; there can be exa"]


def test_only_so_many_problems_are_noted() -> None:
    """A trace with very many problems says how many it has besides those that it lists."""
    trace = decided(what=[f"source {number}" for number in range(3)])
    root, span = trace.spans
    many = tuple(decided(what=f"source {number}").spans[1].decisions[0] for number in range(30))
    trace = type(trace)(**{f: getattr(trace, f) for f in trace.__slots__} | {"spans": (root, _with(span, many))})
    noted = Validation().noted(trace).spans[0].attributes[NOTED]
    assert (len(noted), noted[-1]) == (21, "and 10 more")


def _with(span: object, decisions: object) -> object:
    return type(span)(**{f: getattr(span, f) for f in span.__slots__} | {"decisions": decisions})  # type: ignore[attr-defined]


def test_the_writer_stores_what_is_wrong_all_the_same(data_dir: Path) -> None:
    """A run that breaks its schema is stored like any other, with the note."""
    store = HeldStore()
    seen = []
    given = make_writer(store, data_dir)

    def look(data):  # type: ignore[no-untyped-def]
        seen.append(Validation().noted(data))
        return seen[-1]

    writer = TraceWriter(given._delivery, given._clock, look_at=look)
    restore = configure(Runtime(sink=writer))
    trace = finished(TraceContext.start())
    trace.record("selector", "whim", {"what": "x"})
    trace.mark_complete()
    TraceContext.finish(trace).result(PATIENCE_SECONDS)
    restore()
    writer.close()
    given.close()
    assert store.stored == [trace.trace_id]
    assert seen[0].spans[0].attributes[NOTED] == [
        "selector: selector.whim: decision is not declared; there can be source_selection"
    ]
