"""A body becomes a request: protobuf as it is, JSON by way of `json_form.py`."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tracing_core.errors import InvalidInput
from tracing_core.otlp.json_form import message_bytes
from tracing_core.otlp.wire import LogsRequest, TraceRequest

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
_GZIP = b"\x1f\x8b"
_FIRST_FIELD = b"\x0a"
"""What a request in protobuf begins with: the spans, records or metrics of a resource."""


def trace_request(body: bytes, content_type: str | None = PROTOBUF) -> Any:
    """The request to store spans that `body` holds, for `spans.received`.

    Args:
        body: unpacked.
        content_type: the header as it came; what follows a ";" says nothing more. gRPC bodies are protobuf.

    Raises:
        InvalidInput: the content type is neither of the two, or the body cannot be read.
    """
    return request(body, content_type, TraceRequest, ExportTraceServiceRequest)


def logs_request(body: bytes, content_type: str | None = PROTOBUF) -> Any:
    """The request to store log records that `body` holds, for `logs.fragments`.

    Args:
        body: unpacked.
        content_type: the header as it came.

    Raises:
        InvalidInput: the content type is neither of the two, or the body cannot be read.
    """
    return request(body, content_type, LogsRequest, ExportLogsServiceRequest)


def media_type(content_type: str | None) -> str:
    """The media type that a content-type header names.

    Raises:
        InvalidInput: it is neither protobuf nor JSON.
    """
    named = (content_type or "").partition(";")[0].strip().lower()
    if named in (PROTOBUF, "application/protobuf"):
        return PROTOBUF
    if named == JSON:
        return JSON
    said = f"{named[:100]!r} is not understood" if named else "is missing"
    raise InvalidInput("content-type", f"{said}; send {PROTOBUF} or {JSON}")


def request(body: bytes, content_type: str | None, wire_class: Any, official_class: Any) -> Any:
    """The request that `body` holds.

    Args:
        body: unpacked.
        content_type: the header as it came.
        wire_class: of the result.
        official_class: that of OpenTelemetry, by which JSON is read.

    Raises:
        InvalidInput: the content type is neither of the two, or the body cannot be read.
    """
    kind = media_type(content_type)
    try:
        return wire_class.FromString(message_bytes(body, official_class) if kind == JSON else body)
    except DecodeError as error:
        problem = f"is not a protobuf {official_class.DESCRIPTOR.name} ({error})"
        raise InvalidInput("body", problem + _mistaken_for(body, kind)) from error
    except InvalidInput as error:
        raise InvalidInput("body", error.problem + _mistaken_for(body, kind)) from error


def _mistaken_for(body: bytes, kind: str) -> str:
    """What a body that is not of this kind looks like instead, and the header for that."""
    if body.startswith(_GZIP):
        return "; it looks like gzip; send content-encoding: gzip"
    braced = body.lstrip().startswith((b"{", b"["))
    if kind == PROTOBUF and braced:
        return f"; it looks like JSON; send content-type: {JSON}"
    if kind == JSON and not braced and body.startswith(_FIRST_FIELD):
        return f"; it looks like protobuf; send content-type: {PROTOBUF}"
    return ""
