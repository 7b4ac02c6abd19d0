"""From the body of a request, as it came, to the spans in it. Plain functions, so that another process can be given one to call."""

from __future__ import annotations

import logging

from tracing_core.otlp import decode, logs, spans
from tracing_core.otlp.bodies import unpack
from tracing_core.otlp.spans import Received

logger = logging.getLogger(__name__)


def read_traces(body: bytes, media_type: str, encoding: str | None, most_bytes: int) -> Received:
    """The spans of an export request.

    Args:
        body: as it came.
        media_type: one of `decode`'s two.
        encoding: the content-encoding.
        most_bytes: that it may have, as it came and unpacked.

    Raises:
        InvalidInput: it cannot be read, or is too large.
    """
    return spans.received(decode.trace_request(unpack(body, encoding, most_bytes), media_type))


def read_logs(body: bytes, media_type: str, encoding: str | None, most_bytes: int) -> Received:
    """What the log records of an export request say about spans; records that belong to no span are passed over.

    Args:
        body, media_type, encoding, most_bytes: as of `read_traces`.

    Raises:
        InvalidInput: it cannot be read, or is too large.
    """
    found = logs.fragments(decode.logs_request(unpack(body, encoding, most_bytes), media_type))
    if found.ignored:
        logger.debug("%d log records belong to no span and are not kept", found.ignored)
    return Received(traces=found.traces)
