"""A conversation with the assistant: its turns, how an answer comes in, and how a turn is drawn afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from dashboard import words
from dashboard.api import Answer, Event, Question
from tracing_core.clock import Clock, SystemClock
from tracing_core.errors import TracewhyError
from tracing_core.ids import IdSource

REDRAW_MS = 40.0
_TURNS = "chat.turns"
_SESSION = "chat.session"


@dataclass
class Turn:
    """One question and what came of it. It fills while the answer comes in, so that what was stopped is kept.

    Args:
        state: asking, done, or failed; one that is still asking when it is drawn again was stopped.
        done: what the service said at the end: model, tokens, cost, confidence, citations.
        first_token_ms: from asking to the first token, as seen from here.
        trace_id: of the trace behind the answer, when the service names one.
    """

    question: str
    state: str = "asking"
    answer: str = ""
    sources: list[dict[str, Any]] = field(default_factory=list)
    steps: list[tuple[str, float]] = field(default_factory=list)
    done: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    first_token_ms: float | None = None
    total_ms: float | None = None
    trace_id: str | None = None
    rating: int | None = None
    comment: str | None = None

    def take(self, event: Event, elapsed_ms: float) -> None:
        """Add what an event says, `elapsed_ms` after the question."""
        data = event.data
        if event.kind == "token":
            self.first_token_ms = self.first_token_ms or elapsed_ms
            self.answer += str(data)
        elif event.kind == "sources" and isinstance(data, list):
            self.sources = [source for source in data if isinstance(source, dict)]
        elif event.kind == "step" and isinstance(data, dict):
            self.steps.append((str(data.get("name", "step")), float(data.get("duration_ms") or 0)))
        elif event.kind == "done" and isinstance(data, dict):
            self.state, self.done, self.total_ms = "done", data, elapsed_ms
            self.trace_id = data.get("trace_id") or self.trace_id
            self.answer = str(data.get("answer") or self.answer)
        elif event.kind == "error":
            self.state, self.error = "failed", _message(data)

    @property
    def cited(self) -> tuple[int, ...]:
        """The numbers of the sources that the answer cites."""
        given = self.done.get("citations")
        numbers = given if isinstance(given, list) else []
        return tuple(
            each if isinstance(each, int) else int(each.get("index", 0)) for each in numbers if _is_citation(each)
        )


def turns() -> list[Turn]:
    """The turns of this conversation."""
    found: list[Turn] = st.session_state.setdefault(_TURNS, [])
    return found


def session_id() -> str:
    """The id under which its traces are kept together."""
    if _SESSION not in st.session_state:
        st.session_state[_SESSION] = f"chat-{IdSource().span_id()}"
    return str(st.session_state[_SESSION])


def start_over() -> None:
    """Begin another conversation."""
    for key in (_TURNS, _SESSION):
        st.session_state.pop(key, None)


def ask(url: str, question: Question, clock: Clock | None = None) -> Turn:
    """Ask, and draw the answer as it comes in: steps, then tokens. Stopping the page closes the connection.

    Args:
        url: of the service.
    """
    turn = Turn(question=question.text)
    turns().append(turn)
    stop = st.empty()
    stop.button("Stop", icon=":material/stop_circle:", key=f"chat.stop.{len(turns())}")  # a rerun closes the connection
    timer = _Timer(clock or SystemClock())
    status = st.status(":shimmer[Looking things up]", type="compact", expanded=True)
    place = st.empty()
    try:
        with Answer(url, question) as answer:
            turn.trace_id = answer.trace_id
            for event in answer:
                turn.take(event, timer.elapsed_ms())
                _draw(event, turn, status, place, timer)
                if turn.state != "asking":
                    break
    except TracewhyError as error:
        turn.state, turn.error = "failed", str(error)
    if turn.state == "asking":
        turn.state, turn.error = "failed", "The answer broke off."
    stop.empty()
    return turn


def cited_first(
    sources: Sequence[Mapping[str, Any]], cited: Sequence[int]
) -> list[tuple[int, Mapping[str, Any], bool]]:
    """The sources as (number, source, whether it is cited), the cited ones first, each group by number."""
    numbered = [(int(source.get("index") or at), source) for at, source in enumerate(sources, start=1)]
    marked = [(number, source, number in cited) for number, source in numbered]
    return sorted(marked, key=lambda each: (not each[2], each[0]))


class _Timer:
    """Time since the question, and whether it is time to draw again."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._began, self._drawn = clock, clock.monotonic_ns(), -REDRAW_MS

    def elapsed_ms(self) -> float:
        return (self._clock.monotonic_ns() - self._began) / 1e6

    def due(self) -> bool:
        elapsed = self.elapsed_ms()
        if elapsed - self._drawn < REDRAW_MS:
            return False
        self._drawn = elapsed
        return True


def _draw(event: Event, turn: Turn, status: Any, place: Any, timer: _Timer) -> None:
    if event.kind == "step":
        name, ms = turn.steps[-1]
        status.caption(f"{words.label(name)} {words.duration(ms)}")
    elif event.kind == "tick":
        doing = "Writing" if turn.answer else "Looking things up"
        status.update(label=f":shimmer[{doing}] {words.duration(timer.elapsed_ms())}", expanded=True)
    elif event.kind == "token" and timer.due():
        place.markdown(words.safe_markdown(turn.answer) + " ▌")
    elif event.kind == "done":
        place.markdown(words.safe_markdown(turn.answer))
        status.update(label=f"Answered in {words.duration(turn.total_ms)}", state="complete", expanded=False)


def _message(data: Any) -> str:
    said = data.get("message") if isinstance(data, dict) else data
    return str(said or "The service could not answer.")


def _is_citation(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, dict) and isinstance(value.get("index"), int))
