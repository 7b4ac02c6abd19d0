"""A whole run as one `with` or `async with` block (B6)."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from tracing_core.context import AnyTrace, TraceContext
from tracing_core.model import TraceStatus
from tracing_core.recording import describe
from tracing_core.sink import Receipt


class traced_research:  # noqa: N801 - the name is the seed's
    """Trace a run: completes it, or marks it failed and lets the exception go on; always hands it to the writer.

        with traced_research(query="analyse competitor pricing", project_name="my-project") as trace:
            ...

    `async with` waits until the trace is stored (seed B's `await TraceContext.finish(trace)`); `with` does not.

    Args:
        facts: as for `TraceContext.start`.
    """

    def __init__(self, **facts: Any) -> None:
        self._facts = facts
        self._trace: AnyTrace

    def __enter__(self) -> AnyTrace:
        self._trace = TraceContext.start(**self._facts)
        return self._trace

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._finish(error)

    async def __aenter__(self) -> AnyTrace:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._finish(error)

    def _finish(self, error: BaseException | None) -> Receipt:
        trace = self._trace
        if isinstance(error, GeneratorExit):  # whoever wanted the run's results has had enough of them
            trace.mark_incomplete()
        elif error is not None:
            trace.mark_failed(describe(error))
        elif trace.status is TraceStatus.IN_PROGRESS:
            trace.mark_complete()
        return TraceContext.finish(trace)
