"""The pipe between our processes: what goes in comes out, and an end that is gone is noticed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tracing_core.pipe import Pipe


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Pipe]]:
    ours, theirs = socket.socketpair()
    there = Pipe(theirs)
    yield ours, there
    ours.close()
    there.close()


def test_values_come_as_they_went_in_order(ends: tuple[socket.socket, Pipe]) -> None:
    """Small ones, and some that are many times what the socket holds."""
    sender, values = Pipe(ends[0]), [1, "text", b"", bytes(range(256)) * 20_000, {"a": (None, 2.5)}]
    sending = threading.Thread(target=lambda: [sender.send(value) for value in values])
    sending.start()
    assert [ends[1].receive() for _ in values] == values
    sending.join()


@pytest.mark.parametrize("begun", [b"", b"\0\0", (1000).to_bytes(8) + b"half of it"], ids=["before", "size", "value"])
def test_an_end_that_is_gone_is_noticed(ends: tuple[socket.socket, Pipe], begun: bytes) -> None:
    """Before a value as in the middle of one, so that nobody waits for the rest."""
    ends[0].sendall(begun)
    ends[0].close()
    with pytest.raises(EOFError):
        ends[1].receive()


def test_sending_to_an_end_that_is_gone_is_an_error(ends: tuple[socket.socket, Pipe]) -> None:
    """An OSError, which who sends waits for."""
    ends[0].close()
    with pytest.raises(OSError):
        ends[1].send(bytes(1_000_000))
