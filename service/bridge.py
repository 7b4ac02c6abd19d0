"""Items from a thread to the event loop: bounded, in order, and over at once when the reader has had enough."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

MOST_WAITING = 64
"""Items that may wait for a slow reader before the thread waits, too."""


class ReaderGone(Exception):
    """The reader wants no more; raised in the thread that brings items, with the reason."""


class Bridge(Generic[T]):
    """One thread puts, one coroutine takes. Made on the event loop.

    Args:
        size: items that may wait.
    """

    def __init__(self, size: int = MOST_WAITING) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._room = threading.Semaphore(size)
        self._items: deque[T] = deque()
        self._over = False
        self._gone: str | None = None

    def put(self, item: T) -> None:
        """Bring an item, waiting while there is no room. For the thread.

        Raises:
            ReaderGone: nobody reads any more.
        """
        self._room.acquire()
        if self._gone is not None:
            raise ReaderGone(self._gone)
        self._items.append(item)
        self._tell()

    def end(self, last: T) -> None:
        """Bring the last item, which never waits, and which a reader gets that stopped the others. For the thread."""
        self._items.append(last)
        self._over = True
        self._tell()

    @property
    def reason(self) -> str | None:
        """Why the reader wants no more; None when it does."""
        return self._gone

    def stop(self, reason: str) -> None:
        """Make the next `put` raise, also one that waits. For any thread; the first reason counts."""
        if self._gone is None:
            self._gone = reason
        self._room.release()

    async def take(self) -> list[T]:
        """Wait for items and take all that are there; none are left when the list is empty."""
        while not self._items:
            if self._over:
                return []
            await self._arrived.wait()
            self._arrived.clear()
        taken = [self._items.popleft() for _ in range(len(self._items))]
        self._room.release(len(taken))
        return taken

    def _tell(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._arrived.set)
        except RuntimeError as error:  # the loop is closed: the process ends
            raise ReaderGone("the service stopped") from error
