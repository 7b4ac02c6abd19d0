"""What is recorded is held against the registered schemas while a program runs (TRACEWHY_VALIDATE=warn)."""

from __future__ import annotations

import logging
from dataclasses import replace

from tracing_core.interface import validate_trace
from tracing_core.model import TraceData

logger = logging.getLogger(__name__)

NOTED = "schema_problems"
"""The attribute of the root that lists what was wrong."""
_MOST_NOTED = 20
"""On one trace."""
_MOST_REMEMBERED = 10_000


class Validation:
    """Looks at each trace in the writer's thread. What is wrong is logged once a process and noted on every trace that has it;
    nothing is raised, and no trace is refused.
    """

    def __init__(self) -> None:
        self._said: set[str] = set()

    def noted(self, trace: TraceData) -> TraceData:
        """The trace, with what is wrong with it among the attributes of its root."""
        problems = [str(problem) for problem in validate_trace(trace)]
        if not problems or not trace.spans:
            return trace
        for problem in problems:
            if problem not in self._said and len(self._said) < _MOST_REMEMBERED:
                self._said.add(problem)
                logger.warning("recorded against its schema, first in trace %s: %s", trace.trace_id, problem)
        listed = problems[:_MOST_NOTED]
        if len(problems) > _MOST_NOTED:
            listed.append(f"and {len(problems) - _MOST_NOTED} more")
        root, *others = trace.spans
        return replace(trace, spans=(replace(root, attributes={**root.attributes, NOTED: listed}), *others))
