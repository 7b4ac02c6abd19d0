"""Instrument functions: sync, async, generators and async generators (A9)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, Self, TypeVar, overload

from tracing_core.context import span
from tracing_core.model import SpanKind
from tracing_core.recording import AnySpan, Span, current, describe

F = TypeVar("F", bound=Callable[..., Any])


@overload
def traced(name: F) -> F: ...
@overload
def traced(name: str | None = None, kind: str = SpanKind.UNKNOWN) -> Callable[[F], F]: ...
def traced(name: Any = None, kind: str = SpanKind.UNKNOWN) -> Any:
    """Make every call of a function a span. `@traced` alone is `@traced()`.

    A generator's span lasts from its first item to its end, and is the current span only while the generator itself
    runs, so what its consumer does between two items is not recorded below it.

    Args:
        name: the operation; the function's own name otherwise.
        kind: a `SpanKind` or its name.
    """
    if callable(name):
        return traced()(name)

    def decorate(function: F) -> F:
        operation = name or getattr(function, "__name__", type(function).__name__)
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
        inside, resume = _Inside(opened), functools.partial(generator.send, None)
        try:
            while True:
                with inside:
                    item = resume()
                try:
                    resume = functools.partial(generator.send, (yield item))
                except GeneratorExit:
                    with inside:
                        generator.close()
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
        inside, resume = _Inside(opened), functools.partial(generator.asend, None)
        try:
            while True:
                with inside:
                    item = await resume()
                try:
                    resume = functools.partial(generator.asend, (yield item))
                except GeneratorExit:
                    with inside:
                        await generator.aclose()
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


class _Inside:
    """The times when a generator itself runs: its innermost open span is current then, and its consumer's again after.

    Args:
        opened: the span of the generator.
    """

    def __init__(self, opened: AnySpan) -> None:
        self._opened = opened
        self._innermost: Span | None = None

    def __enter__(self) -> Self:
        self._opened.enter()
        if self._innermost is not None:
            current.set(self._innermost)
        return self

    def __exit__(self, *error: object) -> None:
        if isinstance(self._opened, Span):
            self._innermost = current.get()
            self._opened.leave()


def _description(error: BaseException) -> str | None:
    """What to write on the span; a consumer that has had enough (GeneratorExit) is no error."""
    return None if isinstance(error, GeneratorExit) else describe(error)
