"""The body of a request, unpacked, and never more of it in memory than is allowed."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from tracing_core.errors import BodyTooLarge, InvalidInput

_GZIP, _ZLIB, _RAW_DEFLATE = 31, 15, -15
_ENCODINGS = "gzip, deflate and identity"
_MOST_LAYERS = 3
_MOST_MEMBERS = 16
"""Of a gzip body; each costs a copy of what follows it."""


def unpack(body: bytes, encoding: str | None, most_bytes: int) -> bytes:
    """`body` without its content-encoding.

    Args:
        body: as it came.
        encoding: the content-encoding header; None or "" means identity. Several, as in "deflate, gzip", are undone last first.
        most_bytes: the most that `body` may have, as it came and unpacked, in bytes.

    Raises:
        BodyTooLarge: it has more.
        InvalidInput: the encoding is unknown, or the body is not in it.
    """
    if len(body) > most_bytes:
        raise BodyTooLarge(most_bytes)
    names = (encoding or "identity").lower().split(",")
    if len(names) > _MOST_LAYERS:
        raise InvalidInput("content-encoding", f"names more than {_MOST_LAYERS} encodings; pack the body once")
    for name in reversed(names):
        body = _decoder(name.strip())(body, most_bytes)
    return body


def _decoder(name: str) -> Callable[[bytes, int], bytes]:
    decoders = {"": _identity, "identity": _identity, "gzip": _gunzip, "x-gzip": _gunzip, "deflate": _inflate}
    try:
        return decoders[name]
    except KeyError:
        raise InvalidInput("content-encoding", f"{name[:50]!r} is not known; send {_ENCODINGS}") from None


def _identity(body: bytes, _most_bytes: int) -> bytes:
    return body


def _gunzip(body: bytes, most_bytes: int) -> bytes:
    return _decompressed(body, _GZIP, "gzip", most_bytes)


def _inflate(body: bytes, most_bytes: int) -> bytes:
    """HTTP means zlib by deflate; some clients send the bare stream."""
    is_zlib = len(body) >= 2 and body[0] & 15 == 8 and int.from_bytes(body[:2]) % 31 == 0
    return _decompressed(body, _ZLIB if is_zlib else _RAW_DEFLATE, "deflate", most_bytes)


def _decompressed(body: bytes, wbits: int, name: str, most_bytes: int) -> bytes:
    parts: list[bytes] = []
    left = most_bytes
    for _ in range(_MOST_MEMBERS):
        stream = zlib.decompressobj(wbits)
        try:
            part = stream.decompress(body, left + 1)
        except zlib.error as error:
            raise InvalidInput("body", f"is not {name} as its content-encoding says ({error})") from error
        if len(part) > left:
            raise BodyTooLarge(most_bytes)
        if not stream.eof:
            raise InvalidInput("body", f"ends in the middle of its {name} stream; send all of it")
        parts.append(part)
        left -= len(part)
        body = stream.unused_data
        if wbits != _GZIP or not body:  # a gzip file may have several members
            break
    if body:
        raise InvalidInput("body", f"goes on after its {name} stream has ended; send one stream")
    return parts[0] if len(parts) == 1 else b"".join(parts)
