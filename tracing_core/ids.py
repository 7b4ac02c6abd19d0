"""Identifiers: made, checked, and mapped to OpenTelemetry's. The only module that draws random ids.

A trace that starts here is called `trc_YYYYMMDD_HHMMSS_` and 16 hex digits; one that arrives from elsewhere keeps the
32 hex digits it came with. Both are safe as the name of a file.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from datetime import datetime

from tracing_core.errors import InvalidInput
from tracing_core.jsontext import text_of

NATIVE_TRACE_ID = re.compile(r"trc_([0-9]{8})_([0-9]{6})_([0-9a-f]{16})")
_TRACE_ID = re.compile(r"(?:trc_[0-9]{8}_[0-9]{6}_[0-9a-f]{8,16}|[0-9a-f]{32})")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NATIVE_PREFIX = "7c"
"""Marks an OpenTelemetry id that was made from a native one: 2 + 8 + 6 + 16 digits are 32."""

_random = random.SystemRandom()
_local = random.Random(_random.getrandbits(128))  # noqa: S311 - ids need to be unique, not secret


def reseed() -> None:
    """Draw a new seed; a forked child would otherwise repeat its parent's ids."""
    _local.seed(_random.getrandbits(128))


os.register_at_fork(after_in_child=reseed)


class IdSource:
    """Makes trace and span ids.

    Args:
        bits: draws that many random bits; another source gives ids that can be repeated.
    """

    def __init__(self, bits: Callable[[int], int] = _local.getrandbits) -> None:
        self.draw = bits

    def trace_id(self, now: datetime) -> str:
        """`trc_20260213_143022_a1b2c3d4e5f60718`, with the time `now` in it."""
        return f"trc_{now:%Y%m%d_%H%M%S}_{self.draw(64):016x}"

    def span_id(self) -> str:
        """Sixteen hex digits, as OpenTelemetry has them."""
        return f"{self.draw(64):016x}"


def check_trace_id(trace_id: str) -> str:
    """Return `trace_id` when it has the form of one.

    Raises:
        InvalidInput: otherwise; nothing that passes can leave a directory when used as a file's name.
    """
    if not is_trace_id(trace_id):
        raise InvalidInput("trace_id", "is not a trace id; expected trc_YYYYMMDD_HHMMSS_<16 hex> or 32 hex digits")
    return trace_id


def is_trace_id(trace_id: str) -> bool:
    """Whether `check_trace_id` accepts it."""
    return _TRACE_ID.fullmatch(trace_id) is not None


def check_project(project: str) -> str:
    """Return `project` when it can name a directory.

    Raises:
        InvalidInput: otherwise.
    """
    if not is_project(project):
        raise InvalidInput("project", "may have letters, digits, '.', '_' and '-', and starts with a letter or digit")
    return project


def is_project(project: str) -> bool:
    """Whether `check_project` accepts it."""
    return _PROJECT.fullmatch(project) is not None and ".." not in project


def safe_project(project: object) -> str:
    """The nearest name that `check_project` accepts, for recording, which must not raise: `../../etc` becomes `etc`."""
    cleaned = _UNSAFE.sub("-", text_of(project)).replace("..", ".").strip("._-")[:100]
    return cleaned if is_project(cleaned) else "default"


def otel_trace_id(trace_id: str) -> str:
    """The 32 hex digits under which OpenTelemetry knows this trace; `native_trace_id` is its inverse."""
    match = NATIVE_TRACE_ID.fullmatch(trace_id)
    return _NATIVE_PREFIX + "".join(match.groups()) if match else trace_id


def native_trace_id(otel_id: str) -> str:
    """The id under which we know a trace that OpenTelemetry calls `otel_id`."""
    match = re.fullmatch(_NATIVE_PREFIX + r"([0-9]{8})([0-9]{6})([0-9a-f]{16})", otel_id)
    return "trc_" + "_".join(match.groups()) if match else otel_id
