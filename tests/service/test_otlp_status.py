"""What goes wrong as google.rpc.Status: read by Google's own classes."""

from __future__ import annotations

import pytest
from google.rpc import error_details_pb2, status_pb2

from service.rpc_status import problem_of
from tracing_core.errors import (
    BodyTooLarge,
    DatabaseUnavailable,
    DataRejected,
    InvalidInput,
    Overloaded,
)

JSON, PROTOBUF = "application/json", "application/x-protobuf"


@pytest.mark.parametrize(
    ("error", "http", "code", "seconds"),
    [
        (InvalidInput("body", "is odd"), 400, 3, None),
        (DataRejected("odd"), 400, 3, None),
        (InvalidInput("content-type", "is odd"), 415, 3, None),
        (BodyTooLarge(7), 413, 8, None),
        (TimeoutError(), 408, 4, None),
        (Overloaded(1.25), 503, 8, 1.25),
        (Overloaded(300), 503, 8, 300),
        (DatabaseUnavailable(), 503, 14, 2.0),
        (RuntimeError("a secret"), 500, 13, None),
    ],
)
def test_each_error_has_its_answer(error: Exception, http: int, code: int, seconds: float | None) -> None:
    """The status of HTTP, the code of gRPC, and, where trying again may help, when; in protobuf as in the header."""
    problem = problem_of(error)
    status = status_pb2.Status.FromString(problem.body(PROTOBUF))
    assert (problem.http, status.code, status.message) == (http, code, problem.message)
    assert "secret" not in problem.message
    again = [detail for detail in status.details if detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR)]
    assert len(again) == (0 if seconds is None else 1)
    for detail in again:
        info = error_details_pb2.RetryInfo()
        detail.Unpack(info)
        assert info.retry_delay.ToTimedelta().total_seconds() == seconds
    header = dict(problem.headers).get(b"retry-after")
    assert header == (None if seconds is None else b"%d" % -(-seconds // 1))


def test_json_says_the_same() -> None:
    """Code and message, with any letters."""
    assert problem_of(InvalidInput("body", "ist übel")).body(JSON).decode() == '{"code":3,"message":"body: ist übel"}'
