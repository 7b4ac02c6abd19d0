"""The steps of one answer: recorded as spans of the trace, timed for the client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from assistant.classification import Guess
from assistant.model import Step
from tracing_core.clock import Clock
from tracing_core.context import AnyTrace
from tracing_core.model import SpanKind
from tracing_core.recording import AnySpan


class Recorder:
    """Opens the steps, and remembers how long each took.

    Args:
        trace: what is recorded into.
    """

    def __init__(self, trace: AnyTrace, clock: Clock) -> None:
        self.trace = trace
        self._clock = clock
        self._start = clock.monotonic_ns()
        self._milliseconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, kind: SpanKind) -> Iterator[AnySpan]:
        """A step of the pipeline: a span directly under the root."""
        start = self._clock.monotonic_ns()
        try:
            with self.trace.span(name, kind) as span:
                yield span
        finally:
            self._milliseconds[name] = self.since(start)

    def ended(self, name: str) -> Step:
        """The event that says that a step ended."""
        return Step(name=name, duration_ms=self._milliseconds[name])

    def now(self) -> int:
        """A moment, to be given to `since`."""
        return self._clock.monotonic_ns()

    def since(self, moment: int) -> float:
        """Milliseconds since `moment`."""
        return round((self._clock.monotonic_ns() - moment) / 1e6, 3)

    def total(self) -> float:
        """Milliseconds since the question came."""
        return self.since(self._start)

    def steps(self) -> dict[str, float]:
        """Milliseconds by name of the step, in the order in which they ended."""
        return dict(self._milliseconds)


def decide(span: AnySpan, decision: str, guess: Guess) -> None:
    """Record a guess as a decision."""
    span.decide(
        decision,
        what=guess.what,
        why=guess.why,
        confidence=round(guess.confidence, 3),
        alternatives_considered=guess.alternatives(),
        inputs=guess.inputs,
    )
