"""Traces that the database refused: why, and giving them to it again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from tracing_core.document_reader import from_document
from tracing_core.errors import InvalidInput
from tracing_core.ledger import Ledger, Outcome
from tracing_core.model import TraceData
from tracing_core.spool import Spool
from tracing_core.storage.database import Database
from tracing_core.storage.ledger_write import add_to_ledger

REPLAY = ".venv/bin/python -m tracing_core dead-letters --replay"
MOST_READ = 500
"""Files that are read to know the reasons; the newest ones."""
_UNREADABLE = "the file cannot be read"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetter:
    """A trace that the database refused, with the reason; `trace` is None where its file cannot be read."""

    path: Path
    reason: str
    buried_at: datetime
    trace: TraceData | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadReason:
    """A reason, how many traces were refused for it, the newest time, and the id of one."""

    reason: str
    count: int
    newest: datetime
    example: str


def dead_letters(spool: Spool, most: int = MOST_READ) -> tuple[DeadLetter, ...]:
    """The refused traces, the newest first, at most so many."""
    return tuple(_letters(reversed(spool.dead()), most))


def reasons(letters: Sequence[DeadLetter]) -> tuple[DeadReason, ...]:
    """Why, the most frequent reason first."""
    by_reason: dict[str, list[DeadLetter]] = {}
    for letter in letters:
        by_reason.setdefault(letter.reason, []).append(letter)
    found = (
        DeadReason(
            reason=reason,
            count=len(some),
            newest=max(letter.buried_at for letter in some),
            example=some[0].trace.trace_id if some[0].trace is not None else some[0].path.name,
        )
        for reason, some in by_reason.items()
    )
    return tuple(sorted(found, key=lambda each: -each.count))


def give_back(spool: Spool, database: Database, letters: Iterable[DeadLetter]) -> int:
    """Let refused traces wait for the database once more, and take them out of the ledger's line of the refused.

    What it refuses again is buried again, with the reason it has then.

    Returns:
        How many were given back; a file that cannot be read stays where it is.

    Raises:
        OSError: the spool cannot be written.
        StorageError: the ledger cannot be written; what was given back is, and is not counted twice when tried again.
    """
    count = 0
    for letter in letters:
        if letter.trace is None:
            continue
        lines = Ledger()
        spans = len(letter.trace.spans)
        lines.note(letter.buried_at.date(), letter.trace.source, Outcome.DEAD_LETTERED, letter.reason, -1, -spans)
        with database.write() as connection:
            add_to_ledger(connection, lines)
            spool.keep([letter.trace])
            letter.path.unlink(missing_ok=True)
        count += 1
    return count


def _letters(paths: Iterator[Path], most: int) -> Iterator[DeadLetter]:
    for path, _ in zip(paths, range(most), strict=False):
        try:
            buried_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            content = path.read_bytes()
        except OSError:  # somebody has just given it back
            continue
        yield _letter(path, content, buried_at)


def _letter(path: Path, content: bytes, buried_at: datetime) -> DeadLetter:
    try:
        said = orjson.loads(content)
        return DeadLetter(
            path=path, reason=str(said["reason"]), buried_at=buried_at, trace=from_document(said["trace"])
        )
    except (orjson.JSONDecodeError, InvalidInput, KeyError, TypeError):
        return DeadLetter(path=path, reason=_UNREADABLE, buried_at=buried_at, trace=None)
