"""`traced`: a span for every call, also of generators, without a change in what the function does (A9)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import aclosing

import pytest

import tracing_core as tracing
from tests.surroundings import by_name, finished, tree
from tracing_core.freeze import freeze
from tracing_core.model import SpanKind, SpanStatus, TraceData
from tracing_core.sink import MemorySink


@pytest.fixture
def trace(sink: MemorySink) -> Iterator[tracing.Trace]:
    started = finished(tracing.TraceContext.start())
    yield started
    tracing.TraceContext.finish(started)


def frozen(trace: tracing.Trace) -> TraceData:
    return freeze(trace)


@tracing.traced(kind=SpanKind.TOOL)
def double(number: int) -> int:
    """Twice the number."""
    with tracing.span("inside"):
        return 2 * number


@tracing.traced("halving")
async def halve(number: int) -> float:
    await asyncio.sleep(0)
    with tracing.span("inside"):
        return number / 2


@tracing.traced()
def count_to(limit: int) -> Generator[int, str | None, str]:
    for number in range(limit):
        with tracing.span(f"item_{number}"):
            pass
        yield number
    return "done"


@tracing.traced()
async def acount_to(limit: int, name: str = "item") -> AsyncIterator[int]:
    for number in range(limit):
        with tracing.span(f"{name}_{number}"):
            await asyncio.sleep(0)
        yield number


def test_a_call_is_a_span(trace: tracing.Trace) -> None:
    """With the function's name and the kind given; what the function opens lies below."""
    assert double(21) == 42
    spans = by_name(frozen(trace))
    assert spans["double"].kind is SpanKind.TOOL
    assert spans["double"].status is SpanStatus.OK
    assert tree(frozen(trace)) == {"request": None, "double": "request", "inside": "double"}


def test_an_awaited_call_is_a_span(trace: tracing.Trace) -> None:
    """It lasts as long as the call is awaited."""
    assert asyncio.run(halve(42)) == 21
    assert tree(frozen(trace)) == {"request": None, "halving": "request", "inside": "halving"}


def test_a_function_stays_what_it_is() -> None:
    """Name, docstring and kind of the function are those of before."""
    assert (double.__name__, double.__doc__) == ("double", "Twice the number.")
    assert inspect.iscoroutinefunction(halve)
    assert inspect.isgeneratorfunction(count_to)
    assert inspect.isasyncgenfunction(acount_to)


def test_without_parentheses_it_works_alike(trace: tracing.Trace) -> None:
    """`@traced` is `@traced()`."""

    @tracing.traced
    def triple(number: int) -> int:
        return 3 * number

    assert triple(3) == 9
    assert "triple" in by_name(frozen(trace))


def test_without_a_trace_the_function_just_runs(sink: MemorySink) -> None:
    """Nothing is recorded and nothing breaks."""
    assert double(1) == 2
    assert asyncio.run(halve(2)) == 1
    assert list(count_to(2)) == [0, 1]


def test_exceptions_mark_the_span_and_go_on(trace: tracing.Trace) -> None:
    """Of a function, a coroutine and a generator alike."""

    @tracing.traced("call")
    def call() -> None:
        raise ValueError("sync")

    @tracing.traced("coroutine")
    async def coroutine() -> None:
        raise ValueError("async")

    @tracing.traced("generator")
    def generator() -> Iterator[int]:
        yield 1
        raise ValueError("generator")

    @tracing.traced("async_generator")
    async def async_generator() -> AsyncIterator[int]:
        yield 1
        raise ValueError("async generator")

    async def drain() -> None:
        async for _ in async_generator():
            pass

    with pytest.raises(ValueError, match=r"^sync"):
        call()
    with pytest.raises(ValueError, match=r"^async"):
        asyncio.run(coroutine())
    with pytest.raises(ValueError, match=r"^generator"):
        list(generator())
    with pytest.raises(ValueError, match=r"^async generator"):
        asyncio.run(drain())
    spans = by_name(frozen(trace))
    for name, said in (("call", "sync"), ("coroutine", "async"), ("generator", "generator")):
        assert spans[name].error == f"ValueError: {said}"
    assert spans["async_generator"].error == "ValueError: async generator"


def test_a_generator_is_one_span_from_its_first_item_to_its_end(trace: tracing.Trace) -> None:
    """And its return value reaches the caller."""

    def caller() -> Iterator[int]:
        said = yield from count_to(2)
        assert said == "done"

    unstarted = count_to(5)
    assert list(caller()) == [0, 1]
    assert tree(frozen(trace)) == {"request": None, "count_to": "request", "item_0": "count_to", "item_1": "count_to"}
    unstarted.close()


def test_the_consumers_spans_are_not_the_generators(trace: tracing.Trace) -> None:
    """What happens between two items is not recorded below the generator."""
    for number in count_to(2):
        with tracing.span(f"consumer_{number}"):
            pass
    parents = tree(frozen(trace))
    assert parents["consumer_0"] == parents["consumer_1"] == "request"
    assert parents["item_1"] == "count_to"


def test_the_consumers_spans_are_not_the_async_generators(trace: tracing.Trace) -> None:
    """The same for an async generator."""

    async def consume() -> None:
        async for number in acount_to(2):
            with tracing.span(f"consumer_{number}"):
                await asyncio.sleep(0)

    asyncio.run(consume())
    parents = tree(frozen(trace))
    assert parents["consumer_0"] == parents["consumer_1"] == "request"
    assert parents["item_1"] == "acount_to"


def test_a_span_held_open_across_items_keeps_its_children(trace: tracing.Trace) -> None:
    """What the generator opens inside it, before or after an item, lies below it, and not what its consumer opens."""

    @tracing.traced()
    def answer() -> Iterator[str]:
        with tracing.span("generation"):
            yield "a"
            with tracing.span("second_part"):
                yield "b"
            with tracing.span("third_part"):
                pass
        with tracing.span("afterwards"):
            pass

    for token in answer():
        with tracing.span(f"shown_{token}"):
            pass
    assert tree(frozen(trace)) == {
        "request": None,
        "answer": "request",
        "generation": "answer",
        "second_part": "generation",
        "third_part": "generation",
        "afterwards": "answer",
        "shown_a": "request",
        "shown_b": "request",
    }
    assert tracing.current_span() is trace.root


def test_a_span_held_open_across_items_of_an_async_generator_keeps_its_children(trace: tracing.Trace) -> None:
    """The same for an async generator."""

    @tracing.traced()
    async def answer() -> AsyncIterator[str]:
        with tracing.span("generation"):
            yield "a"
            with tracing.span("second_part"):
                await asyncio.sleep(0)

    async def consume() -> None:
        async for token in answer():
            with tracing.span(f"shown_{token}"):
                pass

    asyncio.run(consume())
    parents = tree(frozen(trace))
    assert (parents["second_part"], parents["shown_a"]) == ("generation", "request")


def test_a_generator_closed_early_is_no_error(trace: tracing.Trace) -> None:
    """A consumer that has had enough ends the span; the generator may clean up, which is recorded below it."""

    @tracing.traced()
    def endless() -> Iterator[int]:
        try:
            with tracing.span("held"):
                yield 1
        finally:
            with tracing.span("cleaning"):
                pass

    generator = endless()
    next(generator)
    generator.close()  # type: ignore[attr-defined]
    spans = by_name(frozen(trace))
    assert spans["endless"].status is SpanStatus.OK
    assert spans["held"].status is SpanStatus.OK
    assert tree(frozen(trace))["cleaning"] == "endless"


def test_an_async_generator_closed_early_is_no_error(trace: tracing.Trace) -> None:
    """The same for an async generator, whose clean-up is awaited."""
    cleaned: list[bool] = []

    @tracing.traced()
    async def endless() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    async def consume() -> None:
        async with aclosing(endless()) as items:  # type: ignore[type-var]
            async for _ in items:
                break

    asyncio.run(consume())
    span = by_name(frozen(trace))["endless"]
    assert (span.status, span.error, cleaned) == (SpanStatus.OK, None, [True])
    assert span.duration_ns is not None


def test_what_is_sent_and_thrown_reaches_the_generator(trace: tracing.Trace) -> None:
    """The generator may handle what its consumer throws, and go on."""

    @tracing.traced()
    def echo() -> Generator[str, str, None]:
        said = yield "first"
        try:
            yield said
        except KeyError:
            yield "handled"

    generator = echo()
    assert next(generator) == "first"
    assert generator.send("hello") == "hello"
    assert generator.throw(KeyError("x")) == "handled"
    assert list(generator) == []
    assert by_name(frozen(trace))["echo"].status is SpanStatus.OK


def test_what_the_generator_does_not_handle_goes_back_to_the_consumer(trace: tracing.Trace) -> None:
    """Thrown in, it comes out again and marks the span."""
    generator = count_to(3)
    next(generator)
    with pytest.raises(KeyError):
        generator.throw(KeyError("x"))
    assert by_name(frozen(trace))["count_to"].error == "KeyError: 'x'"


def test_what_is_thrown_into_an_async_generator_reaches_it(trace: tracing.Trace) -> None:
    """It may handle that, and go on."""

    @tracing.traced()
    async def echo() -> AsyncIterator[str]:
        try:
            yield "first"
        except KeyError:
            yield "handled"

    async def consume() -> list[str]:
        generator = echo()
        return [await anext(generator), await generator.athrow(KeyError("x"))]  # type: ignore[attr-defined]

    assert asyncio.run(consume()) == ["first", "handled"]


def test_two_async_generators_in_turns_keep_apart(trace: tracing.Trace) -> None:
    """Each one's spans lie below its own, when one task takes from them in turns."""

    async def consume() -> None:
        left, right = acount_to(3, "left"), acount_to(3, "right")
        async for _ in left:
            await anext(right)
        async for _ in right:
            pass

    asyncio.run(consume())
    data = frozen(trace)
    generators = [span.span_id for span in data.spans if span.name == "acount_to"]
    parents = {span.name: span.parent_id for span in data.spans}
    assert [parents[f"left_{number}"] for number in range(3)] == [generators[0]] * 3
    assert [parents[f"right_{number}"] for number in range(3)] == [generators[1]] * 3


def test_two_async_generators_in_two_tasks_keep_apart(trace: tracing.Trace) -> None:
    """The same when two tasks take from them at the same time."""

    async def drain(name: str) -> None:
        async for _ in acount_to(3, name):
            await asyncio.sleep(0)

    async def consume() -> None:
        await asyncio.gather(drain("left"), drain("right"))

    asyncio.run(consume())
    data = frozen(trace)
    parents = {span.name: span.parent_id for span in data.spans}
    assert len({parents[f"left_{number}"] for number in range(3)}) == 1
    assert parents["left_0"] != parents["right_0"]
