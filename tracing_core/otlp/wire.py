"""OTLP's messages for reading: the official schema, with text left as bytes, attributes, their values and statuses left unparsed.

Bytes on the wire are the same either way. Read like this a span costs a third as much, because most attributes need no
message of their own; and text that is not UTF-8, or a value nested too deeply, spoils one attribute instead of the request.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

_FILES = (common_pb2, resource_pb2, trace_pb2, logs_pb2, trace_service_pb2, logs_service_pb2)
_LEFT_UNPARSED = (
    ".opentelemetry.proto.common.v1.KeyValue",
    ".opentelemetry.proto.common.v1.AnyValue",
    ".opentelemetry.proto.trace.v1.Status",
)


def _loosened(file: Any) -> bytes:
    """The descriptor of one official file, serialized, with its texts and values as bytes."""
    proto = descriptor_pb2.FileDescriptorProto()
    file.DESCRIPTOR.CopyToProto(proto)
    messages = list(proto.message_type)
    while messages:
        message = messages.pop()
        messages += message.nested_type
        for field in message.field:
            if field.type == field.TYPE_STRING:
                field.type = field.TYPE_BYTES
            elif field.type_name in _LEFT_UNPARSED:
                field.type = field.TYPE_BYTES
                field.ClearField("type_name")
    encoded: bytes = proto.SerializeToString()
    return encoded


def _message_classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    for file in _FILES:
        pool.AddSerializedFile(_loosened(file))
    names = (
        "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest",
        "opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest",
        "opentelemetry.proto.common.v1.KeyValue",
        "opentelemetry.proto.common.v1.AnyValue",
        "opentelemetry.proto.trace.v1.Status",
    )
    return {
        name.rpartition(".")[2]: message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in names
    }


_classes = _message_classes()
TraceRequest = _classes["ExportTraceServiceRequest"]
LogsRequest = _classes["ExportLogsServiceRequest"]
Pair = _classes["KeyValue"]
Value = _classes["AnyValue"]
Status = _classes["Status"]
