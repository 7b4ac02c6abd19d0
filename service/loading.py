"""Gets the assistant ready in the background, so that the service answers from its first second."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from assistant.errors import IndexUnavailable
from assistant.model import Progress
from assistant.stop import StopSignal
from service.answering import Streams
from tracing_core.context import span

logger = logging.getLogger(__name__)

WAIT_SECONDS = 30.0
"""The longest that a question waits for the assistant to get ready."""

Make = Callable[[Callable[[Progress], None]], Streams]


class Loader:
    """Makes the assistant in a thread.

    Args:
        make: makes it, and says how far it is.
    """

    def __init__(self, make: Make) -> None:
        self._make = make
        self._settled = False
        self._waiting: list[threading.Event] = []
        self._assistant: Streams | None = None
        self.progress = Progress()

    def start(self) -> None:
        """Begin, without waiting."""
        threading.Thread(target=self._load, name="assistant-loader", daemon=True).start()

    @property
    def model(self) -> str | None:
        """The model that answers; None when it is not known yet."""
        return self._assistant.model_name if self._assistant else None

    @property
    def ready(self) -> bool:
        """Whether questions are answered without waiting."""
        return self._assistant is not None

    def assistant(self, stop: StopSignal) -> Streams:
        """The assistant, waited for if need be; the trace shows how long.

        Args:
            stop: ends the waiting.

        Raises:
            IndexUnavailable: there is none (yet); says why.
        """
        if not self._settled:
            with span("assistant_start"):
                self._wait(stop)
        if self._assistant is None:
            raise IndexUnavailable(self._why_not())
        return self._assistant

    def _wait(self, stop: StopSignal) -> None:
        enough = threading.Event()
        self._waiting.append(enough)
        if not self._settled:
            stop.call_on_stop(enough.set)
            enough.wait(WAIT_SECONDS)
            stop.call_on_stop(None)

    def _why_not(self) -> str:
        if self.progress.error:
            return f"The assistant cannot answer: {self.progress.error}"
        return f"The assistant is still getting ready ({said(self.progress)}); ask again in a moment."

    def _load(self) -> None:
        try:
            self._assistant = self._make(self._note)
            logger.info("the assistant is ready")
        except Exception as error:  # tracing goes on without an assistant, and /healthz says why
            logger.exception("the assistant cannot start")
            self.progress = Progress(stage="Failed", error=str(error) or type(error).__name__)
        finally:
            self._settled = True
            for enough in self._waiting:
                enough.set()

    def _note(self, progress: Progress) -> None:
        if progress.stage != self.progress.stage:
            logger.info("assistant: %s", said(progress))
        self.progress = progress


def said(progress: Progress) -> str:
    """How far it is, in words: `Reading pandas 3.1.1, 3 of 8`."""
    return f"{progress.stage}, {progress.done} of {progress.total}" if progress.total else progress.stage
