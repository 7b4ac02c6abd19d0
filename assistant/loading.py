"""Getting ready in the background: the search index and the embedded model, with how far it is."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from assistant.corpus.libraries import installed_libraries
from assistant.embedding import Embedder
from assistant.errors import IndexUnavailable
from assistant.language.choice import Models
from assistant.model import Progress
from assistant.search.cache import open_index
from assistant.search.index import SearchIndex
from assistant.stop import StopSignal

logger = logging.getLogger(__name__)

OnProgress = Callable[[str, int, int], None]
Searched = Callable[[SearchIndex], SearchIndex]
_LONGEST_WAIT_SECONDS = 120.0
_LOOK_SECONDS = 0.1


class Loader:
    """Loads at once, in two threads, what answering needs.

    Args:
        folder: where the index is kept.
        on_progress: told what is being done, how much is done, and how much there is; called from another thread.
        searched: makes what is searched out of the index.
    """

    def __init__(
        self,
        folder: Path,
        embedder: Embedder,
        models: Models,
        on_progress: OnProgress | None = None,
        searched: Searched | None = None,
    ) -> None:
        self.ready = threading.Event()
        self._folder = folder
        self._embedder = embedder
        self._on_progress = on_progress
        self._searched = searched
        self._progress = Progress()
        self._closed = False
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="assistant-loading")
        self._models: Future[None] = self._pool.submit(models.load)
        self._index: Future[SearchIndex] = self._pool.submit(self._load)
        for part in (self._models, self._index):
            part.add_done_callback(self._one_is_done)

    def progress(self) -> Progress:
        """How far it is."""
        return self._progress

    def wait(self, stop: StopSignal, seconds: float = _LONGEST_WAIT_SECONDS) -> SearchIndex | None:
        """The index, once it and the model are there; None when `stop` is set while waiting.

        Raises:
            IndexUnavailable: it takes longer than `seconds`, or failed.
        """
        looks = max(1, int(seconds / _LOOK_SECONDS))
        for _ in range(looks):
            if self.ready.wait(_LOOK_SECONDS) or stop.is_set():
                break
        if stop.is_set():
            return None
        if not self.ready.is_set():
            raise IndexUnavailable
        if self._progress.error is not None:
            raise IndexUnavailable(self._progress.error)
        return self._index.result()

    def close(self) -> None:
        """Stop loading."""
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _load(self) -> SearchIndex:
        self._embedder.load()
        index = open_index(self._folder, installed_libraries(), self._embedder, self._tell)
        return index if self._searched is None else self._searched(index)

    def _tell(self, stage: str, done: int, total: int) -> None:
        if self._closed:
            raise IndexUnavailable("The assistant was closed while it was getting ready.")
        self._progress = replace(self._progress, stage=stage, done=done, total=total)
        if self._on_progress is not None:
            self._on_progress(stage, done, total)

    def _one_is_done(self, part: Future[SearchIndex] | Future[None]) -> None:
        if not part.cancelled() and (error := part.exception()) is not None:
            if not self._closed:
                logger.error("the assistant cannot get ready", exc_info=error)
            self._progress = replace(self._progress, error=f"The assistant could not get ready: {error}")
        if self._models.done() and self._index.done():
            if self._progress.error is None:
                self._progress = replace(self._progress, stage="Ready", ready=True)
            self.ready.set()
