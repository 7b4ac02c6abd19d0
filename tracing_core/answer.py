"""The answer to a question that has not been asked yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Answer(Generic[T_co]):
    """Get it by `await answer`, which asks in a thread of its own, or by `answer.result()`, which asks in this one.

    Nothing happens before, and each time it is asked anew.
    """

    __slots__ = ("_ask",)

    def __init__(self, ask: Callable[[], T_co]) -> None:
        self._ask = ask

    def result(self) -> T_co:
        """Ask, and wait for the answer.

        Raises:
            StorageError: the database did not answer.
        """
        return self._ask()

    def __await__(self) -> Generator[Any, None, T_co]:
        return asyncio.to_thread(self._ask).__await__()
