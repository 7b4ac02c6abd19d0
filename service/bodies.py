"""Bounds what requests may send: each by its content-length and while it is read, and large ones all together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    """

    def __init__(self, most: int, room: int) -> None:
        self._most = most
        self._free = room

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """The body of a request, as it came.

        Raises:
            BodyTooLarge: it has more than `most` bytes; the rest of it is not read.
            Overloaded: there is no room for it now.
            ClientGone: it ended too early.
        """
        expected = announced(scope)
        if expected > self._most:
            raise BodyTooLarge(self._most)
        with self._place(expected) as place:
            parts: list[bytes] = []
            more, size = True, 0
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                part = message.get("body", b"")
                size += len(part)
                if size > self._most:
                    raise BodyTooLarge(self._most)
                place.grow(size)
                parts.append(part)
                more = message.get("more_body", False)
            return parts[0] if len(parts) == 1 else b"".join(parts)

    @contextmanager
    def _place(self, size: int) -> Iterator[_Place]:
        place = _Place(self)
        try:
            place.grow(size)
            yield place
        finally:
            self._free += place.size

    def take(self, size: int) -> None:
        """Take `size` more bytes of the room.

        Raises:
            Overloaded: there are fewer.
        """
        if size > self._free:
            raise Overloaded(_AGAIN_SECONDS)
        self._free -= size


class _Place:
    """What one body takes of the room, in bytes."""

    def __init__(self, room: ReadingRoom) -> None:
        self._room = room
        self.size = 0

    def grow(self, size: int) -> None:
        """Have place for `size` bytes at least."""
        if size > self.size:
            self._room.take(size - self.size)
            self.size = size


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
