"""The room that a journal writes into: segments, of which the oldest goes when nothing in it is needed any more."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tracing_core.journal_files import JournalFolder, Segment, make_folder
from tracing_core.journal_lines import kind_and_run, settled_line

logger = logging.getLogger(__name__)

_SEGMENTS = 64
"""In a journal of full size."""
_SMALLEST_SEGMENT = 4096


class Segments:
    """The segments of one process, and which runs hold them. Made when the first line comes.

    A run holds the segment in which it began, and so all that come after it; a settled one holds nothing.

    Args:
        directory: `{data}/journal`.
        names: for the folder of this process.
        limit_bytes: the size of all segments at most.
    """

    def __init__(self, directory: Path, names: Iterator[str], limit_bytes: int) -> None:
        self.began: dict[int, Segment] = {}
        """The segment in which each unsettled run began, by the number of its root span."""
        self.write: Callable[[bytes], Any] = _no_room
        """Copies a line into the segment in use. ValueError: it has no room; `put` makes some."""
        self.given_up = 0
        """Runs that there was no room for."""
        self._directory = directory
        self._names = names
        self._limit = limit_bytes
        self._segment_size = max(limit_bytes // _SEGMENTS, _SMALLEST_SEGMENT)
        self._lock = threading.RLock()  # a span that a garbage collection ends may come in the middle of anything
        self._folder: JournalFolder | None = None
        self._segments: list[Segment] = []
        self._spare: Segment | None = None
        self._may_move = False
        self._is_off = False

    def put(self, line: bytes) -> None:
        """Write `line`. The copy is one step of the interpreter, so threads need no lock for it.

        Raises:
            OSError: the disk is full, or the directory cannot be written.
        """
        while True:
            write = self.write
            try:
                write(line)
            except ValueError:
                self._roll(write, len(line))
            else:
                return

    def hold(self, run: int) -> None:
        """Keep what is written from now on, until `run` is settled.

        Raises:
            OSError: as `put`.
        """
        with self._lock:
            if not self._segments:
                self._roll(self.write, 0)
            segment = self._segments[-1]
            segment.holds += 1
            self.began[run] = segment

    def settle(self, run: int) -> bool:
        """Note that nothing of `run` is needed any more; gives whether it was held.

        Raises:
            OSError: as `put`.
        """
        with self._lock:
            segment = self.began.pop(run, None)
            if segment is None:
                return False
            segment.holds -= 1
        self.put(settled_line(run))
        return True

    def tidy(self) -> None:
        """Remove what nobody needs and make room ahead, so that the host's threads seldom have to.

        Raises:
            OSError: as `put`.
        """
        with self._lock:
            while len(self._segments) > 1 and not self._segments[0].holds:
                self._remove_oldest()
        if self._is_off:
            return
        if self._may_move and self._size() > self._limit // 2:
            self._move_on(self._segments[0])
            self._may_move = (
                False  # one for each that the host fills: what is never settled must not go round and round
            )
        elif self._spare is None and self._size() + self._segment_size <= self._limit:
            self._make_spare()

    def remove_unheld(self) -> None:
        """Delete the folder if no run holds anything, and write nothing any more."""
        with self._lock:
            if self.began:
                return
            folder, self._folder = self._folder, None
            self._segments, self._spare = [], None
            self.turn_off()
            if folder is not None:
                folder.remove()

    def turn_off(self) -> None:
        """Take what is put, and write nothing."""
        self._is_off, self.write = True, _forget

    def release(self) -> None:
        """Let go of the folder without a change to it, in a forked child: it is the parent's."""
        if self._folder is not None:
            self._folder.release()

    def _roll(self, full: Callable[[bytes], Any], length: int) -> None:
        """Go on in a new segment, unless another thread did that since `full` was found to be so."""
        with self._lock:
            if self.write is not full:
                return
            if self._folder is None:
                self._folder = make_folder(self._directory, self._names)
            size = max(self._segment_size, length)
            lost = self._keep_within(self._limit - size)
            segment, self._spare = self._spare, None
            if segment is None or segment.size < length:
                segment = self._folder.segment(size)
            self._segments.append(segment)
            self._may_move = True
            self.write = segment.mapped.write
            for run in lost:
                self.put(settled_line(run))  # half of a run is not to be taken for all of it

    def _keep_within(self, limit: int) -> list[int]:
        """Give up the oldest segments until the others have at most `limit` bytes; gives the runs that began in them."""
        given_up = []
        while len(self._segments) > 1 and self._size() > limit:
            lost = [run for run, began in self.began.items() if began is self._segments[0]]
            for run in lost:
                del self.began[run]
            self._remove_oldest()
            given_up += lost
        if given_up and not self.given_up:
            logger.warning("the journal is full: the oldest runs that are not stored yet would not survive a kill")
        self.given_up += len(given_up)
        return given_up

    def _size(self) -> int:
        return sum(segment.size for segment in self._segments)

    def _remove_oldest(self) -> None:
        """Delete the oldest segment, or keep it for later: fresh memory is the dearest part of a journal."""
        oldest = self._segments.pop(0)
        if self._spare is None and self._folder is not None and oldest.size == self._segment_size:
            self._folder.wipe(oldest)
            self._spare = oldest
        else:
            oldest.remove()

    def _make_spare(self) -> None:
        folder = self._folder
        if folder is None:
            return
        spare = folder.segment(self._segment_size)
        with self._lock:
            if self._spare is None and self._folder is folder:
                self._spare = spare
            else:
                spare.remove()

    def _move_on(self, oldest: Segment) -> None:
        """Write what a segment has of unsettled runs again at the end, and remove it: one run that goes on for hours must
        not hold what thousands left behind.
        """
        for line in oldest.lines():
            found = kind_and_run(line)
            if found is not None and found[1] in self.began:
                self.put(line + b"\n")
        with self._lock:
            if len(self._segments) < 2 or self._segments[0] is not oldest:
                return  # it was given up in the meantime
            following = self._segments[1]
            for run, began in self.began.items():
                if began is oldest:
                    self.began[run] = following
                    following.holds += 1
            self._remove_oldest()


def _no_room(_line: bytes) -> None:
    """Where a journal writes that has no file yet."""
    raise ValueError


def _forget(_line: bytes) -> None:
    """Where a journal writes that is off."""
