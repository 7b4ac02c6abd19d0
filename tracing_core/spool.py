"""Traces that wait on disk: while the database is away, and for good when it refuses them.

`{data}/spool/waiting/*.jsonl` holds batches to be written again, a document a line; `{data}/spool/dead/*.json` holds
single traces, and lines of batches that cannot be read, with the reason why they could not be stored. Whoever works on a file
locks it, so that two processes do not do the same work; a lock goes with its process.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tracing_core.clock import Clock
from tracing_core.document import to_document
from tracing_core.document_reader import from_document
from tracing_core.errors import InvalidInput
from tracing_core.ids import IdSource, is_trace_id
from tracing_core.jsontext import dump
from tracing_core.model import TraceData
from tracing_core.whole_files import write_whole

UNFORESEEN = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What a document makes code raise that has something of another kind in it than we write."""

UNREADABLE = "unreadable in the spool"
"""What the ledger says of a line that cannot be read."""
NOBODY = "unknown"
"""And whom it came from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of a batch: as it is, and the trace in it; None and the reason where none can be read."""

    content: bytes
    trace: TraceData | None
    reason: str = ""


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

    def bury(self, trace: TraceData, reason: str, *, spans: int | None = None) -> None:
        """Keep a trace that cannot be stored, with the reason and its line in the ledger, which a replay moves.

        Args:
            trace: what it is.
            reason: why it cannot be stored.
            spans: how many the ledger has for it, if not its own.

        Raises:
            OSError: the disk is full or cannot be written; nothing was kept.
        """
        name = trace.trace_id if is_trace_id(trace.trace_id) else "trace"
        noted = {"source": trace.source, "reason": reason, "spans": len(trace.spans) if spans is None else spans}
        self._bury(name, {"reason": reason, "noted": noted, "trace": to_document(trace)})

    def bury_line(self, content: bytes, reason: str) -> None:
        """Keep a line of a batch that cannot be read; it takes no more room than it had.

        Raises:
            OSError: the disk is full or cannot be written; nothing was kept.
        """
        noted = {"source": NOBODY, "reason": UNREADABLE, "spans": 0}
        text = content.decode("utf-8", "backslashreplace")
        self._bury("line", {"reason": reason, "noted": noted, "line": text}, bounded=False)

    def _bury(self, name: str, letter: dict[str, Any], *, bounded: bool = True) -> None:
        letter["noted"]["day"] = self._clock.now().date()
        self._put(self._dead / f"{name}_{self._ids.span_id()}.json", dump(letter), bounded=bounded)

    def waiting(self) -> list[Path]:
        """The batches that wait, oldest first."""
        return sorted(self._waiting.glob("*.jsonl")) if self._waiting.is_dir() else []

    def read(self, path: Path) -> Iterator[Line]:
        """The lines of a batch.

        Raises:
            OSError: the disk does not give it.
        """
        for line in path.read_bytes().splitlines():
            try:
                yield Line(content=line, trace=from_document(orjson.loads(line)))
            except (orjson.JSONDecodeError, InvalidInput) as error:
                yield Line(content=line, trace=None, reason=str(error))

    def remove(self, path: Path) -> None:
        """Forget a batch or a letter that is stored."""
        path.unlink(missing_ok=True)

    def waiting_count(self) -> int:
        """How many traces wait, by the names of the batches: this is asked often, and they may be large."""
        return sum(count_in(path) for path in self.waiting())

    def dead_count(self) -> int:
        """How many traces were buried."""
        return len(self.dead())

    def dead(self) -> list[Path]:
        """The traces that were buried, oldest first."""
        return sorted(self._dead.glob("*.json"), key=_age) if self._dead.is_dir() else []

    def size(self) -> int:
        """Bytes in all files."""
        return sum(_size(path) for path in (*self.waiting(), *self.dead()))

    def _put(self, path: Path, content: bytes, *, bounded: bool = True) -> None:
        if bounded and self.size() + len(content) > self._most_bytes:
            raise OSError(errno.ENOSPC, f"the spool may hold {self._most_bytes} bytes, by TRACEWHY_SPOOL_BYTES")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content, durable=True)


def count_in(path: Path) -> int:
    """How many traces a batch holds, by its name; 0 when that does not say."""
    number = path.stem.rpartition("_")[2]
    return int(number) if number.isascii() and number.isdecimal() else 0


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Hold a file of the spool; gives False while another process or thread does, or when it is gone.

    Raises:
        OSError: the file cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield path.exists()  # gone when another has stored it since it was opened
    finally:
        os.close(descriptor)


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
