"""What recording needs from its surroundings: a clock, ids, where finished traces go, and which projects are traced."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tracing_core.calibration_settings import Scorecard
from tracing_core.clock import Clock, SystemClock
from tracing_core.ids import IdSource
from tracing_core.sink import NowhereSink, Receipt, Sink

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from tracing_core.journal import Journal

logger = logging.getLogger(__name__)


def _nothing_untraced() -> AbstractSet[str]:
    return frozenset()


Rate = Callable[[str, int, str | None, str | None], Receipt]
"""Takes the rating of a trace: its id, the rating, a comment, a user."""


def _rated_nowhere(trace_id: str, _rating: int, _comment: str | None, _user_id: str | None) -> Receipt:
    receipt = Receipt(str(trace_id))
    logger.warning("a rating of trace %s is not kept: call tracing_core.init() when the program starts", trace_id)
    receipt.settle(rating="dropped", error="tracing_core.init() was not called")
    return receipt


@dataclass(frozen=True, kw_only=True, slots=True)
class Runtime:
    """The surroundings of recording in this process."""

    clock: Clock = field(default_factory=SystemClock)
    ids: IdSource = field(default_factory=IdSource)
    sink: Sink = field(default_factory=NowhereSink)
    project: str = "default"
    tracing: bool = True
    untraced_projects: AbstractSet[str] = field(default_factory=_nothing_untraced)
    head_share: float = 1.0
    scorecard: Scorecard = "off"
    journal: Journal | None = None
    rate: Rate = _rated_nowhere

    def traces(self, project: str) -> bool:
        """Whether runs of this project are recorded."""
        return self.tracing and project not in self.untraced_projects


_runtime = Runtime()


def runtime() -> Runtime:
    """The surroundings in force."""
    return _runtime


def configure(new: Runtime) -> Callable[[], None]:
    """Put `new` in force; the function returned puts back what was."""
    global _runtime
    before, _runtime = _runtime, new

    def restore() -> None:
        global _runtime
        _runtime = before
        if new.journal is not None:
            new.journal.close()

    return restore
