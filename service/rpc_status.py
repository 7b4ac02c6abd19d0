"""What goes wrong with a request of OpenTelemetry's protocol, as `google.rpc.Status`: in protobuf, in JSON, over gRPC.

The message is small enough to be written by hand: code is field 1, message 2, details 3, each detail an `Any`.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

from service.errors import sentence
from tracing_core.errors import BodyTooLarge, DataRejected, InvalidInput, Overloaded, StorageError
from tracing_core.jsontext import dump
from tracing_core.otlp.decode import JSON

logger = logging.getLogger(__name__)

INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, RESOURCE_EXHAUSTED, UNIMPLEMENTED = 3, 4, 5, 8, 12
INTERNAL, UNAVAILABLE, UNAUTHENTICATED = 13, 14, 16
RETRY_SECONDS = 2.0
"""After which to come again while the database is away: exporters give up after ten seconds."""
_RETRY_INFO = b"type.googleapis.com/google.rpc.RetryInfo"
_VARINT, _BYTES = 0, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Why a request is not served.

    Args:
        http: the status of the response.
        code: of google.rpc.
        message: what is wrong and how to mend it.
        retry_after: seconds after which the same request may be served; None when it never will be.
    """

    http: int
    code: int
    message: str
    retry_after: float | None = None

    def body(self, media_type: str) -> bytes:
        """As a `google.rpc.Status`."""
        if media_type == JSON:
            return dump({"code": self.code, "message": self.message})
        return self.status()

    def status(self) -> bytes:
        """In protobuf, with when to come again."""
        written = _number(1, self.code) + _field(2, self.message.encode())
        if self.retry_after is not None:
            written += _field(3, _field(1, _RETRY_INFO) + _field(2, self.retry_info()))
        return written

    def retry_info(self) -> bytes:
        """When to come again, as a `google.rpc.RetryInfo`."""
        seconds, rest = divmod(self.retry_after or 0.0, 1)
        return _field(1, _number(1, int(seconds)) + _number(2, int(rest * 1e9)))

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Of the response in HTTP, beside those of its body."""
        if self.http == 408:
            return [(b"connection", b"close")]
        return [] if self.retry_after is None else [(b"retry-after", b"%d" % math.ceil(self.retry_after))]


def problem_of(error: BaseException) -> Problem:
    """What to answer to a request that ended in `error`."""
    match error:
        case BodyTooLarge():
            return Problem(http=413, code=RESOURCE_EXHAUSTED, message=str(error))
        case InvalidInput(field="content-type" | "content-encoding"):
            return Problem(http=415, code=INVALID_ARGUMENT, message=str(error))
        case InvalidInput() | DataRejected():
            return Problem(http=400, code=INVALID_ARGUMENT, message=str(error))
        case Overloaded(retry_after=seconds):
            return Problem(http=503, code=RESOURCE_EXHAUSTED, message=str(error), retry_after=seconds)
        case TimeoutError():
            return Problem(http=408, code=DEADLINE_EXCEEDED, message="body: did not come in time; send it faster")
        case StorageError():
            return Problem(http=503, code=UNAVAILABLE, message=str(error), retry_after=RETRY_SECONDS)
    logger.error("a request failed: %s", error, exc_info=error)
    return Problem(http=500, code=INTERNAL, message=sentence(error))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value) if value else b""


def _field(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    written.append(value)
    return bytes(written)
