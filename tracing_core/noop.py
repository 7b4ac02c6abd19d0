"""The trace of a run that is not recorded: takes every call, keeps nothing, costs next to nothing."""

from __future__ import annotations

from contextvars import Token
from typing import Any

from tracing_core.model import TraceStatus
from tracing_core.recording import NO_SPAN, NoOpSpan, Span, current

_FACTS = frozenset(
    {
        "answer", "as_child", "citations_count", "confidence", "domain", "duration_seconds", "error", "intent", "journal", "journaled",
        "library", "look_again_at", "name", "parent_span_id", "parent_trace_id", "project_id", "project_name", "query", "receipt", "report_type",
        "research_type", "scorecard", "session_id", "source", "started_at", "trace_state", "user_id",
    }
)  # fmt: skip
_COLLECTIONS = {
    "child_traces": list,
    "iterations": list,
    "linked": dict,
    "outputs": dict,
    "spans": list,
    "stages": dict,
}


class _NoOpTrace:
    """Stands in for a `Trace` when tracing is off (seed B). It is true in `if trace:` like the real one."""

    enabled = False
    trace_id = "noop"
    status = TraceStatus.IN_PROGRESS
    root = NO_SPAN
    tags = ()
    iteration_count = 1
    quality_gate_failures = 0

    def span(self, name: str, kind: str = "", **attributes: Any) -> NoOpSpan:
        return NO_SPAN

    start_step = span

    def start_stage(self, *args: Any, **kwargs: Any) -> None:
        return None

    end_stage = record = record_evidence = record_prompts = record_iteration = set_outputs = link_report = start_stage
    mark_complete = mark_failed = mark_incomplete = start_stage

    def to_dict(self) -> dict[str, Any]:
        """Nothing was recorded."""
        return {}

    def leave(self) -> None:
        """There is nothing to undo."""

    def __setattr__(self, name: str, value: Any) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        """The facts of a trace can be read here, too: none is known."""
        if name in _FACTS:
            return None
        if name in _COLLECTIONS:
            return _COLLECTIONS[name]()
        raise AttributeError(f"a trace has no {name}")


NO_TRACE = _NoOpTrace()


class _ShadowingTrace(_NoOpTrace):
    """The same inside a trace that is recorded, which must not get what this run would have recorded."""

    def __init__(self) -> None:
        object.__setattr__(self, "_token", current.set(None))

    def leave(self) -> None:
        """Make the outer trace the current one again."""
        token: Token[Span | None] = self.__dict__["_token"]
        try:
            current.reset(token)
        except (ValueError, RuntimeError):  # finished twice, or in another context, where nothing was changed
            return


def no_trace() -> _NoOpTrace:
    """A trace that records nothing, and lets nobody above it record in its place."""
    return NO_TRACE if current.get() is None else _ShadowingTrace()
