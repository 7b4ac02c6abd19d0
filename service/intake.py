"""What HTTP and gRPC have in common: a body becomes a job for ingest, and its sender waits until it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from service.rpc_status import Problem
from service.signals import Signal
from tracing_core.errors import BodyTooLarge, InvalidInput
from tracing_core.ids import check_project
from tracing_core.ingest import Accepted, Receiver
from tracing_core.otlp.spans import Received

PROJECT_HEADER = "x-tracewhy-project"
_GROWTH = 20
"""How many times its size a packed body is taken to have when it does not say so."""
_GZIP_TRAILER = 4
_OK = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """A body as it came.

    Args:
        signal: what it says it is.
        body: still packed.
        media_type: one of `decode`'s two.
        encoding: the content-encoding.
        project: whose traces it brings; None leaves that to what it says itself.
    """

    signal: Signal
    body: bytes
    media_type: str
    encoding: str | None = None
    project: str | None = None


class Intake:
    """Hands parcels to ingest.

    Args:
        ingest: stores them.
        most_bytes: of a body, as it came and unpacked.
    """

    def __init__(self, ingest: Receiver, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._ingest = ingest
        self._readers = ThreadPoolExecutor(1, "forgotten")

    def served(self, signal: Signal) -> None:
        """Count a request that was answered well."""
        self._ingest.tally.answered(signal.name, _OK)

    def refused(self, signal: Signal, problem: Problem, sender: str | None, size: int = 0) -> None:
        """Count a request that was not, and remember it for the diagnostics.

        Args:
            signal: what came.
            problem: what it was answered.
            sender: what the sender calls its software.
            size: bytes of the body, as far as it was read.
        """
        self._ingest.tally.answered(signal.name, problem.http)
        self._ingest.diagnostics.refused(signal.name, problem.http, problem.message, sender or "", size)

    async def take(self, parcel: Parcel) -> Accepted | BaseException:
        """Have a parcel stored, and wait for it. A sender who does not wait changes nothing of what becomes of it.

        Returns:
            What was stored, or why nothing was.

        Raises:
            Overloaded: too much is waiting already.
            InvalidInput: the project cannot be one.
        """
        self._ingest.tally.arrived(parcel.signal.name, len(parcel.body))
        said = unpacked_bytes(parcel, self.most_bytes)
        outcome = await self._outcome(parcel, said)
        if isinstance(outcome, BodyTooLarge) and said < self.most_bytes:
            return await self._outcome(parcel, self.most_bytes)  # larger than it said, and perhaps not too large
        return outcome

    def close(self) -> None:
        """Let go of the thread."""
        self._readers.shutdown()

    async def _outcome(self, parcel: Parcel, most: int) -> Accepted | BaseException:
        waiting = asyncio.wrap_future(self._offer(parcel, most))
        await asyncio.wait((waiting,))  # which, unlike awaiting it, does not cancel it when we are
        return waiting.exception() or waiting.result()

    def _offer(self, parcel: Parcel, most: int) -> Future[Accepted]:
        if not parcel.signal.kept:
            return self._readers.submit(_read_and_forget, parcel, most)
        project = None if parcel.project is None else _checked(parcel.project)
        packed = 0 if most == len(parcel.body) else len(parcel.body)
        return self._ingest.offer(_reader(parcel, most), packed + most, project=project)


def unpacked_bytes(parcel: Parcel, most: int) -> int:
    """The bytes that a parcel seems to have unpacked, at most `most`; never fewer than it has packed."""
    packed = len(parcel.body)
    match (parcel.encoding or "identity").strip().lower():
        case "identity":
            return packed
        case "gzip" if packed > _GZIP_TRAILER:
            seeming = int.from_bytes(parcel.body[-_GZIP_TRAILER:], "little")
        case _:
            seeming = packed * _GROWTH
    return max(packed, min(seeming, most))


def _reader(parcel: Parcel, most: int) -> Callable[[], Received]:
    """What reads the parcel, wherever that is done: a plain function and what it is given."""
    return partial(parcel.signal.read, parcel.body, parcel.media_type, parcel.encoding, most)


def _read_and_forget(parcel: Parcel, most: int) -> Accepted:
    _reader(parcel, most)()
    return Accepted(spans=0)


def _checked(project: str) -> str:
    try:
        return check_project(project)
    except InvalidInput as error:
        raise InvalidInput(PROJECT_HEADER, error.problem) from error
