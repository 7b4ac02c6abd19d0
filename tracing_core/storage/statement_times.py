"""Times each statement of an engine, and says which of our functions asked for it."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from sqlalchemy import Engine, event

from tracing_core.clock import SystemClock
from tracing_core.question_times import QuestionTimes

_OURS = ("tracing_core.query.", "tracing_core.storage.")
_BETWEEN = ("sqlalchemy.", "contextlib", *_OURS)
_DOORS = ("tracing_core.storage.database", "tracing_core.storage.statement_times", "tracing_core.query.reading")
_STARTED = "tracewhy.started_ns"
_OF_THE_TRANSACTION = "SELECT set_config("
"""Statements that only set up the next one begin so; they are not counted."""


def time_statements(engine: Engine, times: QuestionTimes) -> None:
    """Note what every statement of the engine takes. Costs a few microseconds of each."""

    def begin(connection: Any, *_: object) -> None:
        connection.info[_STARTED] = SystemClock.monotonic_ns()

    def end(connection: Any, _cursor: object, statement: str, *_: object) -> None:
        note(connection.info, statement, failed=False)

    def fail(context: Any) -> None:
        if context.connection is not None and context.statement is not None:
            note(context.connection.info, context.statement, failed=True)

    def note(info: dict[str, Any], statement: str, *, failed: bool) -> None:
        started = info.pop(_STARTED, None)
        if started is not None and not statement.startswith(_OF_THE_TRANSACTION):
            milliseconds = (SystemClock.monotonic_ns() - started) / 1e6
            times.note(_who_asks(sys._getframe(2)), milliseconds, failed=failed)  # noqa: SLF001 - there is no other way

    event.listen(engine, "before_cursor_execute", begin)
    event.listen(engine, "after_cursor_execute", end)
    event.listen(engine, "handle_error", fail)


def _who_asks(frame: FrameType | None) -> str:
    """The outermost of our functions on the way to this statement: the one that somebody else called with a question."""
    asks: str | None = None
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(_OURS) and module not in _DOORS:
            name = frame.f_code.co_qualname.partition(".<locals>")[0]
            asks = asks if name.startswith("<") else f"{module.rpartition('.')[2]}.{name}"
        elif asks is not None and not module.startswith(_BETWEEN):
            break
        frame = frame.f_back
    return asks or "other"
