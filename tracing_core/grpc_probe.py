"""Ask a gRPC receiver to store nothing, and see whether it does: one unary call in HTTP/2, written by hand.

A program that only records has no gRPC installed, and this is all that is needed of it.
"""

from __future__ import annotations

import socket
import struct

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_EMPTY_MESSAGE = bytes(5)
"""Not compressed, no bytes: an ExportTraceServiceRequest without spans."""
_LONGEST_FRAME = 1 << 20


def problem_of_receiver(host: str, port: int, seconds: float) -> str | None:
    """Why a receiver does not take a request without spans; None when it does.

    Args:
        host, port: where it listens.
        seconds: to wait for each part of the answer.
    """
    try:
        with socket.create_connection((host, port), seconds) as connection:
            connection.sendall(_PREFACE + _frame(_SETTINGS) + _request(f"{host}:{port}"))
            return _answer(connection)
    except ConnectionRefusedError:
        return "nothing listens there"
    except TimeoutError:
        return f"it did not answer within {seconds:g} s"
    except OSError as error:
        return f"the connection broke off ({error.strerror or error})"


def _request(authority: str) -> bytes:
    headers = (
        (":method", "POST"), (":scheme", "http"), (":path", METHOD), (":authority", authority),
        ("content-type", "application/grpc"), ("te", "trailers"),
    )  # fmt: skip
    block = b"".join(b"\x00" + _text(name) + _text(value) for name, value in headers)
    return _frame(_HEADERS, _END_HEADERS, 1, block) + _frame(_DATA, _END_STREAM, 1, _EMPTY_MESSAGE)


def _answer(connection: socket.socket) -> str | None:
    """Read frames until there is a message (all is well), or the call ends without one."""
    while True:
        head = _read(connection, 9)
        length, kind, flags = int.from_bytes(head[:3]), head[3], head[4]
        if length > _LONGEST_FRAME or (kind > 9 and head[:4] == b"HTTP"):
            return "another program answers there, and not by gRPC"
        payload = _read(connection, length)
        if kind == _SETTINGS and not flags & _ACK:
            connection.sendall(_frame(_SETTINGS, _ACK))
        elif kind == _DATA and len(payload) >= len(_EMPTY_MESSAGE):
            return None
        elif kind in (_RESET, _GOAWAY) or (kind == _HEADERS and flags & _END_STREAM):
            return "it refuses spans"


def _read(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        piece = connection.recv(count - len(received))
        if not piece:
            raise ConnectionResetError("it hung up")
        received += piece
    return received


def _frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def _text(text: str) -> bytes:
    encoded = text.encode()
    return bytes((len(encoded),)) + encoded
