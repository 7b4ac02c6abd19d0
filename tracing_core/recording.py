"""Spans while they are open: the part that runs inside the host application, so it is quick and never raises.

An open span is a plain mutable object; it becomes a frozen `SpanData` in the writer's thread, outside the request
(`freeze.py`). Identifiers stay numbers until then, and times are ticks of a monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tracing_core.jsontext import mapping_of, text_of

if TYPE_CHECKING:
    from tracing_core.trace import Trace

current: ContextVar[Span | None] = ContextVar("tracewhy_current_span", default=None)
"""The innermost open span of this task or thread; the trace hangs on it."""


def describe(error: BaseException) -> str:
    """`ValueError: what it says`, whatever its `__str__` does."""
    return f"{type(error).__name__}: {text_of(error)}"


class Span:
    """One piece of work while it runs: a context manager that times itself.

    `details` (seed C) are the span's attributes; they can be set one by one, by `set`, or replaced as a whole.
    """

    __slots__ = (
        "_token",
        "decisions",
        "details",
        "end_tick",
        "error",
        "events",
        "evidence",
        "kind",
        "name",
        "number",
        "outputs",
        "parent",
        "prompts",
        "start_tick",
        "trace",
    )

    def __init__(self, trace: Trace, parent: Span | None, name: object, kind: str, details: Any) -> None:
        self.trace = trace
        self.parent = parent
        self.name = name if isinstance(name, str) else text_of(name)
        self.kind = kind
        self.details = details
        self.number = trace.draw_bits(64)
        self.error: str | None = None
        self.events: list[tuple[str, int, dict[str, Any]]] = []
        self.decisions: list[dict[str, Any]] = []
        self.evidence: Mapping[str, Any] | None = None
        self.prompts: Mapping[str, str] | None = None
        self.outputs: Mapping[str, Any] | None = None
        self._token: Token[Span | None] | None = None
        self.end_tick: int | None = None
        self.start_tick: int | None = trace.tick()

    def __enter__(self) -> Self:
        self._token = current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end_tick = self.trace.tick()
        if error is not None and self.error is None and not isinstance(error, GeneratorExit):
            self.error = describe(error)  # a consumer that has had enough of a generator is no error
        self.leave()
        journal = self.trace.journal
        if journal is not None:
            journal.ended(self)

    def enter(self) -> None:
        """Make this span the current one until `leave`."""
        self._token = current.set(self)

    def leave(self) -> None:
        """Undo this span's own change of what is current, and no other."""
        if self._token is None:
            return
        try:
            current.reset(self._token)
        except ValueError:  # entered in another context, as a generator is that somebody else resumes
            if current.get() is self:
                current.set(self.parent)
        self._token = None
        _climb_to_an_open_span()

    def end(self, error: str | None = None) -> None:
        """Stop the clock of a span that was not opened by `with`."""
        news = error is not None or self.end_tick is None
        if self.end_tick is None:
            self.end_tick = self.trace.tick()
        self.error = error or self.error
        if current.get() is self:
            self.leave()
        else:  # it ends out of turn, and whoever was opened after it is still at work
            self._token = None
        if news and self.trace.journal is not None:
            self.trace.journal.note(self)

    @property
    def span_id(self) -> str:
        """Sixteen hex digits."""
        return f"{self.number:016x}"

    def set(self, **attributes: Any) -> Self:
        """Set attributes."""
        if not isinstance(self.details, dict):
            self.details = mapping_of(self.details)
        self.details.update(attributes)
        return self

    def event(self, name: str, **attributes: Any) -> None:
        """Note that something happened now."""
        self.events.append((name, self.trace.tick(), attributes))

    def decide(
        self,
        decision: str,
        *,
        what: Any,
        why: str = "",
        confidence: float | None = None,
        alternatives_considered: Iterable[Any] = (),
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Record a choice.

        Args:
            decision: its type, such as `source_selection`.
            what: what was chosen.
            why: the reason, in words.
            confidence: how sure the system was, 0 to 1.
            alternatives_considered: what else was on the table, as `name (0.40)` or any plain value.
            inputs: what the choice was based on.
        """
        self.decisions.append(
            {
                "decision": decision,
                "what": what,
                "why": why,
                "confidence": confidence,
                "alternatives_considered": _as_now(alternatives_considered),
                "inputs": _as_now(inputs),
                "tick": self.trace.tick(),
            }
        )

    def record_evidence(self, evidence: Mapping[str, Any]) -> None:
        """Record what was found: collected_count, by_source, kept, filtered_out with reasons and scores (seed B)."""
        self.evidence = evidence

    def record_prompts(self, prompts: Mapping[str, str]) -> None:
        """Record the text sent to a model: system_prompt, user_message (seed B)."""
        self.prompts = prompts

    def set_outputs(self, outputs: Mapping[str, Any]) -> None:
        """Record what came out."""
        self.outputs = outputs


def _as_now(given: Any) -> Any:
    """A copy of what the host may go on changing: a decision is about the state in which it was taken."""
    if isinstance(given, dict):
        return dict(given)
    return list(given) if isinstance(given, list) else given


def _climb_to_an_open_span() -> None:
    """Pass over spans that ended while others, opened after them, were still open (stages may overlap)."""
    span = innermost = current.get()
    while span is not None and span.parent is not None and span.end_tick is not None:
        span = span.parent
    if span is not innermost:
        current.set(span)


class NoOpSpan:
    """Takes whatever a span takes and keeps nothing."""

    __slots__ = ()
    span_id = "0" * 16
    name = ""
    kind = "UNKNOWN"
    error: str | None = None
    evidence: Mapping[str, Any] | None = None
    prompts: Mapping[str, str] | None = None
    outputs: Mapping[str, Any] | None = None

    @property
    def details(self) -> dict[str, Any]:
        """A dictionary that nobody keeps."""
        return {}

    @details.setter
    def details(self, value: Mapping[str, Any]) -> None:
        pass

    def __setattr__(self, name: str, value: Any) -> None:
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        return None

    def set(self, **attributes: Any) -> Self:
        return self

    def enter(self, *args: Any, **kwargs: Any) -> None:
        return None

    leave = end = event = decide = record_evidence = record_prompts = set_outputs = enter


NO_SPAN = NoOpSpan()
AnySpan = Span | NoOpSpan
