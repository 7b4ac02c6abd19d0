"""Start, find and finish the trace of this task or thread (seed B, section 5)."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TextIO

from tracing_core.errors import InvalidInput
from tracing_core.ids import check_trace_id, safe_project
from tracing_core.jsontext import text_of
from tracing_core.model import SpanKind, TraceStatus
from tracing_core.noop import _NoOpTrace, no_trace
from tracing_core.recording import NO_SPAN, AnySpan, current
from tracing_core.runtime import runtime
from tracing_core.sampling import begun, trace_state_of
from tracing_core.sink import Receipt
from tracing_core.trace import Trace

logger = logging.getLogger(__name__)

AnyTrace = Trace | _NoOpTrace
_INHERITED = ("project_name", "query", "intent", "domain", "library", "session_id", "user_id")


class TraceContext:
    """The life of a trace. Each asyncio task and each thread of a `TracingThreadPoolExecutor` sees its own."""

    @staticmethod
    def start(
        *,
        project_name: str | None = None,
        query: str | None = None,
        intent: str | None = None,
        domain: str | None = None,
        report_type: str | None = None,
        research_type: str | None = None,
        project_id: str | None = None,
        enabled: bool = True,
        name: str = "request",
        library: str | None = None,
        session_id: str | None = None,
        user_id: str | None = None,
        tags: Iterable[str] = (),
        trace_id: str | None = None,
        parent_span_id: str | None = None,
        source: str = "native",
    ) -> AnyTrace:
        """Start a trace and make it the current one.

        Args:
            project_name: whose run this is; names the directory of its file, so unsafe characters are replaced.
            query: what was asked.
            enabled: False gives a trace that records nothing, as does a project that the settings switch off.
            name: the operation, such as `POST /ask`.
            trace_id: the id under which the caller knows this run, 32 hex digits; a new one otherwise.
            parent_span_id: the caller's span above this run.

        Returns:
            The trace; never raises.
        """
        surroundings = runtime()
        project = safe_project(project_name) if project_name is not None else surroundings.project
        if not enabled or not surroundings.traces(project):
            return no_trace()
        number, share = _usable(trace_id), surroundings.head_share
        if share < 1:
            number = number or surroundings.ids.trace_id(surroundings.clock.now())
            if not begun(number, share):
                return no_trace()
        trace = Trace(surroundings, name, number, project, source)
        trace.trace_state = trace_state_of(share) if share < 1 else None
        trace.query, trace.intent, trace.domain = query, intent, domain
        trace.report_type, trace.research_type, trace.project_id = report_type, research_type, project_id
        trace.library, trace.session_id, trace.user_id = library, session_id, user_id
        trace.tags, trace.parent_span_id = tags, parent_span_id
        if project_name is not None and project != project_name:
            trace.root.details["project_name_given"] = project_name
        if surroundings.journal is not None:
            surroundings.journal.begin(trace)
        trace.root.enter()
        return trace

    @staticmethod
    def start_child(parent: AnyTrace, output_type: str, *, path: str | Path | None = None, **facts: Any) -> AnyTrace:
        """Start the trace of one of several outputs of a run (seed B, section 3.4), which names the run, and is named by it.

        Args:
            parent: the run, which must still go on.
            output_type: what comes out, such as `report` or `evidence_pack`.
            path: where it will be, if that is known; `link_report` of the child says it, too.
            facts: as for `start`. What is not given of project_name, query, intent, domain, library, session_id and user_id is
                as the parent has it.

        Returns:
            The trace, which records nothing when its parent does not; never raises.
        """
        inherited = {name: getattr(parent, name) for name in _INHERITED}
        if not parent.enabled:
            return TraceContext.start(**(inherited | facts | {"enabled": False}))
        child = TraceContext.start(**(inherited | facts))
        if isinstance(child, Trace) and isinstance(parent, Trace):
            child.parent_trace_id = parent.trace_id
            child.root.set(output_type=output_type)
            place = None if path is None else text_of(path)
            child.as_child = {"trace_id": child.trace_id, "output_type": output_type, "path": place}
            parent.child_traces = [*parent.child_traces, child.as_child]
        return child

    @staticmethod
    def current() -> Trace | None:
        """The trace of this task or thread; None when there is none, or when it is not recorded."""
        span = current.get()
        return span.trace if span is not None else None

    @staticmethod
    def finish(trace: AnyTrace, verbose: bool = False) -> Receipt:
        """Hand a trace to the writer. A run that was not marked is incomplete. Handing over twice counts once.

        Args:
            trace: the run.
            verbose: whether all of its stages are printed once it is stored, unless TRACEWHY_SCORECARD is off.

        Returns:
            At once, a receipt to `await` (or to ask for its `result`) by who needs to know that the trace is stored.
        """
        if not isinstance(trace, Trace):
            trace.leave()
            receipt = Receipt(trace.trace_id)
            receipt.settle(database="dropped", database_error="tracing is disabled")
            return receipt
        if trace.receipt is None:
            if trace.status == TraceStatus.IN_PROGRESS:
                trace.mark_incomplete()
            elif trace.root.end_tick is None:  # a status was assigned, not marked
                trace.root.end_tick = trace.tick()
            trace.scorecard = _scorecard(trace, verbose=verbose)
            journal, sink = trace.journal, runtime().sink
            trace.receipt = sink.submit(trace) if journal is None else journal.hand_over(trace, sink)
        trace.root.leave()
        return trace.receipt


def span(name: str, kind: str = SpanKind.UNKNOWN, **attributes: Any) -> AnySpan:
    """Open a span on the current trace, to be used with `with`; does nothing when there is no trace."""
    parent = current.get()
    if parent is None:
        return NO_SPAN
    return parent.trace.span(name, kind, **attributes)


def current_span() -> AnySpan:
    """The innermost open span; one that keeps nothing when there is no trace."""
    return current.get() or NO_SPAN


def _scorecard(trace: Trace, *, verbose: bool) -> Literal["compact", "verbose"] | None:
    """What is to be printed of a run: of one without stages that made decisions nothing, unless it is asked for."""
    wanted = runtime().scorecard
    if wanted == "off":
        return None
    if verbose:
        return "verbose"
    if not any(span.kind == SpanKind.STAGE and span.decisions for span in list(trace.stages.values())):
        return None
    if wanted == "auto":
        return "compact" if _is_terminal(sys.stderr) else None
    return wanted


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _usable(trace_id: str | None) -> str | None:
    if trace_id is None:
        return None
    try:
        return check_trace_id(str(trace_id))
    except InvalidInput:
        logger.warning("a trace id that cannot be used was given; the run gets a new one")
        return None
