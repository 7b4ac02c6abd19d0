"""Where finished traces go: one method, an in-memory twin for tests, and the receipt for what was handed over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from concurrent.futures import Future, InvalidStateError
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from tracing_core.trace import Trace

logger = logging.getLogger(__name__)

CLOSED, OUT_OF_TIME = "writer closed", "not written in time at exit"
UNWRITTEN_AT_EXIT = frozenset({CLOSED, OUT_OF_TIME})
"""Why traces are dropped that the journal, where there is one, keeps for the next start."""


class Receipt:
    """What became of a trace that was handed over. Wait for it by `await receipt` or `receipt.result(seconds)`.

    The outcome has trace_id, file_path or file_error, and database (saved, spooled, sampled_out, dropped, rejected)
    with database_error where there is one. A run whose stages made decisions has summary_file, one with a quality gate
    calibration_flags: what calibration saw in it, in words, with calibration_error where it could not look.
    """

    __slots__ = ("_future", "_hurry", "scorecard", "trace_id")

    def __init__(
        self,
        trace_id: str,
        hurry: Callable[[], None] | None = None,
        scorecard: Literal["compact", "verbose"] | None = None,
    ) -> None:
        self.trace_id = trace_id
        self.scorecard = scorecard
        """What is printed of the run when it is stored."""
        self._future: Future[dict[str, Any]] = Future()
        self._future.set_running_or_notify_cancel()  # so that one who gives up waiting cannot cancel it for the others
        self._hurry = hurry

    def settle(self, **outcome: Any) -> bool:
        """Say what became of it. The first word counts; gives whether this was it."""
        try:
            self._future.set_result({"trace_id": self.trace_id, **outcome})
        except InvalidStateError:
            return False
        return True

    def when_settled(self, hear: Callable[[dict[str, Any]], None]) -> None:
        """Have `hear` called with the outcome, in the thread that settles this; at once when that has happened."""
        self._future.add_done_callback(lambda settled: hear(settled.result()))

    def result(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait until the trace is stored (or is known not to be), which also makes the writer write now.

        Args:
            timeout: seconds to wait at most.

        Raises:
            TimeoutError: nothing is known yet.
        """
        self._press()
        return self._future.result(timeout)

    def __await__(self) -> Generator[Any, None, dict[str, Any]]:
        self._press()
        return asyncio.wrap_future(self._future).__await__()

    def _press(self) -> None:
        if self._hurry is not None and not self._future.done():
            self._hurry()


class Sink(Protocol):
    """Takes finished traces. Never blocks, never raises."""

    def submit(self, trace: Trace) -> Receipt:
        """Take over `trace`."""
        ...


class MemorySink:
    """Keeps finished traces in a list; for tests."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []

    def submit(self, trace: Trace) -> Receipt:
        self.traces.append(trace)
        receipt = Receipt(trace.trace_id)
        receipt.settle(database="in memory")
        return receipt


class NowhereSink:
    """Used until `tracing_core.init()` is called: keeps nothing, and says so once."""

    def __init__(self) -> None:
        self._said = False

    def submit(self, trace: Trace) -> Receipt:
        if not self._said:
            self._said = True
            logger.warning("trace %s is not kept: call tracing_core.init() when the program starts", trace.trace_id)
        receipt = Receipt(trace.trace_id)
        receipt.settle(database="dropped", database_error="tracing_core.init() was not called")
        return receipt
