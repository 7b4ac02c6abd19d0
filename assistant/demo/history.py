"""Record the history: each visit is answered by the real pipeline, then rated by some."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice

from assistant.assistant import Assistant
from assistant.demo.clock import JumpingClock
from assistant.demo.questions import Visit
from assistant.errors import AssistantError
from assistant.model import Question, Token
from tracing_core.context import TraceContext
from tracing_core.store import Store
from tracing_core.trace import Trace

PROJECT = "demo"
_RATED = 0.14
_GONE = 0.012
_BATCH = 100
_COMMENTS = {
    1: ("This is about something else.", "The answer does not fit my question.", None),
    2: ("Too vague to help.", "It left out the important part.", None),
    3: (None, "Partly right."),
    4: (None, "Good, an example would help."),
    5: (None, "Exactly what I needed.", "Quick and correct."),
}


def record_history(
    visits: Sequence[Visit],
    assistant: Assistant,
    store: Store,
    clock: JumpingClock,
    source: random.Random,
    progress: Callable[[int], None],
) -> int:
    """Answer `visits` in their order, batch by batch.

    Args:
        progress: told how many are recorded.

    Returns:
        How many of the answers were rated.
    """
    rated = done = 0
    for batch in _batches(visits):
        traces = [_answer(visit, assistant, clock, source) for visit in batch]
        store.writer.flush(60)
        rated += sum(_rate(trace, store, source) for trace in traces)
        done += len(batch)
        progress(done)
    return rated


def _batches(visits: Sequence[Visit]) -> Iterator[list[Visit]]:
    remaining = iter(visits)
    while batch := list(islice(remaining, _BATCH)):
        yield batch


def _answer(visit: Visit, assistant: Assistant, clock: JumpingClock, source: random.Random) -> Trace:
    clock.jump_to(visit.at)
    trace = TraceContext.start(project_name=PROJECT, name="POST /ask/stream", source=PROJECT, tags=(PROJECT,))
    assert isinstance(trace, Trace), "tracing is switched off for the project demo"
    question = Question(
        question=visit.question,
        library_filter=visit.library,
        limit=source.choice((3, 5, 5, 5, 8, 10)),
        session_id=visit.session_id,
        user_id=visit.user_id,
    )
    leaves_after = source.randrange(3, 30) if source.random() < _GONE else None
    with suppress(AssistantError):  # it is on the trace, which is what a history is for
        _listen(assistant, question, leaves_after)
    TraceContext.finish(trace)
    return trace


def _listen(assistant: Assistant, question: Question, leaves_after: int | None) -> None:
    """Take the answer word by word; some leave in the middle."""
    events = assistant.stream(question)
    heard = 0
    for event in events:
        heard += isinstance(event, Token)
        if heard == leaves_after:
            events.close()  # type: ignore[attr-defined]
            return


def _rate(trace: Trace, store: Store, source: random.Random) -> bool:
    """Some rate, and the surer the answer the better, on the whole."""
    if trace.confidence is None or source.random() > _RATED:
        return False
    rating = max(1, min(5, round(0.7 + 4.3 * trace.confidence + source.gauss(0, 1.2))))
    comment = source.choice(_COMMENTS[rating])
    store.feedback.submit_feedback(
        interaction_id=trace.trace_id, rating=rating, comment=comment, user_id=trace.user_id
    ).result()
    return True
