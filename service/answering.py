"""One question while it is answered: a thread runs the assistant, and brings what it says to the event loop.

All of the run is in one thread and in the context of the request, so that its spans lie below the request's. The last
item comes when the trace is stored, or known not to be: who has seen it can open the trace and rate it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from assistant.model import Done, Event, Progress, Question, Stopped, Token
from assistant.stop import StopSignal
from service.bridge import Bridge, ReaderGone
from service.errors import sentence
from service.outcome import Bookkeeper, Outcome
from tracing_core.context import TraceContext
from tracing_core.errors import InvalidInput
from tracing_core.model import TraceStatus
from tracing_core.threads import in_this_context
from tracing_core.trace import Trace

logger = logging.getLogger(__name__)

STORE_SECONDS = 2.0
"""The longest that an answer waits for its trace to be stored."""


class Answers(Protocol):
    """What answers questions; `assistant.Assistant` is the one."""

    def progress(self) -> Progress:
        """How far it is with getting ready."""
        ...

    def stream(self, question: Question, stop: StopSignal) -> Iterator[Event]:
        """Answer, event by event; a question that cannot be asked like this is refused at once."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """The last item: an outcome, or why there is none. `trace_id` is that of the run, None when it is not recorded."""

    trace_id: str | None
    outcome: Outcome | None = None
    error: Exception | None = None

    @property
    def message(self) -> str:
        """What the person who asked is told when there is no outcome."""
        return sentence(self.error) if self.error else "The answer was stopped."


Item = Event | Ended


class Answering:
    """Answers one question; started when it is made, on the event loop and in the context of the request.

    Args:
        question: what was asked.
        assistant: answers it.
        books: reads the numbers of the run.

    Raises:
        InvalidInput: the question cannot be asked like this.
    """

    def __init__(self, question: Question, assistant: Answers, books: Bookkeeper) -> None:
        self._books = books
        self._trace = TraceContext.current()
        self._bridge: Bridge[Item] = Bridge()
        self._stop = StopSignal()
        if self._trace is not None:
            _describe(self._trace, question)
        self._events = assistant.stream(question, self._stop)
        self._words: list[str] = []
        threading.Thread(target=in_this_context(self._work), name="answer", daemon=True).start()

    def stop(self, reason: str) -> None:
        """End it at once; the trace is incomplete, and gives `reason`."""
        self._bridge.stop(reason)
        self._stop.set()

    async def items(self) -> AsyncIterator[list[Item]]:
        """What there is, as soon as it is there; the last of the last list is an `Ended`."""
        while items := await self._bridge.take():
            yield items

    def _work(self) -> None:
        try:
            ended = self._run()
        except Exception as error:  # whatever the thread dies of, the request must hear of it
            logger.exception("the run could not be ended")
            ended = Ended(trace_id=None, error=error)
        try:
            self._bridge.end(ended)
        except ReaderGone:
            return  # the process ends; the trace is with the writer

    def _run(self) -> Ended:
        trace = self._trace
        done, error = None, None
        try:
            done = self._answer()
        except ReaderGone as gone:
            _mark_stopped(trace, str(gone))
        except Exception as failure:  # the HTTP boundary: any failure becomes an answer in words
            logger.log(
                logging.INFO if self._stop.is_set() else logging.ERROR, "no answer: %s", failure, exc_info=failure
            )
            _mark_failed(trace, failure)
            error = failure
        return self._finish(trace, done, error)

    def _answer(self) -> Done | None:
        done: Done | None = None
        with closing(self._events) as events:  # type: ignore[type-var]
            for event in events:
                if isinstance(event, Stopped):
                    break
                if isinstance(event, Done):
                    done = event
                    continue
                if isinstance(event, Token):
                    self._words.append(event.text)
                self._bridge.put(event)
        if done is None:
            raise ReaderGone(self._bridge.reason or "the assistant stopped")
        return done

    def _finish(self, trace: Trace | None, done: Done | None, error: Exception | None) -> Ended:
        trace_id, stored = None, False
        if trace is not None:
            trace.answer = trace.answer if done else trace.answer or "".join(self._words) or None
            if done:  # the response follows, when the trace is stored already
                trace.root.details.setdefault("http.response.status_code", 200)
            if trace.status is TraceStatus.IN_PROGRESS:
                trace.mark_complete()
            trace_id, stored = _store(trace)
        outcome = self._books.outcome(done, trace, trace_id, stored) if done else None
        return Ended(trace_id=trace_id, outcome=outcome, error=error)


def _describe(trace: Trace, question: Question) -> None:
    trace.query = question.question
    trace.library = question.library_filter
    trace.session_id = question.session_id
    trace.user_id = question.user_id


def _mark_stopped(trace: Trace | None, reason: str) -> None:
    if trace is not None:
        trace.outputs["stopped"] = reason
        trace.mark_incomplete()


def _mark_failed(trace: Trace | None, failure: Exception) -> None:
    if trace is None or trace.status is TraceStatus.FAILED:
        return
    if isinstance(failure, InvalidInput):
        trace.outputs["refused"] = str(failure)
        trace.mark_incomplete()
    else:
        trace.mark_failed(f"{type(failure).__name__}: {failure}")


def _store(trace: Trace) -> tuple[str, bool]:
    """Hand the trace over, and wait a bounded time until it is stored."""
    receipt = TraceContext.finish(trace)
    try:
        outcome = receipt.result(STORE_SECONDS)
    except TimeoutError:
        logger.warning("the trace was not stored within %.0f s; the answer does not wait for it", STORE_SECONDS)
        return trace.trace_id, False
    return str(outcome["trace_id"]), outcome.get("database") == "saved"
