"""Instrument functions: sync, async, generators and async generators (A9)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any, TypeVar

from tracing_core.context import span
from tracing_core.model import SpanKind
from tracing_core.recording import AnySpan, describe

F = TypeVar("F", bound=Callable[..., Any])


def traced(name: str | None = None, kind: str = SpanKind.UNKNOWN) -> Callable[[F], F]:
    """Make every call of a function a span.

    A generator's span lasts from its first item to its end, and is the current span only while the generator itself
    runs, so what its consumer does between two items is not recorded below it.

    Args:
        name: the operation; the function's own name otherwise.
        kind: a `SpanKind` or its name.
    """

    def decorate(function: F) -> F:
        operation = name or function.__name__
        wrapper: Callable[..., Any]
        if inspect.isasyncgenfunction(function):
            wrapper = _traced_async_generator(function, operation, kind)
        elif inspect.isgeneratorfunction(function):
            wrapper = _traced_generator(function, operation, kind)
        elif inspect.iscoroutinefunction(function):
            wrapper = _traced_coroutine(function, operation, kind)
        else:
            wrapper = _traced_call(function, operation, kind)
        return functools.wraps(function)(wrapper)  # type: ignore[return-value]

    return decorate


def _traced_call(function: Callable[..., Any], name: str, kind: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with span(name, kind):
            return function(*args, **kwargs)

    return call


def _traced_coroutine(function: Callable[..., Any], name: str, kind: str) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        with span(name, kind):
            return await function(*args, **kwargs)

    return call


def _traced_generator(function: Callable[..., Any], name: str, kind: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        opened, generator = span(name, kind), function(*args, **kwargs)
        resume = functools.partial(generator.send, None)
        try:
            while True:
                item = _inside(opened, resume)
                try:
                    resume = functools.partial(generator.send, (yield item))
                except GeneratorExit:
                    _inside(opened, generator.close)
                    raise
                except BaseException as error:  # noqa: BLE001 - what is thrown in is the generator's to handle
                    resume = functools.partial(generator.throw, error)
        except StopIteration as stop:
            return stop.value
        except BaseException as error:
            opened.end(_description(error))
            raise
        finally:
            opened.end()

    return call


def _traced_async_generator(function: Callable[..., Any], name: str, kind: str) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        opened, generator = span(name, kind), function(*args, **kwargs)
        resume = functools.partial(generator.asend, None)
        try:
            while True:
                item = await _inside_async(opened, resume)
                try:
                    resume = functools.partial(generator.asend, (yield item))
                except GeneratorExit:
                    await _inside_async(opened, generator.aclose)
                    raise
                except BaseException as error:  # noqa: BLE001 - what is thrown in is the generator's to handle
                    resume = functools.partial(generator.athrow, error)
        except StopAsyncIteration:
            return
        except BaseException as error:
            opened.end(_description(error))
            raise
        finally:
            opened.end()

    return call


def _inside(opened: AnySpan, step: Callable[[], Any]) -> Any:
    opened.enter()
    try:
        return step()
    finally:
        opened.leave()


async def _inside_async(opened: AnySpan, step: Callable[[], Awaitable[Any]]) -> Any:
    opened.enter()
    try:
        return await step()
    finally:
        opened.leave()


def _description(error: BaseException) -> str | None:
    """What to write on the span; a consumer that has had enough (GeneratorExit) is no error."""
    return None if isinstance(error, GeneratorExit) else describe(error)
