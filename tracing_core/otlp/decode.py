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


def trace_request(body: bytes, content_type: str | None = PROTOBUF) -> Any:
    """The request to store spans that `body` holds, for `spans.received`.

    Args:
        body: unpacked.
        content_type: the header as it came; what follows a ";" says nothing more. gRPC bodies are protobuf.

    Raises:
        InvalidInput: the content type is neither of the two, or the body cannot be read.
    """
    return _request(body, content_type, TraceRequest, ExportTraceServiceRequest)


def logs_request(body: bytes, content_type: str | None = PROTOBUF) -> Any:
    """The request to store log records that `body` holds, for `logs.fragments`.

    Args:
        body: unpacked.
        content_type: the header as it came.

    Raises:
        InvalidInput: the content type is neither of the two, or the body cannot be read.
    """
    return _request(body, content_type, LogsRequest, ExportLogsServiceRequest)


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
    raise InvalidInput("content-type", f"{named[:100]!r} is not understood; send {PROTOBUF} or {JSON}")


def _request(body: bytes, content_type: str | None, wire_class: Any, official_class: Any) -> Any:
    if media_type(content_type) == JSON:
        body = message_bytes(body, official_class)
    try:
        return wire_class.FromString(body)
    except DecodeError as error:
        raise InvalidInput("body", f"is not a protobuf {official_class.DESCRIPTOR.name} ({error})") from error
