"""Rating an answer from the program that gave it: handed over at once, stored from a thread of its own."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable

from tracing_core.answer import Answer
from tracing_core.errors import InvalidInput, StorageError, TracewhyError
from tracing_core.feedback import FeedbackService
from tracing_core.model import Feedback, WaitingFeedback
from tracing_core.runtime import runtime
from tracing_core.sink import Receipt

logger = logging.getLogger(__name__)

MOST_QUEUED = 10_000
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0


def rate(interaction_id: str, rating: int, comment: str | None = None, user_id: str | None = None) -> Receipt:
    """Rate the answer of a run, also before the run is finished or stored. Never blocks, never raises.

    Args:
        interaction_id: the id of the trace.
        rating: 1 (bad) to 5 (good); thumbs are 5 and 1.
        comment: at most 2,000 characters.
        user_id: who says so; the same user rating it again changes the rating.

    Returns:
        A receipt, whose outcome has `rating`: stored, waiting (for the trace), refused (with `error`) or dropped.
    """
    return runtime().rate(interaction_id, rating, comment, user_id)


class Ratings:
    """Stores ratings in the order in which they were handed over; while the database is away it tries again.

    Args:
        feedback: stores them.
        most: how many may wait; one more is dropped, and the receipt and the log say so.
    """

    def __init__(self, feedback: FeedbackService, most: int = MOST_QUEUED) -> None:
        self._feedback = feedback
        self._most = most
        self.start_anew()
        atexit.register(self.close)
        this = weakref.ref(self)

        def start_anew_in_child() -> None:
            if (ratings := this()) is not None:
                ratings.start_anew()

        os.register_at_fork(after_in_child=start_anew_in_child)

    def start_anew(self) -> None:
        """Begin with an empty queue; also in a forked child, where what waits is the parent's."""
        self._queue: deque[tuple[Answer[Feedback], Receipt]] = deque()
        self._state = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def rate(self, interaction_id: str, rating: int, comment: str | None, user_id: str | None) -> Receipt:
        """As `rate`."""
        receipt = Receipt(str(interaction_id))
        try:
            work = self._feedback.submit_feedback(interaction_id, rating, comment, user_id)
        except (InvalidInput, TypeError, AttributeError) as error:
            logger.warning("a rating of %s was refused: %s", interaction_id, error)
            receipt.settle(rating="refused", error=str(error))
            return receipt
        with self._state:
            if self._closed or len(self._queue) >= self._most:
                return _dropped(receipt, "closed" if self._closed else "too many ratings wait")
            self._queue.append((work, receipt))
            self._begin()
            self._state.notify()
        return receipt

    def close(self, timeout: float = 5.0) -> None:
        """Store what waits, within `timeout` seconds. What is left is dropped, and the log says which."""
        with self._state:
            self._closed = True
            self._state.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        while self._queue:
            _dropped(self._queue.popleft()[1], "not stored in time at exit")
        atexit.unregister(self.close)

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="tracewhy-ratings", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # no thread to spare now; the next rating tries again, and `close` says what is left
                self._thread = None

    def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            with self._state:
                self._state.wait_for(lambda: self._queue or self._closed)
                if not self._queue:
                    return
                work, receipt = self._queue[0]
            try:
                receipt.settle(**_outcome(work.result))
            except StorageError as error:
                if self._closed:
                    return
                logger.warning("ratings wait until the database is back: %s", error)
                with self._state:
                    self._state.wait_for(lambda: self._closed, pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                continue
            pause = _FIRST_PAUSE_SECONDS
            with self._state:
                if self._queue:
                    self._queue.popleft()


def _outcome(ask: Callable[[], Feedback]) -> dict[str, str]:
    try:
        stored = ask()
    except StorageError:
        raise
    except TracewhyError as error:
        logger.warning("a rating was refused: %s", error)
        return {"rating": "refused", "error": str(error)}
    return {"rating": "waiting" if isinstance(stored, WaitingFeedback) else "stored", "feedback_id": stored.feedback_id}


def _dropped(receipt: Receipt, why: str) -> Receipt:
    logger.error("a rating of %s is lost: %s", receipt.trace_id, why)
    receipt.settle(rating="dropped", error=why)
    return receipt
