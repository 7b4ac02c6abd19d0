"""The `traceparent` header."""

from __future__ import annotations

import pytest

from tests.factories import NOON
from tracing_core.ids import IdSource, native_trace_id
from tracing_core.traceparent import make_traceparent, parse_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("header", [f"00-{TRACE}-{SPAN}-01", f" 00-{TRACE}-{SPAN}-00 ", f"cc-{TRACE}-{SPAN}-01-more"])
def test_a_good_header_names_trace_and_caller(header: str) -> None:
    """A later version of the standard may append something."""
    assert parse_traceparent(header) == (TRACE, SPAN)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "junk",
        f"00-{TRACE}-{SPAN}",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"cc-{TRACE}-{SPAN}-01more",
        f"00-{TRACE}-{SPAN}-0g",
        "00-" + "../" * 10 + f"-{SPAN}-01",
    ],
)
def test_a_bad_header_is_ignored(header: str) -> None:
    """As the standard says."""
    assert parse_traceparent(header) is None


def test_a_header_that_we_make_can_be_read() -> None:
    """By another service of ours, which finds the native id again."""
    trace_id = IdSource().trace_id(NOON)
    read = parse_traceparent(make_traceparent(trace_id, SPAN))
    assert read is not None
    assert (native_trace_id(read[0]), read[1]) == (trace_id, SPAN)
