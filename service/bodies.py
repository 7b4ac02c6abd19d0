"""Bounds what requests may send: each by its content-length and while it is read, and large ones all together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import refusal
from tracing_core.errors import BodyTooLarge, Overloaded

_AGAIN_SECONDS = 1.0
"""After which a client may try again whose body found no room; reading takes less."""


class ClientGone(Exception):
    """The client went away while its body was read."""


class BodyLimit:
    """Refuses bodies of more than `most` bytes with 413, without reading them to their end.

    Args:
        app: the application.
        most: bytes.
        larger: other limits, by path.
    """

    def __init__(self, app: ASGIApp, most: int, larger: Mapping[str, int] = MappingProxyType({})) -> None:
        self._app = app
        self._most = most
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._larger.get(scope["path"], self._most)
        if announced(scope) > most:
            await refusal(413, _too_large(most), "body", {"connection": "close"})(scope, receive, send)
            return
        await self._app(scope, _counting(receive, most), send)


class ReadingRoom:
    """The bodies that are being read at this moment, bounded for all connections of one event loop together.

    Args:
        most: bytes of one body.
        room: bytes of all of them.
        seconds: that the reading of one may take.
    """

    def __init__(self, most: int, room: int, seconds: float = 60.0) -> None:
        self._most = most
        self._free = room
        self._seconds = seconds

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """The body of a request, as it came.

        Raises:
            BodyTooLarge: it has more than `most` bytes; the rest of it is not read.
            Overloaded: there is no room for it now.
            TimeoutError: it did not come in time.
            ClientGone: it ended too early.
        """
        if announced(scope) > self._most:
            raise BodyTooLarge(self._most)
        parts: list[bytes] = []
        with self._place() as grow:
            async with asyncio.timeout(self._seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGone
                    part = message.get("body", b"")
                    grow(len(part))
                    parts.append(part)
                    more = message.get("more_body", False)
            return parts[0] if len(parts) == 1 else b"".join(parts)

    @contextmanager
    def _place(self) -> Iterator[Callable[[int], None]]:
        """What one body takes of the room; the function given takes so many bytes more."""
        taken = 0

        def grow(size: int) -> None:
            nonlocal taken
            if taken + size > self._most:
                raise BodyTooLarge(self._most)
            if size > self._free:
                raise Overloaded(_AGAIN_SECONDS)
            taken += size
            self._free -= size

        try:
            yield grow
        finally:
            self._free += taken


def announced(scope: Scope) -> int:
    """The bytes that the content-length header promises; 0 without one."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _too_large(most: int) -> str:
    return f"is larger than {most} bytes"


def _counting(receive: Receive, most: int) -> Receive:
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise HTTPException(413, f"The body {_too_large(most)}.", {"connection": "close"})
        return message

    return counted
