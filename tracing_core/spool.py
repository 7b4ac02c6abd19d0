"""Traces that wait on disk: while the database is away, and for good when it refuses them.

`{data}/spool/waiting/*.jsonl` holds batches to be written again, a document a line; `{data}/spool/dead/*.json` holds
single traces with the reason why they could not be stored.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from tracing_core.clock import Clock
from tracing_core.document import to_document
from tracing_core.document_reader import from_document
from tracing_core.errors import InvalidInput
from tracing_core.ids import IdSource
from tracing_core.jsontext import dump
from tracing_core.model import TraceData
from tracing_core.whole_files import write_whole

logger = logging.getLogger(__name__)


class Spool:
    """The directory of waiting and of dead traces.

    Args:
        directory: `{data}/spool`.
        clock: for the names of files, which sort by age.
        ids: keeps the names of two processes apart.
        most_bytes: all files together at most; more would fill the disk that others need.
    """

    def __init__(self, directory: Path, clock: Clock, ids: IdSource, most_bytes: int = 2**31) -> None:
        self._most_bytes = most_bytes
        self._waiting = directory / "waiting"
        self._dead = directory / "dead"
        self._clock = clock
        self._ids = ids

    def keep(self, traces: Iterable[TraceData]) -> None:
        """Put a batch aside until the database is back; it survives a loss of power once this returns.

        Raises:
            OSError: the disk or the spool is full, or cannot be written; nothing was kept.
        """
        lines = [dump(to_document(trace)) + b"\n" for trace in traces]
        name = f"{self._clock.now():%Y%m%d_%H%M%S_%f}_{self._ids.span_id()}_{len(lines)}.jsonl"
        self._put(self._waiting / name, b"".join(lines))

    def bury(self, trace: TraceData, reason: str) -> None:
        """Keep a trace that cannot be stored, with the reason.

        Raises:
            OSError: the disk is full or cannot be written; nothing was kept.
        """
        name = f"{trace.trace_id}_{self._ids.span_id()}.json"
        self._put(self._dead / name, dump({"reason": reason, "trace": to_document(trace)}))

    def waiting(self) -> list[Path]:
        """The batches that wait, oldest first."""
        return sorted(self._waiting.glob("*.jsonl")) if self._waiting.is_dir() else []

    def read(self, path: Path) -> Iterator[TraceData]:
        """The traces of a batch; a line that cannot be read is reported and passed over."""
        for line in path.read_bytes().splitlines():
            try:
                yield from_document(orjson.loads(line))
            except (orjson.JSONDecodeError, InvalidInput) as error:
                logger.error("a line of the spooled batch %s cannot be read: %s", path.name, error)

    def remove(self, path: Path) -> None:
        """Forget a batch that is stored."""
        path.unlink(missing_ok=True)

    def waiting_count(self) -> int:
        """How many traces wait, by the names of the batches: this is asked often, and they may be large."""
        return sum(int(path.stem.rpartition("_")[2]) for path in self.waiting())

    def dead_count(self) -> int:
        """How many traces were buried."""
        return len(self.dead())

    def dead(self) -> list[Path]:
        """The traces that were buried, oldest first."""
        return sorted(self._dead.glob("*.json"), key=_age) if self._dead.is_dir() else []

    def size(self) -> int:
        """Bytes in all files."""
        return sum(_size(path) for path in (*self.waiting(), *self.dead()))

    def _put(self, path: Path, content: bytes) -> None:
        if self.size() + len(content) > self._most_bytes:
            raise OSError(errno.ENOSPC, f"the spool may hold {self._most_bytes} bytes, by TRACEWHY_SPOOL_BYTES")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content, durable=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # another process has just taken it
        return 0


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
