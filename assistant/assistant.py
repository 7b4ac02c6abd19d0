"""The assistant: answers questions about installed Python libraries from their own documentation, and records how."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from assistant import generating
from assistant.confidence import CAVEATS, STAND
from assistant.corpus.chunks import Document
from assistant.corpus.libraries import LIBRARY_NAMES
from assistant.embedding import Embedder
from assistant.errors import AssistantError
from assistant.language.choice import LanguageModels, Models
from assistant.loading import Loader, OnProgress, Searched
from assistant.model import MOST_SOURCES, Answer, Done, Event, Progress, Question, Sources, Stopped, Token
from assistant.recorder import Recorder
from assistant.retrieving import Found, retrieve
from assistant.search.index import SearchIndex
from assistant.stop import StopSignal
from tracing_core.context import AnyTrace, TraceContext
from tracing_core.errors import InvalidInput, TracewhyError
from tracing_core.model import SpanKind, TraceStatus
from tracing_core.runtime import runtime
from tracing_core.settings import Settings


class Assistant:
    """Gets ready in the background as soon as it is made; may be asked from many threads.

    Args:
        on_progress: told (stage, done, total) while it gets ready, from another thread.
        models: makes those who answer; by default what the settings name.
        searched: makes what is searched out of the index; by default it is the index itself.
    """

    def __init__(
        self,
        settings: Settings,
        on_progress: OnProgress | None = None,
        models: Callable[[Embedder], Models] | None = None,
        searched: Searched | None = None,
    ) -> None:
        self._settings = settings
        self._embedder = Embedder()
        self._models = models(self._embedder) if models else LanguageModels(settings, self._embedder)
        self._loader = Loader(settings.data_dir / "index", self._embedder, self._models, on_progress, searched)

    @property
    def ready(self) -> threading.Event:
        """Set when it is ready, and when it is known that it will not be (see `progress`)."""
        return self._loader.ready

    def progress(self) -> Progress:
        """How far it is with getting ready."""
        return self._loader.progress()

    def documents(self) -> Sequence[Document]:
        """All that it answers from; waits until they are loaded.

        Raises:
            IndexUnavailable: they cannot be loaded.
        """
        index = self._loader.wait(StopSignal())
        return index.documents if index else ()

    def close(self) -> None:
        """Stop loading, and stop the embedded model."""
        self._loader.close()
        self._models.close()

    def ask(self, question: Question) -> Answer:
        """The whole answer at once; raises what `stream` raises."""
        for event in self.stream(question):
            if isinstance(event, Done):
                return event
        raise AssistantError

    def stream(self, question: Question, stop: StopSignal | None = None) -> Iterator[Event]:
        """Answer step by step: `Step` after each step, `Sources` once, `Token` after token, `Done` at last.

        Records into the current trace, else into one of its own. Closing the iterator stops the model at once; from
        another thread, and while the iterator waits, `stop.set()` does, upon which it ends with `Stopped`. All of
        its items must be taken in one thread (and one context), as its spans are open between them.

        Raises:
            InvalidInput: at once, when the question cannot be asked like this.
            AssistantError: while iterating, when there will be no answer; the trace is marked as failed.
        """
        question = self._checked(question)
        return self._answer(question, stop or StopSignal())

    def _answer(self, question: Question, stop: StopSignal) -> Iterator[Event]:
        trace: AnyTrace | None = TraceContext.current()
        own = None
        if trace is None:
            trace = own = TraceContext.start(name="ask")
        trace.query, trace.library = question.question, question.library_filter
        trace.session_id, trace.user_id = question.session_id, question.user_id
        try:
            yield from self._steps(question, stop, trace)
        except GeneratorExit:
            if trace.status is TraceStatus.IN_PROGRESS:  # after the last event there is nothing to stop any more
                _mark_stopped(trace)
            raise
        except TracewhyError as error:
            trace.mark_failed(str(error))
            raise
        finally:
            if own is not None:
                TraceContext.finish(own)

    def _steps(self, question: Question, stop: StopSignal, trace: AnyTrace) -> Iterator[Event]:
        recorder = Recorder(trace, runtime().clock)
        index = self._index(recorder, stop)
        if index is None:
            yield _stopped(trace, "")
            return
        found: Found | None = None
        for event in retrieve(question, index, self._embedder, recorder):
            if isinstance(event, Found):
                found = event
            else:
                yield event
        assert found is not None
        yield Sources(sources=found.sources)
        generated = generating.start(question, found, self._models.choose(question.model))
        yield from generating.generate(generated, recorder, stop)
        if generated.stopped:
            yield _stopped(trace, generated.text)
            return
        yield recorder.ended(generating.STEP)
        yield from self._finish(generated, found, index, recorder)

    def _finish(
        self, generated: generating.Generated, found: Found, index: SearchIndex, recorder: Recorder
    ) -> Iterator[Event]:
        settings, trace = self._settings, recorder.trace
        guess, citations = generating.weigh(generated, found, index, self._embedder, settings.low_confidence)
        ending = "\n```" if generated.text.count("```") % 2 else ""
        if guess.what in CAVEATS and len(generated.text) >= settings.empty_answer_chars:
            ending += f"\n\n*{CAVEATS[guess.what]}*"
        if ending:
            generated.pieces.append(ending)
            yield Token(text=ending)
        sure = round(guess.odds[STAND], 3)
        trace.answer, trace.confidence, trace.citations_count = generated.text, sure, len(citations)
        done = Done(
            answer=generated.text,
            confidence=sure,
            citations=citations,
            sources=found.sources,
            steps=recorder.steps(),
            model=generated.choice.model.name,
            provider=generated.choice.model.provider,
            total_ms=recorder.total(),
            intent=found.intent.what,
            library=found.library,
            prompt_tokens=generated.usage.prompt_tokens,
            completion_tokens=generated.usage.completion_tokens,
            total_tokens=generated.usage.total_tokens,
            time_to_first_token_ms=generated.first_token_ms,
            tokens_per_second=generated.tokens_per_second,
            trace_id=_id(trace),
        )
        trace.mark_complete()
        yield done

    def _index(self, recorder: Recorder, stop: StopSignal) -> SearchIndex | None:
        if self.ready.is_set():
            return self._loader.wait(stop)
        with recorder.step("getting_ready", SpanKind.CHAIN) as span:
            span.set(stage=self.progress().stage)
            return self._loader.wait(stop)

    def _checked(self, question: Question) -> Question:
        try:
            size = len(question.question.encode())
        except UnicodeEncodeError as error:
            raise InvalidInput("question", "is not text that can be written as UTF-8") from error
        most = self._settings.max_question_bytes
        if size > most:
            raise InvalidInput("question", f"has {size:,} bytes; at most {most:,} are accepted")
        if not question.question.strip():
            raise InvalidInput("question", "is empty; ask something")
        if not 1 <= question.limit <= MOST_SOURCES:
            raise InvalidInput("limit", f"must be between 1 and {MOST_SOURCES}")
        if not (math.isfinite(question.temperature) and 0 <= question.temperature <= 2):
            raise InvalidInput("temperature", "must be between 0 and 2")
        return replace(question, library_filter=_known_library(question.library_filter))


def _known_library(name: str | None) -> str | None:
    library = (name or "").strip().lower()
    if not library:
        return None
    if library not in LIBRARY_NAMES:
        raise InvalidInput("library_filter", f"is not one of {', '.join(LIBRARY_NAMES)}")
    return library


def _id(trace: AnyTrace) -> str | None:
    return trace.trace_id if trace.enabled else None


def _mark_stopped(trace: AnyTrace) -> None:
    trace.set_outputs({"stopped": generating.GONE})
    trace.mark_incomplete()


def _stopped(trace: AnyTrace, answer: str) -> Stopped:
    _mark_stopped(trace)
    return Stopped(answer=answer, trace_id=_id(trace))
